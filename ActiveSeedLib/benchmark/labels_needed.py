"""How much labelling brings a strategy near full supervision, by several measures of cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ActiveSeedLib.benchmark.table import FULL, Row

SHARES = (0.9, 0.95, 0.99)
COSTS = ("cases", "minutes", "slices", "foreground", "voxels")


@dataclass(frozen=True)
class Needed:
    """What a strategy needs to reach a share of full supervision's mean Dice.

    Attributes:
        data: set.
        strategy: whose curve of means over the seeds is followed, linear between budgets.
        share: of full supervision.
        target: the Dice that this is, over the same seeds.
        seeds: that have both the strategy and full supervision; others are not looked at.
        costs: each of `COSTS`, labelled until the curve first gets there; None if it never does.
        at_most: the first budget is already above the target, and `costs` are that budget's.
    """

    data: str
    strategy: str
    share: float
    target: float
    seeds: int
    costs: dict[str, float] | None
    at_most: bool = False


def labels_needed(rows: Sequence[Row], shares: Sequence[float] = SHARES) -> list[Needed]:
    """Return what each strategy needs on each data set; sets without full supervision have none."""
    found = []
    for data in dict.fromkeys(row.data for row in rows):
        of_data = [row for row in rows if row.data == data]
        full = {row.seed: row.dice for row in of_data if row.strategy == FULL}
        for strategy in dict.fromkeys(row.strategy for row in of_data if row.strategy != FULL):
            shared = [row for row in of_data if row.strategy == strategy and row.seed in full]
            seeds = sorted({row.seed for row in shared})
            curve = _curve(shared)
            for share in shares if seeds else ():
                target = share * float(np.mean([full[seed] for seed in seeds]))
                costs, at_most = _reach(curve, target)
                found.append(Needed(data, strategy, share, target, len(seeds), costs, at_most))
    return found


def _curve(rows: Sequence[Row]) -> list[tuple[float, dict[str, float]]]:
    """Return mean Dice and mean costs at each budget, ascending."""
    curve = []
    for budget in sorted({row.budget for row in rows}):
        group = [row for row in rows if row.budget == budget]
        costs = {name: float(np.mean([getattr(row, name) for row in group])) for name in COSTS[1:]}
        curve.append((float(np.mean([row.dice for row in group])), {"cases": budget, **costs}))
    return curve


def _reach(
    curve: Sequence[tuple[float, Mapping[str, float]]], target: float
) -> tuple[dict[str, float] | None, bool]:
    dice, costs = curve[0]
    if dice >= target:
        return dict(costs), True
    for (before, cheap), (after, dear) in pairwise(curve):
        if after >= target:
            way = (target - before) / (after - before)
            return {name: cheap[name] + way * (dear[name] - cheap[name]) for name in cheap}, False
    return None, False
