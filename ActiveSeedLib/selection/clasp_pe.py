"""ClaSP PE: class-stratified, scheduled power predictive entropy.

Lüth et al. 2026, Finally Outshining the Random Baseline, arXiv:2601.13677. Noise on the logarithm
of the entropy, strong in the first rounds and weak in the last, keeps the picks apart; a share of
them goes to the classes in equal parts, so that the rare ones are not drowned by the large.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.geometry import Floats, Indices, highest_first
from ActiveSeedLib.selection.ranking import completed, lacking, measured
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies

SHARE = 0.66
GLOBAL = -1
"""The class that stands for all classes together."""
_SMALLEST = 1e-12
_QUOTA, _NOISE = 1, 2


def power(step: int, steps: int) -> float:
    """Return β_t = 100^(t/(n − 1)), from 1 in the first of n rounds to 100 in the last.

    Args:
        step: t, from 0; beyond the last round it stays there.
        steps: n; a single round has β = 1.
    """
    if steps < 2:
        return 1.0
    return float(100.0 ** (min(max(step, 0), steps - 1) / (steps - 1)))


def noisy_scores(uncertainty: ArrayLike, beta: float, *, seed: int | Sequence[int]) -> Floats:
    """Return ln u + Gumbel noise of scale 1/β; NaN stays NaN.

    The best B of these are a draw of B without replacement, each with probability ∝ u^β.

    Args:
        uncertainty: u ≥ 0, of any shape; below 1e-12 it counts as that.
        beta: above 0.
        seed: for the noise.
    """
    u = np.asarray(uncertainty, dtype=np.float64)
    noise = np.random.default_rng(seed).gumbel(0.0, 1.0 / beta, u.shape)
    return np.asarray(np.log(np.maximum(u, _SMALLEST)) + noise)


def quotas(
    budget: int, classes: Sequence[int], share: float = SHARE, *, seed: int | Sequence[int]
) -> dict[int, int]:
    """Return how many picks each class is due, and under −1 how many the ranking over all is.

    int(budget·share) picks go to the classes in equal parts; the seed decides which ones get one
    of the remainder. The sum is always the budget.
    """
    stratified = int(budget * share) if len(classes) else 0
    due = dict.fromkeys(classes, stratified // max(1, len(classes)))
    order = list(classes)
    np.random.default_rng(seed).shuffle(order)
    for chosen in order[: stratified - sum(due.values())]:
        due[chosen] += 1
    return {**due, GLOBAL: budget - stratified}


def compose(
    scores_by_class: ArrayLike,
    class_ids: Sequence[int],
    due: Mapping[int, int],
    *,
    same_cases: bool = True,
) -> tuple[Indices, Indices]:
    """Take from each class's ranking as many of the best as it is due, the one over all last.

    Args:
        scores_by_class: [L, N] one row a class, NaN where a case does not show it.
        class_ids: [L] the class of each row, −1 for the row over all classes.
        due: picks of each class (`quotas`).
        same_cases: whether column n of every row is the same case, which is then picked once; what
            a class cannot give goes to the ranking over all. Otherwise each row has items of its
            own.

    Returns:
        The class that each pick was taken for, and its column, in the order of `class_ids`. Ties go
        to the lowest column.
    """
    scores = np.asarray(scores_by_class, dtype=np.float64)
    free = np.ones(scores.shape[1], dtype=bool)
    lacking_so_far = 0
    taken: list[tuple[int, int]] = []
    for own, name in sorted(
        zip(scores, class_ids, strict=True), key=lambda entry: entry[1] == GLOBAL
    ):
        usable = np.flatnonzero(np.isfinite(own) & free)
        wanted = due[name] + (lacking_so_far if name == GLOBAL else 0)
        best = usable[highest_first(own[usable])][:wanted]
        taken += [(int(name), int(column)) for column in best]
        if same_cases:
            free[best] = False
            lacking_so_far += wanted - len(best)
    picked = np.array(taken, dtype=np.int64).reshape(-1, 2)
    return picked[:, 0], picked[:, 1]


@dataclass(frozen=True)
class ClaspParameters:
    """How many rounds there will be, and how much is stratified by class."""

    rounds: int = field(
        default=5,
        metadata={
            "help": "Rounds after the cold start; the noise falls from the first to the last.",
            "minimum": 1,
        },
    )
    share: float = field(
        default=SHARE,
        metadata={
            "help": "Share of the picks that goes to the classes in equal parts.",
            "minimum": 0.0,
            "maximum": 1.0,
        },
    )

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise InputError(f"There must be at least 1 round, not {self.rounds}.")
        if not 0 <= self.share <= 1:
            raise InputError(f"share must lie between 0 and 1, not {self.share}.")


@strategies.register(
    "clasp-pe",
    summary="Cases that the model is unsure about, class by class, with noise that fades.",
    citation="Lüth et al. 2026, ClaSP PE, arXiv:2601.13677",
    parameters=ClaspParameters,
    stage="active",
    needs="entropy,class_scores",
    unit="slice, case",
    cost="C·N log N",
)
def clasp_pe(pool: Candidates, budget: int, parameters: ClaspParameters) -> Selection:
    """Stratify noisy entropies; the first selection of a project counts as the cold start."""
    known = measured(pool, "entropy", "clasp-pe")
    given = None if pool.class_scores is None else np.asarray(pool.class_scores, dtype=np.float64)
    if given is None or not np.isfinite(given[known.rows]).any():
        raise lacking("clasp-pe", "class-wise entropies")
    beta = power(pool.round - 1, parameters.rounds)
    classes = list(range(1, given.shape[1] + 1))
    plain = np.vstack([given[known.rows].T, known.values])
    seed = [pool.seed, len(pool.labelled)]
    noisy = noisy_scores(plain, beta, seed=[*seed, _NOISE])
    due = quotas(min(budget, len(known.rows)), classes, parameters.share, seed=[*seed, _QUOTA])
    picked_for, columns = compose(noisy, [*classes, GLOBAL], due)
    picks = [
        _pick(int(known.rows[column]), int(name), plain[name - 1 if name > 0 else -1, column])
        for name, column in zip(picked_for, columns, strict=True)
    ]
    facts: dict[str, Any] = {
        "stage": "active",
        "beta": beta,
        "quotas": {str(name): count for name, count in due.items()},
    }
    return completed(picks, pool, budget, known.rows.tolist(), facts)


def _pick(row: int, name: int, score: float) -> Pick:
    if name == GLOBAL:
        reason = "The model is unsure about it as a whole, and chance let it through."
    else:
        reason = f"The model is unsure about segment {name} in it, and chance let it through."
    why = {"role": "class" if name != GLOBAL else "all classes", "score": float(score)}
    return Pick(row, reason, {**why, "class": None if name == GLOBAL else name})
