"""What the benchmark's rows amount to: by hand, against SciPy, and properties."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ActiveSeedLib.benchmark.labels_needed import labels_needed
from ActiveSeedLib.benchmark.statistics import (
    Paired,
    areas,
    compare_areas,
    compare_rows,
    corrected,
    failed_runs,
    smallest_p,
    spreads,
    summarise_rows,
)
from ActiveSeedLib.benchmark.table import FULL, Row
from Testing.benchmark.rows import row, runs


def test_means_by_hand() -> None:
    rows = [*runs({"random": [0.8, 0.9, 0.7]}), row(strategy="levy", dice=0.5)]
    random, levy = summarise_rows(rows)
    assert (random.seeds, random.budget) == (3, 6)
    assert random.dice_mean == pytest.approx(0.8)
    assert random.dice_std == pytest.approx(0.1)
    assert random.dice_median == 0.8
    assert (levy.dice_mean, levy.dice_std) == (0.5, None)


def test_full_supervision_is_one_line_though_its_pool_varies() -> None:
    rows = [row(strategy=FULL, seed=s, budget=100 + s - 43, dice=0.9) for s in (43, 44, 45)]
    (full,) = summarise_rows(rows)
    assert (full.seeds, full.budget) == (3, 101)
    assert compare_rows(rows, FULL) == []
    assert areas(rows) == []


def test_paired_differences_equal_scipys() -> None:
    gains = [0.01, 0.03, -0.02, 0.04, 0.06, 0.05]
    base = [0.5, 0.9, 0.7, 0.6, 0.8, 0.4]
    rows = runs({"random": base, "levy": [b + g for b, g in zip(base, gains, strict=True)]})
    (found,) = compare_rows(rows)
    assert (found.strategy, found.pairs, found.better) == ("levy", 6, 5)
    assert found.mean == pytest.approx(np.mean(gains))
    assert found.median == pytest.approx(0.035)
    interval = stats.t.interval(0.95, 5, np.mean(gains), stats.sem(gains))
    assert (found.low, found.high) == pytest.approx(interval)
    # the only negative rank is 2 of 21: of 64 signs 3 have a sum of 2 or less, twice
    assert found.p == pytest.approx(6 / 64)
    assert found.p_corrected == pytest.approx(found.p)


def test_pairs_are_of_one_seed_and_a_lower_hd95_is_better() -> None:
    rows = [
        row(seed=43, dice=0.5, hd95=10.0),
        row(seed=44, dice=0.9, hd95=4.0),
        row(strategy="levy", seed=44, dice=0.8, hd95=3.0),
        row(strategy="levy", seed=45, dice=0.1, hd95=30.0),
    ]
    (dice,) = compare_rows(rows)
    assert (dice.pairs, dice.mean, dice.better) == (1, pytest.approx(-0.1), 0)
    assert (dice.low, dice.p) == (None, None)
    (hd95,) = compare_rows(rows, measure="hd95")
    assert (hd95.mean, hd95.better) == (-1.0, 1)


def test_strategies_that_chose_the_same_cases_do_not_differ() -> None:
    rows = runs({"random": [0.5, 0.6, 0.7], "levy": [0.5, 0.6, 0.7]})
    (found,) = compare_rows(rows)
    assert (found.mean, found.p, found.p_corrected, found.better) == (0.0, None, None, 0)


def test_holm_by_hand() -> None:
    def one(p: float | None, data: str = "cxr") -> Paired:
        return Paired(data, "s", "dice", 6, 5, 0.0, 0.0, None, None, 0, p)

    found = corrected([one(0.04), one(0.01), one(None), one(0.03), one(0.04, "other")])
    assert [p.p_corrected for p in found] == [
        pytest.approx(0.06),  # 0.04 × 1, but not below the one before
        pytest.approx(0.03),
        None,
        pytest.approx(0.06),
        pytest.approx(0.04),
    ]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_corrected_values_are_no_smaller_and_keep_the_order(values: list[float]) -> None:
    family = [Paired("d", "s", "dice", 6, 5, 0.0, 0.0, None, None, 0, p) for p in values]
    found = [one.p_corrected for one in corrected(family)]
    assert all(p is not None and a <= p <= 1 for a, p in zip(values, found, strict=True))
    order = np.argsort(values, kind="stable")
    assert np.all(np.diff(np.array(found, dtype=float)[order]) >= 0)


def test_area_by_hand() -> None:
    rows = [row(strategy="levy", budget=b, dice=d) for b, d in ((2, 0.4), (4, 0.6), (10, 0.8))]
    (found,) = areas(rows)
    assert found.mean == pytest.approx((2 * 0.5 + 6 * 0.7) / 8)
    # a seed that lacks a budget has no area
    assert areas([*rows, row(strategy="levy", seed=44, budget=2)])[0].seeds == 1
    # and neither has a strategy that never had one
    both = [*rows, row(strategy="random", budget=2)]
    assert [one.strategy for one in areas(both)] == ["levy"]


@given(st.floats(-0.2, 0.2), st.permutations(range(12)))
def test_an_area_shifts_with_the_dice_and_not_with_the_order(
    shift: float, order: list[int]
) -> None:
    base = [0.4, 0.5, 0.7, 0.3, 0.6, 0.6]
    rows = []
    for budget in (3, 8):
        rows += runs({"levy": base, "random": [d + shift for d in base]}, budget)
    rows = [rows[i] for i in order] + rows[12:]
    found = compare_areas(rows, "levy")
    assert [one.strategy for one in found] == ["random"]
    assert found[0].mean == pytest.approx(shift, abs=1e-12)


def test_a_collapsed_training_is_told_and_stays_in_the_mean() -> None:
    rows = runs({"random": [0.94, 0.95, 0.95, 0.40], "levy": [0.95, 0.94, 0.96, 0.91]})
    (failed,) = failed_runs(rows)
    assert (failed.row.strategy, failed.row.seed) == ("random", 46)
    assert failed.because == "Dice 0.400, the median of all 0.945"
    random, levy = summarise_rows(rows)
    assert (random.failed, levy.failed) == (1, 0)
    assert random.dice_mean == pytest.approx(0.81)
    assert failed_runs(runs({"random": [0.9, 0.9, 0.9, 0.86]})) == []  # too little to matter
    (nan,) = failed_runs(runs({"random": [0.9, math.nan]}))
    assert nan.because == "its Dice is no number"


def test_spreads_by_hand_and_pitman_morgan() -> None:
    random = [0.5, 0.9, 0.6, 0.8, 0.7]
    levy = [0.70, 0.71, 0.69, 0.72, 0.70]
    (found,) = spreads(runs({"random": random, "levy": levy}))
    assert found.std == pytest.approx(np.std(levy, ddof=1))
    assert found.ratio == pytest.approx(np.std(levy, ddof=1) / np.std(random, ddof=1))
    total, gain = np.add(levy, random), np.subtract(levy, random)
    assert found.p == pytest.approx(stats.pearsonr(total, gain).pvalue)
    assert spreads(runs({"random": random[:3], "levy": levy[:3]}))[0].p is None


def test_labels_needed_by_hand() -> None:
    def at(budget: int, dice: float, **costs: Any) -> Row:
        return row(budget=budget, dice=dice, **costs)

    rows = [
        at(10, 0.70, minutes=20.0, slices=10, voxels=100, foreground=30),
        at(20, 0.80, minutes=60.0, slices=20, voxels=200, foreground=50),
        row(strategy=FULL, budget=100, dice=0.82),
    ]
    ninety, ninety_five, ninety_nine = labels_needed(rows)
    # 0.9 × 0.82 = 0.738 is 38 % of the way from the first budget to the second
    assert ninety.target == pytest.approx(0.738)
    assert ninety.costs == pytest.approx(
        {"cases": 13.8, "minutes": 35.2, "slices": 13.8, "voxels": 138, "foreground": 37.6}
    )
    assert not ninety.at_most
    assert ninety_five.costs is not None
    assert ninety_five.costs["cases"] == pytest.approx(17.9)
    assert ninety_nine.costs is None
    (low,) = labels_needed(rows, [0.5])
    assert (low.costs, low.at_most) == (
        {"cases": 10, "minutes": 20.0, "slices": 10, "voxels": 100, "foreground": 30},
        True,
    )
    assert labels_needed(rows[:2]) == []


def test_labels_needed_are_of_the_seeds_that_full_supervision_has() -> None:
    """A strategy that is ahead by an easy seed has not come nearer."""
    rows = [row(seed=43, budget=b, dice=d) for b, d in ((10, 0.4), (20, 0.6))]
    full = row(strategy=FULL, seed=43, budget=100, dice=0.625)
    easy = [row(seed=44, budget=b, dice=0.9) for b in (10, 20)]
    (alone,) = labels_needed([*rows, full], [0.8])
    assert alone.costs is not None
    assert (alone.seeds, alone.costs["cases"]) == (1, pytest.approx(15.0))
    assert labels_needed([*rows, full, *easy], [0.8]) == [alone]
    (both,) = labels_needed([*rows, full, *easy, row(strategy=FULL, seed=44, dice=0.975)], [0.8])
    assert (both.seeds, both.target) == (2, pytest.approx(0.64))
    assert both.at_most
    # a strategy that has run on other seeds only is left out
    assert labels_needed([full, *easy], [0.8]) == []


def test_few_seeds_cannot_decide() -> None:
    assert [smallest_p(n) for n in (1, 5, 6)] == [1.0, 0.0625, 0.03125]
    gains = {"random": [0.0] * 5, "levy": [0.01, 0.02, 0.03, 0.04, 0.05]}
    assert compare_rows(runs(gains))[0].p == pytest.approx(smallest_p(5))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4]), min_size=2, max_size=8))
def test_p_is_that_of_all_signs_even_where_differences_tie(gains: list[float]) -> None:
    """Every sign of every difference that is not 0, counted out; ranks of SciPy."""
    # differences to 0 keep their ties, which a subtraction would round away
    (found,) = compare_rows(runs({"random": [0.0] * len(gains), "levy": gains}))
    kept = np.array([gain for gain in gains if gain])
    assert found.ties == len(gains) - len(kept)
    if len(kept) < 2:
        assert found.p is None
        return
    ranks = stats.rankdata(np.abs(kept))
    signs = np.array(list(itertools.product((0, 1), repeat=len(kept))))
    sums, own = signs @ ranks, float(ranks[kept > 0].sum())
    ends = np.mean(sums <= own + 1e-9), np.mean(sums >= own - 1e-9)
    assert found.p == pytest.approx(min(1.0, 2 * min(ends)))
