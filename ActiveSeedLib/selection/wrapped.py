"""Any strategy, minding patients or minutes: wrappers that choose among what a strategy offers.

`one_a_patient` and `per_minute` work on any function from a pool and a budget to a selection, so
that they can be nested; the strategies of the same names pass on to a registered one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.geometry import Floats, Indices, farthest_points
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies

Chooser = Callable[[Candidates, int], Selection]

# How many cases are offered for each that is picked.
REACH = 3


def one_a_patient(choose: Chooser, pool: Candidates, budget: int) -> Selection:
    """Let `choose` pick, at most one case of a patient until all patients are seen.

    A patient with a labelled case has been seen. Of several picks of one patient the first stays;
    for the others `choose` is asked again, with the cases of unseen patients as candidates and the
    picks so far as labelled, until the budget is spent or all patients are seen; then it chooses
    freely. A case whose patient is unknown counts as a patient of its own.

    Args:
        choose: picks so many cases of a pool.
        pool: with `patients`.
        budget: B, 1 to the number of candidates.
    """
    patients = _patients(pool)
    seen = set(patients[pool.labelled].tolist())
    picks: list[Pick] = []
    facts: dict[str, Any] = {}
    while len(picks) < budget:
        left = np.setdiff1d(pool.candidates, [pick.index for pick in picks])
        fresh = left[~np.isin(patients[left], list(seen))]
        rows = fresh if len(fresh) else left
        most = len(set(patients[fresh].tolist())) if len(fresh) else len(left)
        selection = _ask(choose, pool, picks, rows, min(budget - len(picks), most))
        facts = facts or dict(selection.facts)
        for pick in selection.picks:
            patient = int(patients[pick.index])
            if not len(fresh) or patient not in seen:
                seen.add(patient)
                picks.append(pick)
    facts["patients"] = len(set(patients[[pick.index for pick in picks]].tolist()))
    return Selection(picks, facts)


def _patients(pool: Candidates) -> Indices:
    """Return the patient of each case [N]; unknown ones get a number of their own."""
    if pool.patients is None:
        raise InputError(
            "Which case belongs to which patient is not known: add patients to the project, or "
            "choose a strategy that does not mind them."
        )
    count = len(pool.features)
    patients = np.asarray(pool.patients, dtype=np.int64).copy()
    if patients.shape != (count,):
        raise InputError(f"There must be one patient for each of the {count} cases.")
    unknown = np.flatnonzero(patients < 0)
    patients[unknown] = patients.max(initial=0) + 1 + np.arange(len(unknown))
    return patients


def _ask(
    choose: Chooser, pool: Candidates, picks: list[Pick], rows: Indices, count: int
) -> Selection:
    """Let `choose` pick `count` of `rows`; where it lacks a measure of these, go on by distance."""
    before = np.union1d(pool.labelled, [pick.index for pick in picks]).astype(np.int64)
    try:
        return choose(replace(pool, candidates=rows, labelled=before), count)
    except InputError:
        if not picks:
            # Of all candidates something may be known; if not, this says what is missing.
            choose(pool, 1)
        if not len(before):
            raise
    indices, distances = farthest_points(pool.coords, rows, before.tolist(), count)
    reason = "Nothing has been measured of it yet; it differs most from the cases chosen so far."
    return Selection(
        [
            Pick(int(index), reason, {"role": "farthest", "farthest_distance": float(distance)})
            for index, distance in zip(indices, distances, strict=True)
        ]
    )


def value_per_minute(value: ArrayLike, minutes: ArrayLike) -> Floats:
    """Return the value of each case [n] over its predicted minutes of annotation.

    Args:
        value: [n]; where some are negative, all are counted from the least.
        minutes: [n]; NaN, where nothing is predicted, counts as the median of the others.
    """
    worth, spent = np.asarray(value, dtype=np.float64), np.asarray(minutes, dtype=np.float64)
    if worth.shape != spent.shape or worth.ndim != 1:
        raise InputError("There must be one value and one number of minutes a case.")
    known = np.isfinite(spent)
    if not known.any():
        raise InputError(
            "How many minutes a case takes is not known of any case: label some cases first, or "
            "choose a strategy that does not mind the time."
        )
    if (spent[known] <= 0).any():
        raise InputError("Predicted minutes must be above 0.")
    spent = np.where(known, spent, np.median(spent[known]))
    result: Floats = (worth - min(0.0, float(worth.min(initial=0.0)))) / spent
    return result


def per_minute(choose: Chooser, pool: Candidates, budget: int, reach: int = REACH) -> Selection:
    """Let `choose` offer more cases than needed, and pick those worth most for their minutes.

    The worth of a case is the score that the strategy gives it; where it does not score all that it
    offers, all are worth the same, and the quickest of them are picked.

    Args:
        choose: picks so many cases of a pool.
        pool: with `minutes`.
        budget: B, 1 to the number of candidates.
        reach: how many cases are offered for each that is picked; with 1 only their order changes.
    """
    if reach < 1:
        raise InputError(f"At least 1 case must be offered for each pick, not {reach}.")
    count = len(pool.features)
    minutes = np.full(count, np.nan) if pool.minutes is None else np.asarray(pool.minutes)
    if minutes.shape != (count,):
        raise InputError(f"There must be predicted minutes for each of the {count} cases.")
    # Of all candidates, so that a case without a prediction counts as usual for the pool.
    rows = np.asarray(pool.candidates)
    rate = np.full(count, np.nan)
    rate[rows] = value_per_minute(np.ones(len(rows)), minutes[rows])
    offered = choose(pool, min(len(rows), reach * budget))
    indices = [pick.index for pick in offered.picks]
    worth = value_per_minute(_worth(offered.picks), 1 / rate[indices])
    best = np.argsort(-worth, kind="stable")[:budget]
    picks = []
    for place in best.tolist():
        pick, takes = offered.picks[place], float(1 / rate[indices[place]])
        words = f"{pick.reason[:-1]}; about {max(1, round(takes))} minutes of work."
        why = {**pick.why, "minutes": takes, "per_minute": float(worth[place])}
        picks.append(Pick(pick.index, words, why))
    total = float(sum(pick.why["minutes"] for pick in picks))
    return Selection(picks, {**offered.facts, "minutes": total, "offered": len(indices)})


def _worth(picks: list[Pick]) -> Floats:
    """Return the score of each pick, or 1 for each where not all have one."""
    scores = [pick.why.get("score") for pick in picks]
    if all(isinstance(score, int | float) for score in scores):
        return np.array(scores, dtype=np.float64)
    return np.ones(len(picks))


@dataclass(frozen=True)
class PassOnParameters:
    """Whose picks these are."""

    strategy: str = field(
        default="levy",
        metadata={"help": "Name of the strategy that chooses, with its default parameters."},
    )

    def __post_init__(self) -> None:
        strategies.get(self.strategy)


@dataclass(frozen=True)
class PerMinuteParameters(PassOnParameters):
    """Whose picks these are, and among how many."""

    reach: int = field(
        default=REACH,
        metadata={"help": "How many cases are offered for each that is picked.", "minimum": 1},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reach < 1:
            raise InputError(f"At least 1 case must be offered for each pick, not {self.reach}.")


def chooser(name: str, parameters: Mapping[str, Any] | None = None) -> Chooser:
    """Return the registered strategy called `name`, with these parameters in place of defaults."""
    entry = strategies.get(name)
    values = entry.parse(parameters or {})
    return lambda pool, budget: entry.make(pool, budget, values)


@strategies.register(
    "one-a-patient",
    summary="Another strategy's picks, at most one case of a patient until all patients are seen.",
    citation="Own; the strategy it passes on to has its own citation",
    parameters=PassOnParameters,
    stage="any",
    needs="patients",
    unit="slice, case",
    cost="the other strategy's, a few times",
)
def one_a_patient_strategy(
    pool: Candidates, budget: int, parameters: PassOnParameters
) -> Selection:
    """Pass on to the named strategy, minding patients."""
    selection = one_a_patient(chooser(parameters.strategy), pool, budget)
    return Selection(selection.picks, {**selection.facts, "strategy": parameters.strategy})


@strategies.register(
    "per-minute",
    summary="Another strategy's picks, those first that are worth most for the minutes they take.",
    citation="Own; the strategy it passes on to has its own citation",
    parameters=PerMinuteParameters,
    stage="any",
    needs="minutes",
    unit="slice, case",
    cost="the other strategy's for three times the budget",
)
def per_minute_strategy(
    pool: Candidates, budget: int, parameters: PerMinuteParameters
) -> Selection:
    """Pass on to the named strategy, minding the time."""
    choose = chooser(parameters.strategy)
    selection = per_minute(choose, pool, budget, parameters.reach)
    return Selection(selection.picks, {**selection.facts, "strategy": parameters.strategy})
