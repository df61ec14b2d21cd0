"""Greedy choice of what gains most, where a gain can only fall as cases are taken."""

from collections.abc import Callable

import numpy as np

from ActiveSeedLib.selection.geometry import Floats, Indices

_FIRST_LOOK = 16


def lazy_greedy(
    gains: Floats,
    gains_of: Callable[[Indices], Floats],
    take: Callable[[int], Indices],
    budget: int,
    tolerance: float = 0.0,
) -> tuple[list[int], list[float]]:
    """Take one row after the other, each of the highest gain, until the budget or nothing is left.

    The picks are those of looking at every row anew each time: a gain found earlier bounds the
    present one from above, so only rows whose bound reaches the best gain are looked at again
    (Minoux 1978). Ties go to the lowest row.

    Args:
        gains: [N] an upper bound of the gain of each row, −inf where it must not be taken.
        gains_of: returns the present gains of some rows.
        take: is told which row is taken, and returns all rows that must not be taken from now on.
        budget: the most rows to take.
        tolerance: gains this near, relatively, are a tie; and a gain this small in relation to the
            first is none.

    Returns:
        The rows taken and the gain of each; fewer than `budget` when no row gains anything.
    """
    bounds = np.array(gains, dtype=np.float64)
    picks: list[int] = []
    gained: list[float] = []
    while len(picks) < budget:
        best, winner = _best(bounds, gains_of, tolerance)
        if best <= tolerance * (gained[0] if gained else 0.0):
            break
        picks.append(winner)
        gained.append(best)
        bounds[take(winner)] = -np.inf
    return picks, gained


def _best(
    bounds: Floats, gains_of: Callable[[Indices], Floats], tolerance: float
) -> tuple[float, int]:
    """Return the highest gain and the lowest row that has it; `bounds` is brought up to date."""
    fresh = np.zeros(len(bounds), dtype=bool)
    rows = np.arange(len(bounds))
    best, winner, look = -np.inf, len(bounds), _FIRST_LOOK
    while True:
        floor = best - tolerance * abs(best) if np.isfinite(best) else best
        rivals = np.flatnonzero(
            ~fresh & ((bounds > best) | ((bounds >= floor) & (rows < winner))) & (bounds > -np.inf)
        )
        if not len(rivals):
            return best, winner
        some = np.sort(rivals[np.argsort(-bounds[rivals], kind="stable")[:look]])
        bounds[some] = np.minimum(bounds[some], gains_of(some))
        fresh[some] = True
        known = np.flatnonzero(fresh)
        best = float(bounds[known].max())
        winner = int(known[np.argmax(bounds[known] >= best - tolerance * abs(best))])
        look *= 2
