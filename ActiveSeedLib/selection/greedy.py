"""Greedy choice: again and again what gains most."""

from collections.abc import Callable

import numpy as np

from ActiveSeedLib.selection.geometry import Floats, first_highest


def greedy(
    gains: Floats,
    take: Callable[[int], None],
    budget: int,
    *,
    tolerance: float = 0.0,
    rounding: float = 0.0,
    noise: float = 0.0,
) -> tuple[list[int], list[float]]:
    """Take one row after the other, each of the highest gain, until the budget or nothing is left.

    Args:
        gains: [N] what each row gains, −inf where it must not be taken; `take` keeps it up to date.
        take: is told which row is taken, and lowers the gains accordingly.
        budget: the most rows to take.
        tolerance: gains this near, relatively, are a tie, which goes to the lowest row.
        rounding: so are gains this near absolutely.
        noise: a gain of no more than that is none.

    Returns:
        The rows taken and the gain of each; fewer than `budget` when no row gains anything.
    """
    picks: list[int] = []
    gained: list[float] = []
    while len(picks) < budget:
        best = float(gains.max())
        if best <= noise:
            break
        row = first_highest(gains, max(tolerance * best, rounding))
        picks.append(row)
        gained.append(best)
        take(row)
        gains[row] = -np.inf
    return picks, gained
