"""Cases drawn uniformly among the β % that the model is least sure about.

Rokach, Aperstein and Akselrod-Ballin 2025, Deep active learning framework for chest-abdominal CT
scans segmentation, Expert Systems with Applications.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.geometry import Indices, highest_first
from ActiveSeedLib.selection.ranking import (
    Uncertainty,
    completed,
    facts_of,
    meaning,
    measured,
)
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies


def top_share(uncertainty: ArrayLike, beta: float, at_least: int = 1) -> Indices:
    """Return the indices of the `beta` per cent with the highest uncertainty, highest first.

    Args:
        uncertainty: [N]; ties go to the lowest index.
        beta: above 0, up to 100; the number of cases is rounded up.
        at_least: how many there must be at least, 1 to N.
    """
    order = highest_first(uncertainty)
    share = math.ceil(round(beta / 100 * len(order), 9))
    return order[: max(share, at_least)]


def uniform_among_top(
    uncertainty: ArrayLike, budget: int, beta: float, *, seed: int | Sequence[int]
) -> Indices:
    """Draw `budget` of the top `beta` per cent, each as likely as the other, none twice.

    With fewer of them than the budget, the `budget` highest are taken.
    """
    values = np.asarray(uncertainty, dtype=np.float64)
    if budget > len(values):
        raise PoolTooSmallError(len(values), budget)
    top = top_share(values, beta, budget)
    return np.random.default_rng(seed).choice(top, budget, replace=False)


@dataclass(frozen=True)
class RokachParameters:
    """Which uncertainty counts, and how far down its ranking the draw reaches."""

    beta: float = field(
        default=20.0,
        metadata={
            "help": "Per cent of the cases, the least sure ones, among which is drawn.",
            "minimum": 0.1,
            "maximum": 100.0,
        },
    )
    measure: Uncertainty = field(
        default="entropy", metadata={"help": "The uncertainty that ranks the cases."}
    )

    def __post_init__(self) -> None:
        if not 0 < self.beta <= 100:
            raise InputError(f"beta must be above 0 and at most 100 per cent, not {self.beta}.")


@strategies.register(
    "rokach",
    summary="Cases drawn at random among those that the model is least sure about.",
    citation="Rokach et al. 2025, Expert Systems with Applications, 10.1016/j.eswa.2024.125522",
    parameters=RokachParameters,
    stage="active",
    needs="entropy",
    unit="slice, case",
    cost="N log N",
)
def rokach(pool: Candidates, budget: int, parameters: RokachParameters) -> Selection:
    """Draw among the top β % of the candidates that a model has predicted."""
    known = measured(pool, parameters.measure, "rokach")
    count, total = min(budget, len(known.rows)), len(known.rows)
    seed = [pool.seed, len(pool.labelled)]
    drawn = uniform_among_top(known.values, count, parameters.beta, seed=seed)
    reach = len(top_share(known.values, parameters.beta, count))
    ranks = known.ranks()
    reason = f"Drawn among the {reach} of {total} cases that lead in {meaning(parameters.measure)}."
    picks = []
    for place in drawn.tolist():
        row = int(known.rows[place])
        told = facts_of(parameters.measure, known.values[place], ranks[row], total)
        picks.append(Pick(row, reason, {"role": "random among the top"} | told))
    facts = {"stage": "active", "measure": parameters.measure, "among": reach}
    return completed(picks, pool, budget, known.rows.tolist(), facts)
