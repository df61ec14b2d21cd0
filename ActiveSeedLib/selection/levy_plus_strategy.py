"""The strategy levy-plus: Levy et al. 2026 with what their paper leaves open."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.explain import explained_cold_start
from ActiveSeedLib.selection.feature_space import principal_points
from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.levy import check_alpha, cold_start
from ActiveSeedLib.selection.levy_plus import (
    FIRST_ALPHA,
    LAST_ALPHA,
    ROUNDS,
    BalancedPicks,
    balanced_picks,
    scheduled_alpha,
)
from ActiveSeedLib.selection.measures import known
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies
from ActiveSeedLib.selection.trust import Trust, measured_trust

# Optional measures: 1 − Dice of cases predicted by a model that had not seen their label, and, with
# this prefix, the same uncertainty as another model gave it (the last round's).
ERROR = "error"
BEFORE = "previous_"


@dataclass(frozen=True)
class LevyPlusParameters:
    """How coverage turns into uncertainty, and what both are measured by."""

    first_alpha: float = field(
        default=FIRST_ALPHA,
        metadata={
            "help": "Weight of diversity in the first round with a model.",
            "minimum": 0.0,
            "maximum": 1.0,
        },
    )
    last_alpha: float = field(
        default=LAST_ALPHA,
        metadata={
            "help": "Weight of diversity once the schedule has ended.",
            "minimum": 0.0,
            "maximum": 1.0,
        },
    )
    rounds: int = field(
        default=ROUNDS,
        metadata={"help": "Rounds with a model until the last weight is reached.", "minimum": 1},
    )
    uncertainty: Literal[
        "foreground_entropy", "entropy", "least_confidence", "margin", "bald", "tta", "ensemble"
    ] = field(
        default="foreground_entropy",
        metadata={
            "help": "What counts as uncertainty; where nothing is known around the foreground, "
            "the whole image's entropy."
        },
    )
    space: Literal["features", "map"] = field(
        default="features",
        metadata={"help": "Measure distances among the features, or on the 2-D map."},
    )
    gate: bool = field(
        default=True,
        metadata={
            "help": "Stay with diversity while the model's uncertainty is measured to be noise."
        },
    )

    def __post_init__(self) -> None:
        check_alpha(self.first_alpha)
        check_alpha(self.last_alpha)
        if self.rounds < 1:
            raise InputError(f"The schedule must last at least 1 round, not {self.rounds}.")


@strategies.register(
    "levy-plus",
    summary="Typical and diverse cases first; then from coverage to uncertainty, round by round, "
    "as far as the model's doubt can be trusted.",
    citation="After Levy et al. 2026, arXiv:2601.18532, with what it leaves open decided here",
    parameters=LevyPlusParameters,
    stage="any",
    needs="features",
    uses="foreground_entropy, entropy, error, previous_foreground_entropy",
    unit="slice, case",
    cost="N·D·50 once, for 50 principal components, then N·50 a pick; to start with k-means for "
    "every number of groups, and all pairs within a group",
)
def levy_plus(pool: Candidates, budget: int, parameters: LevyPlusParameters) -> Selection:
    """Cold start while nothing is labelled; then distance and uncertainty by the schedule.

    Candidates without an uncertainty count as those with the least.
    """
    points = _points(pool, parameters.space)
    if not len(pool.labelled):
        return explained_cold_start(
            cold_start(points[pool.candidates], budget, seed=pool.seed), pool
        )
    measure, values, rows = uncertainty_of(pool, parameters.uncertainty)
    alpha = scheduled_alpha(
        pool.round, parameters.first_alpha, parameters.last_alpha, parameters.rounds
    )
    trust = None
    notes = []
    if not len(rows):
        alpha = 1.0
        notes.append("No model has predicted the pool yet, so distance alone decided.")
    elif parameters.gate:
        trust = trust_of(pool, measure, values)
        if trust.trusted is False:
            alpha = 1.0
        notes.append(trust.sentence)
    everywhere = np.full(len(values), values[rows].min() if len(rows) else 0.0)
    everywhere[rows] = values[rows]
    chosen = balanced_picks(points, everywhere, pool.labelled, budget, alpha, pool.candidates)
    if 0 < len(rows) < len(pool.candidates):
        missing = len(pool.candidates) - len(rows)
        notes.append(f"{missing} of {len(pool.candidates)} candidates have no prediction.")
    facts: dict[str, Any] = {
        "stage": "active",
        "alpha": alpha,
        "uncertainty": measure,
        "space": parameters.space,
        "note": " ".join(notes),
    }
    if trust is not None and trust.trusted is not None:
        facts["trust"] = {
            "trusted": trust.trusted,
            "by": trust.by,
            "correlation": trust.correlation,
            "cases": trust.cases,
        }
    return Selection(_explained(chosen, everywhere, rows, alpha), facts)


def _points(pool: Candidates, space: str) -> Floats:
    """Return the places [N, …] among which distances are measured; NaN for rows not in the pool."""
    if space == "map":
        return np.asarray(pool.coords, dtype=np.float64)
    rows = np.union1d(pool.candidates, pool.labelled)
    own = principal_points(np.asarray(pool.features)[rows], pool.seed)
    points = np.full((len(pool.features), own.shape[1]), np.nan)
    points[rows] = own
    return points


def uncertainty_of(
    pool: Candidates, wanted: str = "foreground_entropy"
) -> tuple[str, Floats, Indices]:
    """Return the measure's name, its values [N] and the candidates that have one.

    Where nothing is known around the foreground, it is the whole image's entropy.
    """
    values, rows = known(pool, wanted)
    if not len(rows) and wanted == "foreground_entropy":
        return "entropy", *known(pool, "entropy")
    return wanted, values, rows


def trust_of(pool: Candidates, measure: str, values: Floats) -> Trust:
    """Measure the gate for the `values` [N] of `measure`, on labelled cases and candidates alone.

    By the errors that the pool has ("error"), else by what another model gave ("previous_…").
    """
    rows = np.union1d(pool.candidates, pool.labelled)
    error, _ = known(pool, ERROR)
    before, _ = known(pool, BEFORE + measure)
    return measured_trust(values[rows], error[rows], before[rows])


def _explained(chosen: BalancedPicks, values: Floats, rows: Indices, alpha: float) -> list[Pick]:
    predicted = set(rows.tolist())
    picks = []
    for step, index in enumerate(chosen.picks.tolist()):
        dtilde = float(chosen.dtilde[step])
        why: dict[str, Any] = {
            "role": "farthest" if alpha == 1 else "score",
            "score": float(chosen.scores[step]),
            "normalised_distance": dtilde,
        }
        if index in predicted:
            why |= {"uncertainty": float(values[index])}
            why |= {"normalised_uncertainty": float(chosen.uncertainty[step])}
        rank = 1 + int(np.count_nonzero(values[rows] > values[index]))
        unsure = f"number {rank} of {len(rows)} in uncertainty"
        if alpha == 1:
            reason = "Of the cases left, the one least like all labelled and chosen ones."
        elif index not in predicted:
            reason = "No model has judged it yet; it differs much from the cases chosen so far."
        elif alpha == 0:
            reason = f"The model is unsure about it: {unsure}."
        else:
            reason = (
                f"It balances the model's doubt ({unsure}) and difference from the cases chosen "
                "so far."
            )
        picks.append(Pick(index, reason, why))
    return picks
