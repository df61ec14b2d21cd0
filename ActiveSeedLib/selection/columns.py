"""What is known of single cases, as the columns of a pool that strategies read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.selection.geometry import Floats, Indices

NEIGHBOURS = 5
"""Cases of known time that a prediction of minutes goes by; with fewer there is none."""


def columns(facts: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Floats]:
    """Return name → [N], or [N, C] where the facts hold lists, for the `names` that any case has.

    Args:
        facts: of each case, numbers or lists of numbers by name; what is missing or None is NaN.
        names: of the wanted facts.
    """
    found = {}
    for name in names:
        values = [one.get(name) for one in facts]
        first = next((value for value in values if value is not None), None)
        if first is None:
            continue
        empty: Any = np.nan if np.ndim(first) == 0 else [np.nan] * len(first)
        found[name] = np.array([empty if v is None else v for v in values], dtype=np.float64)
    return found


def patient_numbers(patients: Sequence[str | None]) -> Indices | None:
    """Return a number for each case's patient, −1 where unknown; None if no patient is known."""
    numbers = {name: number for number, name in enumerate(sorted({*patients} - {None}, key=str))}
    if not numbers:
        return None
    return np.array([numbers.get(patient, -1) for patient in patients], dtype=np.int64)


def predicted_minutes(features: ArrayLike, minutes: ArrayLike) -> Floats | None:
    """Return the minutes that each case will take: the median of the most similar timed ones.

    The median of the five nearest in feature space, since a case that was left open over lunch must
    not make all that look like it expensive. A timed case counts among its own neighbours.

    Args:
        features: [N, D].
        minutes: [N] that labelling took, above 0; NaN where it is not known.

    Returns:
        [N], or None where fewer than five are known.
    """
    spent = np.asarray(minutes, dtype=np.float64)
    timed = np.flatnonzero(np.isfinite(spent) & (spent > 0))
    if len(timed) < NEIGHBOURS:
        return None
    space = np.asarray(features, dtype=np.float64)
    nearest = np.empty((len(space), NEIGHBOURS), dtype=np.int64)
    squares = (space[timed] ** 2).sum(axis=1)
    step = max(1, (1 << 22) // len(timed))
    for start in range(0, len(space), step):
        # |a − b|² but for |a|², which is the same for all b
        distance = squares - 2.0 * space[start : start + step] @ space[timed].T
        nearest[start : start + step] = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
    return np.asarray(np.median(spent[timed][nearest], axis=1))
