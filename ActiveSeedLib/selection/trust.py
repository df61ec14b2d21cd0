"""Whether a model's uncertainty may be trusted yet: the gate that stays with diversity till then.

Early models are unsure at random, and picking by that is no better than chance. The gate measures
it: best against the errors that the model makes on cases whose label is known but was kept from it
(cross-validation); where there are none, against the uncertainty of another model for the same
cases (the last round's, or one of another seed): what two trainings do not agree on is noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.spearman import spearman, surely_above

# Fewer cases say nothing either way.
CASES_WITH_ERRORS = 6
CASES_OF_TWO_MODELS = 10
LEAST_STABILITY = 0.5
ONE_IN_TEN = 1.2816


@dataclass(frozen=True)
class Trust:
    """What was measured of an uncertainty.

    Attributes:
        trusted: whether to pick by it; None where there was nothing to measure it by.
        by: "errors", "another model" or "nothing": what decided.
        correlation: rank correlation of the uncertainty with that; NaN where nothing.
        surely: what the true correlation exceeds, but for one case in ten; NaN where nothing.
        cases: how many cases it was measured on.
        sentence: the same in words.
    """

    trusted: bool | None
    by: str
    correlation: float
    surely: float
    cases: int
    sentence: str


def measured_trust(
    uncertainty: ArrayLike,
    error: ArrayLike | None = None,
    other: ArrayLike | None = None,
    *,
    least_stability: float = LEAST_STABILITY,
) -> Trust:
    """Return whether the cases of high uncertainty are those that the model gets wrong.

    With errors on six cases or more, these decide: their rank correlation with the uncertainty must
    be above 0 beyond chance. Else, with another model's uncertainty for ten cases or more, the
    rank correlation of both must be above `least_stability` beyond chance.

    Args:
        uncertainty: [N] of the model, NaN where a case has none.
        error: [N] such as 1 − Dice, of cases whose label the model had not seen; NaN elsewhere.
        other: [N] uncertainty of another model, by the same measure; NaN elsewhere.
        least_stability: 0 to 1.
    """
    values = np.asarray(uncertainty, dtype=np.float64)
    for against, by, least, cases in (
        (error, "errors", 0.0, CASES_WITH_ERRORS),
        (other, "another model", least_stability, CASES_OF_TWO_MODELS),
    ):
        if against is None:
            continue
        second = np.asarray(against, dtype=np.float64)
        if second.shape != values.shape:
            raise InputError(
                f"There are {len(values)} uncertainties and {len(second)} values to compare them "
                "with; they must be as many."
            )
        both = np.isfinite(values) & np.isfinite(second)
        count = int(np.count_nonzero(both))
        if count < cases:
            continue
        correlation = spearman(values[both], second[both])
        surely = surely_above(correlation, count, ONE_IN_TEN)
        trusted = surely > least
        return Trust(
            trusted, by, correlation, surely, count, _sentence(trusted, by, correlation, count)
        )
    return Trust(
        None,
        "nothing",
        float("nan"),
        float("nan"),
        0,
        "Whether the model's uncertainty can be trusted was not measured.",
    )


def _sentence(trusted: bool, by: str, correlation: float, count: int) -> str:
    measured = f"(rank correlation {correlation:.2f} on {count} cases)"
    if by == "errors":
        if trusted:
            return f"The model is least sure where it errs {measured}, so its doubt counts."
        return (
            f"The model's doubt does not tell yet where it errs {measured}, "
            "so diversity alone decided."
        )
    if trusted:
        return f"Two models doubt the same cases {measured}, so their doubt counts."
    return f"Two models do not doubt the same cases yet {measured}, so diversity alone decided."
