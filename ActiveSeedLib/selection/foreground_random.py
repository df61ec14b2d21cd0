"""Foreground-aware random: the baseline that almost nothing beats in 3-D.

As in nnActive, Lüth et al. 2025, arXiv:2511.19183: a share of the cases drawn must show something
that the model segments. Before a first model there is no foreground to see; labels are not used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.geometry import Indices
from ActiveSeedLib.selection.measures import needed
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies

SHARE = 0.66


def with_foreground(budget: int, share: float = SHARE) -> int:
    """Return how many of `budget` picks must show foreground: the share, rounded up."""
    return math.ceil(round(share * budget, 9))


def foreground_aware(
    shows: ArrayLike, budget: int, *, seed: int | Sequence[int], share: float = SHARE
) -> tuple[Indices, int]:
    """Draw cases so that at least a share of them show foreground, none twice.

    First that share is drawn among the cases that show foreground (all of them, where there are
    too few), then the rest among all cases left, foreground or not.

    Args:
        shows: [N] whether each case shows predicted foreground.
        budget: 1 to N.
        seed: for the draws.
        share: of the picks, 0 to 1.

    Returns:
        The picks in order [budget], and how many of the first were drawn for their foreground.
    """
    shown = np.flatnonzero(np.asarray(shows, dtype=bool))
    count = len(np.asarray(shows))
    if budget > count:
        raise PoolTooSmallError(count, budget)
    generator = np.random.default_rng(seed)
    wanted = min(with_foreground(budget, share), len(shown))
    first = generator.choice(shown, wanted, replace=False)
    rest = np.setdiff1d(np.arange(count), first)
    second = generator.choice(rest, budget - wanted, replace=False)
    return np.concatenate([first, second]).astype(np.int64), wanted


@dataclass(frozen=True)
class ForegroundRandomParameters:
    """How many of the picks must show foreground."""

    share: float = field(
        default=SHARE,
        metadata={
            "help": "Share of the picks that must show something the model segments.",
            "minimum": 0.0,
            "maximum": 1.0,
        },
    )

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InputError(f"share must lie between 0 and 1, not {self.share}.")


@strategies.register(
    "foreground-random",
    summary="Cases drawn at random, two thirds of them among those in which the model segments.",
    citation="nnActive, Lüth et al. 2025, arXiv:2511.19183",
    parameters=ForegroundRandomParameters,
    stage="active",
    needs="foreground",
    unit="slice, case",
    cost="N",
)
def foreground_random(
    pool: Candidates, budget: int, parameters: ForegroundRandomParameters
) -> Selection:
    """Draw among the candidates; those that no model has predicted show nothing."""
    values, known = needed(pool, "foreground", "foreground-random")
    rows = np.asarray(pool.candidates, dtype=np.int64)
    shows = np.isin(rows, known[values[known] > 0])
    drawn, wanted = foreground_aware(
        shows, budget, seed=[pool.seed, len(pool.labelled)], share=parameters.share
    )
    showing = int(np.count_nonzero(shows))
    reasons = (
        f"Drawn at random from the {showing} cases in which the model segments something.",
        f"Drawn at random from all {len(rows)} cases.",
    )
    picks = []
    for place, position in enumerate(drawn.tolist()):
        row, alone = int(rows[position]), place >= wanted
        value = float(values[row]) if np.isfinite(values[row]) else None
        why = {"role": "random" if alone else "random with foreground", "foreground": value}
        picks.append(Pick(row, reasons[alone], why))
    facts = {"stage": "active", "with_foreground": wanted, "showing": showing}
    if wanted < (asked := with_foreground(budget, parameters.share)):
        facts["note"] = (
            f"The model segments something in only {showing} of {len(rows)} cases, "
            f"not in the {asked} that were to be drawn among them."
        )
    return Selection(picks, facts)
