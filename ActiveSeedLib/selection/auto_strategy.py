"""The strategy auto, for those who do not want to choose: it looks, and passes on to another one.

Its rule is `auto.RULES`; what that rests on is said there. Whichever strategy picks, no patient
comes twice while there are others, nor, where patients are unknown, do near-copies.
"""

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.auto import Situation, decide
from ActiveSeedLib.selection.feature_space import principal_points
from ActiveSeedLib.selection.geometry import Indices
from ActiveSeedLib.selection.levy_plus_strategy import trust_of, uncertainty_of
from ActiveSeedLib.selection.near_copies import neighbours
from ActiveSeedLib.selection.strategy import Candidates, Selection, strategies
from ActiveSeedLib.selection.wrapped import chooser, one_a_patient

COPIES_UP_TO = 20_000  # all pairs of more cases would take minutes


@strategies.register(
    "auto",
    summary="For those who do not want to choose: first the cases that represent the pool; later "
    "by the model's doubt, unless that is measured to be noise.",
    citation="ActiveSeed; after Bae et al. 2024, arXiv:2407.12212, and Lüth et al. 2026, "
    "arXiv:2601.13677",
    parameters=NoParameters,
    stage="any",
    needs="features",
    uses="foreground_entropy, entropy, class_scores, error, previous_foreground_entropy, patients",
    unit="slice, case",
    cost="a few times that of the strategy that picks; near-copies are looked for among 20,000 "
    "cases or fewer",
)
def auto(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Let the strategy that the rule names pick, and say why it was that one."""
    now, measured = look_at(pool, budget)
    decision = decide(now)
    grouped = replace(pool, patients=patients_or_copies(pool))
    selection = one_a_patient(chooser(decision.strategy), grouped, budget)
    picks = [
        replace(pick, why={**pick.why, "rule": decision.rule, "strategy": decision.strategy})
        for pick in selection.picks
    ]
    # What one_a_patient counts as patients may be groups of near-copies.
    facts = {name: fact for name, fact in selection.facts.items() if name != "patients"}
    if "note" in facts:
        facts["remark"] = facts["note"]
    facts |= {
        "rule": decision.rule,
        "strategy": decision.strategy,
        "read": measured,
        "note": decision.because,
    }
    return Selection(picks, facts)


def look_at(pool: Candidates, budget: int) -> tuple[Situation, dict[str, Any]]:
    """Return the situation that the rule decides by, and its numbers as plain JSON values."""
    measure, values, judged = uncertainty_of(pool)
    trust = trust_of(pool, measure, values)
    showing = 0
    if pool.class_scores is not None:
        by_class = np.asarray(pool.class_scores, dtype=np.float64)[judged]
        showing = int(np.count_nonzero(np.isfinite(by_class).any(axis=1)))
    now = Situation(
        candidates=len(pool.candidates),
        budget=budget,
        labelled=len(pool.labelled),
        judged=len(judged),
        showing=showing,
        trusted=trust.trusted,
        trust=trust.sentence,
    )
    read = {name: value for name, value in asdict(now).items() if name != "trust"}
    if len(judged):
        read |= {"doubt": measure, "trusted_by": trust.by}
    if trust.trusted is not None:
        read |= {"correlation": trust.correlation, "correlation_of": trust.cases}
    return now, read


def patients_or_copies(pool: Candidates) -> Indices:
    """Return a number for each case [N]: its patient's, or one that near-copies share; else −1.

    Cases of which the patient is unknown and that are all but the same, such as frames of one
    sequence, count as one patient's.
    """
    count = len(pool.features)
    numbers = np.full(count, -1) if pool.patients is None else np.array(pool.patients)
    if numbers.shape != (count,):
        return numbers  # one_a_patient says what is wrong
    rows = np.union1d(pool.candidates, pool.labelled).astype(np.int64)
    unknown = rows[numbers[rows] < 0]
    if 2 <= len(unknown) <= COPIES_UP_TO:
        points = np.asarray(pool.features)[unknown]
        groups = neighbours(points, principal_points(points, pool.seed)).copies
        for number, group in enumerate(groups, start=int(numbers.max(initial=0)) + 1):
            numbers[unknown[group]] = number
    return numbers
