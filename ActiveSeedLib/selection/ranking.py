"""What strategies that go by a model's uncertainty share: measures, ranks, and what fills up."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.geometry import Floats, Indices, farthest_points, highest_first
from ActiveSeedLib.selection.measures import needed
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection

Region = Literal["image", "foreground"]
Uncertainty = Literal[
    "entropy", "foreground_entropy", "least_confidence", "margin", "bald", "tta", "ensemble"
]
# What each measure says, as the end of "Number 3 of 36 cases in …"; the higher the less sure.
MEANINGS = {
    "entropy": "the model's doubt",
    "least_confidence": "the model's lack of confidence in its own answer",
    "margin": "how close the model's two likeliest answers are",
    "bald": "how much the model's answers differ when parts of it are switched off",
    "tta": "how much the model's answer changes when the image is mirrored or brightened",
    "ensemble": "how much models trained alike disagree",
}
_FOREGROUND = "foreground_"


@dataclass(frozen=True)
class Measured:
    """The candidates of which a measure is known.

    Attributes:
        name: of the measure.
        rows: [M] the candidates, ascending.
        values: [M] the measure of each; the higher the less sure.
    """

    name: str
    rows: Indices
    values: Floats

    def ranks(self) -> dict[int, int]:
        """Return the rank of each row; 1 is the highest value, ties by index."""
        order = self.rows[highest_first(self.values)]
        return {int(row): rank for rank, row in enumerate(order, start=1)}


def over(measure: str, region: Region) -> str:
    """Return the name of `measure` over the whole image, or around the predicted foreground."""
    return measure if region == "image" else _FOREGROUND + measure


def measured(pool: Candidates, measure: str, strategy: str) -> Measured:
    """Return the candidates of which `measure` is known, or say what `strategy` lacks.

    Raises:
        InputError: the pool has no such measure, or no candidate has it.
    """
    values, rows = needed(pool, measure, strategy)
    return Measured(measure, rows, values[rows])


def lacking(strategy: str, measure: str) -> InputError:
    """Return the error that no case has the `measure` (plural words) that `strategy` needs."""
    return InputError(
        f"The strategy {strategy} chooses by the {measure} of a model's predictions, and none "
        "are known: train a model and let it predict the pool first."
    )


def meaning(measure: str) -> str:
    """Return what `measure` says of a case, as the end of a sentence."""
    if measure in MEANINGS:
        return MEANINGS[measure]
    return f"{MEANINGS[measure.removeprefix(_FOREGROUND)]}, in and around what it segments"


def most_unsure(pool: Candidates, budget: int, measure: str, strategy: str) -> Selection:
    """Pick the cases with the highest `measure`; should too few have it, go on by distance."""
    known = measured(pool, measure, strategy)
    total = len(known.rows)
    picks = [
        Pick(
            int(known.rows[place]),
            f"Number {rank} of {total} cases in {meaning(measure)}.",
            {"role": "most uncertain", **facts_of(measure, known.values[place], rank, total)},
        )
        for rank, place in enumerate(highest_first(known.values)[:budget], start=1)
    ]
    return completed(picks, pool, budget, known.rows, {"stage": "active", "measure": measure})


def facts_of(measure: str, value: float, rank: int, total: int) -> dict[str, Any]:
    """Return what `why` tells of a measure: its name, the value, the rank of how many."""
    return {"measure": measure, "score": float(value), "rank": rank, "rank_of": total}


def completed(
    picks: list[Pick],
    pool: Candidates,
    budget: int,
    known: Iterable[int],
    facts: dict[str, Any],
) -> Selection:
    """Return `picks` as a selection, filled up to `budget` with cases of which no measure is known.

    Those are the ones farthest on the map from all labelled and picked cases.

    Args:
        picks: at least one.
        pool: all candidates.
        budget: how many picks there shall be.
        known: the candidates of which the measure is known.
        facts: of the selection; a note is added where something was passed over or filled up.
    """
    missing = len(pool.candidates) - len(np.asarray(list(known)))
    rest = budget - len(picks)
    if missing and "note" not in facts:
        facts = {**facts, "note": _note(missing, len(pool.candidates), rest)}
    if not rest:
        return Selection(picks, facts)
    start = [*(int(index) for index in pool.labelled), *(pick.index for pick in picks)]
    indices, distances = farthest_points(pool.coords, pool.candidates, start, rest)
    reason = "No model has judged it yet; it differs most from all labelled and chosen cases."
    filling = [
        Pick(int(index), reason, {"role": "farthest", "farthest_distance": float(distance)})
        for index, distance in zip(indices, distances, strict=True)
    ]
    return Selection(picks + filling, facts)


def _note(missing: int, total: int, by_distance: int) -> str:
    if by_distance:
        return f"{by_distance} of the picks have no prediction and were chosen by distance alone."
    return f"{missing} of {total} candidates have no prediction and were passed over."
