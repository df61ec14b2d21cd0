"""Rows of a benchmark's table, for tests."""

from typing import Any

from ActiveSeedLib.benchmark.table import Row


def row(**fields: Any) -> Row:
    """Return a row; `fields` say what differs from a plain one."""
    plain: dict[str, Any] = {
        "data": "cxr",
        "strategy": "random",
        "seed": 43,
        "budget": 6,
        "round": 1,
        "pool": 190,
        "tested": 48,
        "dice": 0.9,
        "dice_median": 0.92,
        "hd95": 12.0,
        "hd95_median": 11.0,
        "minutes": 15.0,
        "slices": 6,
        "voxels": 393216,
        "foreground": 90000,
        "select_seconds": 0.1,
        "train_seconds": 5.0,
        "predict_seconds": 1.5,
        "measure_seconds": 0.0,
        "picks": ("a", "b"),
        "protocol": "p",
        "cohort": "c",
        "encoder": "e",
        "device": "cpu",
        "machine": "here",
        "versions": "activeseed 0.1.0",
    }
    return Row(**{**plain, **fields})


def runs(dice: dict[str, list[float]], budget: int = 6, **fields: Any) -> list[Row]:
    """Return a row for each strategy and Dice; the first Dice is that of seed 43."""
    return [
        row(strategy=strategy, seed=43 + number, budget=budget, dice=value, **fields)
        for strategy, values in dice.items()
        for number, value in enumerate(values)
    ]
