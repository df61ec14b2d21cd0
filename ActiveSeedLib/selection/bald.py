"""BALD: how much can be learnt of the model's weights from a label; and for a whole batch.

Houlsby et al. 2011, arXiv:1112.5745; Kirsch et al. 2019, arXiv:1906.08158. Probabilities come from
K passes through the model (MC dropout: Gal et al. 2017, arXiv:1703.02910) or from K models.
Entropies are in nats.
"""

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.geometry import Floats, Indices, first_highest

JOINT_LIMIT = 100_000
_BLOCK = 1 << 22  # numbers held at a time


def entropy(probabilities: ArrayLike) -> Floats:
    """Return the entropy of the mean over the passes, H(E[p]).

    Args:
        probabilities: [..., K, C], summing to 1 over the classes; the first axes may be cases or
            voxels.

    Returns:
        [...], from 0 to ln C.
    """
    return _entropy(_checked(probabilities).mean(axis=-2))


def conditional_entropy(probabilities: ArrayLike) -> Floats:
    """Return the mean over the passes of the entropy, E[H(p)]; [..., K, C] becomes [...]."""
    each = _entropy(_checked(probabilities))
    return np.asarray(each.mean(axis=-1), dtype=np.float64)


def bald(probabilities: ArrayLike) -> Floats:
    """Return the mutual information of label and weights, H(E[p]) − E[H(p)].

    [..., K, C] becomes [...]; the mean over an image's voxels is the image's score.
    """
    both = _checked(probabilities)
    return np.asarray(np.maximum(entropy(both) - conditional_entropy(both), 0.0))


def batch_bald(probabilities: ArrayLike, budget: int) -> tuple[Indices, Floats]:
    """Pick greedily the batch with the highest joint mutual information, exactly.

    The joint entropy runs over all C^B combinations of labels; a budget for which the first B − 1
    have more than 100,000 of them is refused.

    Args:
        probabilities: [N, K, C].
        budget: B, 1 to N.

    Returns:
        The picks in order [B], and the mutual information of the batch after each [B]. Ties go to
        the lowest index.
    """
    p = _checked(probabilities)
    if p.ndim != 3:
        raise InputError(
            f"BatchBALD needs cases × passes × classes, not an array of shape {p.shape}."
        )
    count, passes, classes = p.shape
    if budget > count:
        raise PoolTooSmallError(count, budget)
    if classes ** (budget - 1) > JOINT_LIMIT:
        raise InputError(
            f"BatchBALD is exact, and {budget} cases of {classes} classes have too many "
            "combinations of labels: lower the budget, or choose bald."
        )
    single = conditional_entropy(p)
    joint = np.ones((1, passes))
    picks, scores = np.empty(budget, dtype=np.int64), np.empty(budget)
    left = np.ones(count, dtype=bool)
    given = 0.0
    for step in range(budget):
        gain = np.full(count, -np.inf)
        free = np.flatnonzero(left)
        gain[free] = _joint_entropies(joint, p[free]) - single[free] - given
        best = first_highest(gain)
        picks[step], scores[step] = best, gain[best]
        left[best] = False
        given += float(single[best])
        joint = np.einsum("mk,kc->mck", joint, p[best]).reshape(-1, passes)
    return picks, scores


def _joint_entropies(joint: Floats, p: Floats) -> Floats:
    """Return for each case [N] the entropy of its label together with the picked ones.

    Args:
        joint: [M, K] probability of each combination of the picked cases' labels in each pass.
        p: [N, K, C].
    """
    found = np.empty(len(p))
    passes, classes = p.shape[1:]
    rows = max(1, _BLOCK // (len(joint) * classes))
    for start in range(0, len(p), rows):
        block = p[start : start + rows]
        # [M, K] × [K, n·C]: the mean over the passes of both labels' joint probability
        flat = block.transpose(1, 0, 2).reshape(passes, -1)
        both = (joint @ flat / passes).reshape(len(joint), len(block), classes)
        found[start : start + rows] = -_xlogx(both).sum(axis=(0, 2))
    return found


def _checked(probabilities: ArrayLike) -> Floats:
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim < 2:
        raise InputError(f"Probabilities must be … × passes × classes, not of shape {p.shape}.")
    if not np.isfinite(p).all():
        raise InputError("Some probabilities are NaN or infinite; predict these cases again.")
    return p


def _entropy(p: Floats) -> Floats:
    return np.asarray(np.maximum(-_xlogx(p).sum(axis=-1), 0.0))


def _xlogx(p: Floats) -> Floats:
    """Return p·ln p, which is 0 at 0."""
    return np.asarray(p * np.log(p, where=p > 0, out=np.zeros_like(p)))
