"""Stochastic Batches: of many batches drawn at random, the one the model is least sure of.

Gaillochet et al. 2023, Active learning for medical image segmentation with stochastic batches,
Medical Image Analysis 90, arXiv:2301.07670.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.ranking import Uncertainty, completed, facts_of, meaning, measured
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies


def random_batches(
    count: int, size: int, *, seed: int | Sequence[int], batches: int | None = None
) -> Indices:
    """Return batches of indices below `count`, [batches, size]; none holds an index twice.

    Args:
        count: N.
        size: cases a batch, 1 to N.
        seed: for the draws.
        batches: how many are drawn, independently of each other; None cuts one permutation of the
            pool into batches and leaves out what is left over.
    """
    if size > count:
        raise PoolTooSmallError(count, size)
    generator = np.random.default_rng(seed)
    if batches is None:
        whole = count // size
        return generator.permutation(count)[: whole * size].reshape(whole, size)
    drawn = [generator.choice(count, size, replace=False) for _ in range(batches)]
    return np.stack(drawn).astype(np.int64)


def group_scores(
    uncertainty: ArrayLike, groups: ArrayLike, aggregation: Literal["mean", "max"] = "mean"
) -> Floats:
    """Return the mean (or highest) uncertainty of each batch.

    Args:
        uncertainty: [N].
        groups: [G, B] indices.
        aggregation: how the cases of a batch count.
    """
    each = np.asarray(uncertainty, dtype=np.float64)[np.asarray(groups, dtype=np.int64)]
    return np.asarray(each.mean(axis=1) if aggregation == "mean" else each.max(axis=1))


def best_batch(uncertainty: ArrayLike, groups: ArrayLike) -> Indices:
    """Return the batch [B] with the highest mean uncertainty; ties go to the first batch."""
    given = np.asarray(groups, dtype=np.int64)
    chosen: Indices = given[int(np.argmax(group_scores(uncertainty, given)))]
    return chosen


@dataclass(frozen=True)
class StochasticBatchesParameters:
    """Which uncertainty counts, and how many batches are compared."""

    measure: Uncertainty = field(
        default="entropy", metadata={"help": "The uncertainty that is averaged over a batch."}
    )
    batches: int | None = field(
        default=None,
        metadata={"help": "Batches drawn at random; empty: the pool is dealt out into batches."},
    )

    def __post_init__(self) -> None:
        if self.batches is not None and self.batches < 1:
            raise InputError(f"There must be at least 1 batch, not {self.batches}.")


@strategies.register(
    "stochastic-batches",
    summary="Of many batches drawn at random, the one that the model is least sure about.",
    citation="Gaillochet et al. 2023, Medical Image Analysis, arXiv:2301.07670",
    parameters=StochasticBatchesParameters,
    stage="active",
    needs="entropy",
    unit="slice, case",
    cost="N",
)
def stochastic_batches(
    pool: Candidates, budget: int, parameters: StochasticBatchesParameters
) -> Selection:
    """Compare batches of the budget's size among the candidates that a model has predicted."""
    known = measured(pool, parameters.measure, "stochastic-batches")
    size = min(budget, len(known.rows))
    seed = [pool.seed, len(pool.labelled)]
    groups = random_batches(len(known.rows), size, seed=seed, batches=parameters.batches)
    scores = group_scores(known.values, groups)
    best = int(np.argmax(scores))
    ranks, total = known.ranks(), len(known.rows)
    reason = _reason(len(groups), parameters.measure)
    picks = []
    for place in groups[best].tolist():
        row = int(known.rows[place])
        told = facts_of(parameters.measure, known.values[place], ranks[row], total)
        picks.append(
            Pick(row, reason, {"role": "batch", "batch_score": float(scores[best])} | told)
        )
    facts = {
        "stage": "active",
        "measure": parameters.measure,
        "batches": len(groups),
        "batch_score": float(scores[best]),
        "mean_batch_score": float(scores.mean()),
    }
    return completed(picks, pool, budget, known.rows.tolist(), facts)


def _reason(batches: int, measure: str) -> str:
    if batches == 1:
        return "Drawn at random, for no second batch of this size was there to compare with."
    return f"In the batch that leads {batches} drawn at random in {meaning(measure)}."
