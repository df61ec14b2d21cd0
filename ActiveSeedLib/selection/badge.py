"""BADGE: cases that would change the model's last layer much, and each in its own way.

Ash et al. 2020, Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds,
arXiv:1906.03671.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.ranking import completed, lacking
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies


def gradient_embedding(penultimate: ArrayLike, probabilities: ArrayLike) -> Floats:
    """Return the gradients of the last layer's weights, were the likeliest class the right one.

    g = (onehot(argmax p) − p) ⊗ h, class by class.

    Args:
        penultimate: h, [N, H] what goes into the last layer.
        probabilities: p, [N, C].

    Returns:
        [N, C·H].
    """
    h = np.asarray(penultimate, dtype=np.float64)
    p = np.asarray(probabilities, dtype=np.float64)
    if h.ndim != 2 or p.ndim != 2 or len(h) != len(p):
        raise InputError(
            f"The last layer's inputs {h.shape} and probabilities {p.shape} must be arrays of as "
            "many cases × numbers."
        )
    missing = -p
    missing[np.arange(len(p)), p.argmax(axis=1)] += 1.0
    gradients: Floats = np.einsum("nc,nh->nch", missing, h).reshape(len(h), -1)
    return gradients


def seeding_probabilities(gradients: ArrayLike, chosen: ArrayLike) -> Floats:
    """Return the probability [N] of each case to be picked next by k-means++.

    That is D²/ΣD², D being the distance to the nearest of `chosen` (indices, at least one). Where
    all distances are 0, all cases that are not chosen are as likely.
    """
    seeding = _Seeding(_as_vectors(gradients))
    for index in np.asarray(chosen, dtype=np.int64):
        seeding.add(int(index))
    return seeding.probabilities()


def kmeans_plus_plus(gradients: ArrayLike, budget: int, *, seed: int | Sequence[int]) -> Indices:
    """Pick `budget` cases as k-means++ does, the first being the one with the longest gradient.

    No case is picked twice, even where all gradients are equal. Each pick costs N·G.

    Args:
        gradients: [N, G]; float32 is computed in float32.
        budget: 1 to N.
        seed: for the draws.

    Returns:
        The picks in order; of equally long gradients the lowest index comes first.
    """
    vectors = _as_vectors(gradients)
    if budget > len(vectors):
        raise PoolTooSmallError(len(vectors), budget)
    generator = np.random.default_rng(seed)
    seeding = _Seeding(vectors)
    picks = np.empty(budget, dtype=np.int64)
    picks[0] = int(np.argmax(seeding.squared_norms))
    seeding.add(int(picks[0]))
    for step in range(1, budget):
        picks[step] = generator.choice(len(vectors), p=seeding.probabilities())
        seeding.add(int(picks[step]))
    return picks


def _as_vectors(gradients: ArrayLike) -> NDArray[np.floating]:
    given = np.asarray(gradients)
    single = given.dtype == np.float32
    vectors: NDArray[np.floating] = np.ascontiguousarray(
        given, dtype=np.float32 if single else np.float64
    )
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise InputError(f"Gradients must be an array of cases × numbers, not {vectors.shape}.")
    if not np.isfinite(vectors).all():
        raise InputError("Some gradients are NaN or infinite; predict these cases again.")
    return vectors


class _Seeding:
    """Squared distances of vectors [N, G] to the nearest chosen one."""

    def __init__(self, vectors: NDArray[np.floating]) -> None:
        self._vectors = vectors
        self.squared_norms = np.einsum("ng,ng->n", vectors, vectors, dtype=np.float64)
        self._squared = np.full(len(vectors), np.inf)
        self._left = np.ones(len(vectors), dtype=bool)
        # Below this share of |a|² + |b|² the rounding of a matrix product hides a distance.
        self._noise = 1e-5 if vectors.dtype == np.float32 else 1e-13

    def add(self, index: int) -> None:
        """Choose the vector `index`."""
        sums = self.squared_norms + self.squared_norms[index]
        products = (self._vectors @ self._vectors[index]).astype(np.float64)
        squared = sums - 2.0 * products
        unsure = np.flatnonzero(squared < 1e3 * self._noise * sums)
        squared[unsure] = self._exact(unsure, index)
        np.minimum(self._squared, squared, out=self._squared)
        self._left[index] = False
        self._squared[index] = 0.0

    def _exact(self, rows: Indices, index: int) -> Floats:
        """Return the squared distances of a few rows by differences."""
        found = np.empty(len(rows))
        step = max(1, (1 << 22) // self._vectors.shape[1])
        for start in range(0, len(rows), step):
            part = self._vectors[rows[start : start + step]] - self._vectors[index]
            found[start : start + step] = np.einsum("ng,ng->n", part, part, dtype=np.float64)
        return found

    def probabilities(self) -> Floats:
        """Return D²/ΣD² [N]."""
        weights = np.where(self._left, self._squared, 0.0)
        total = weights.sum()
        if total <= 0:
            weights, total = self._left.astype(np.float64), float(self._left.sum())
        found: Floats = weights / total
        return found


@strategies.register(
    "badge",
    summary="Cases that would change the model's last layer much, and each in its own way.",
    citation="Ash et al. 2020, arXiv:1906.03671",
    stage="active",
    needs="gradients",
    unit="slice, case",
    cost="N·G a pick, G the weights of the last layer",
)
def badge(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Seed k-means++ on the candidates' gradients; labelled cases take no part."""
    if pool.gradients is None:
        raise lacking("badge", "gradients")
    rows = np.asarray(pool.candidates, dtype=np.int64)
    own = np.asarray(pool.gradients)[rows]
    known = np.isfinite(own).all(axis=1)
    if not known.any():
        raise lacking("badge", "gradients")
    if not known.all():  # else it would be a copy for nothing
        rows, own = rows[known], own[known]
    seed = [pool.seed, len(pool.labelled)]
    order = kmeans_plus_plus(own, min(budget, len(rows)), seed=seed)
    lengths = np.linalg.norm(own[order].astype(np.float64), axis=1)
    picks = [
        Pick(int(rows[place]), _reason(step, len(rows)), _why(step, length))
        for step, (place, length) in enumerate(zip(order, lengths.tolist(), strict=True))
    ]
    return completed(picks, pool, budget, rows.tolist(), {"stage": "active"})


def _reason(step: int, total: int) -> str:
    if step == 0:
        return f"Of {total} cases, the one whose label would change the model most."
    return "Its label would change the model in another way than those picked before it."


def _why(step: int, length: float) -> dict[str, float | str]:
    return {"role": "seed" if step else "longest gradient", "gradient_length": length}
