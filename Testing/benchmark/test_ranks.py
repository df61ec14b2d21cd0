"""Mean ranks: by hand, against SciPy and Demšar's table, of tables with gaps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ActiveSeedLib.benchmark.ranks import mean_ranks
from Testing.benchmark.rows import row, runs


def test_ranks_equal_scipys_and_the_critical_difference_demsars() -> None:
    generator = np.random.default_rng(3)
    table = {name: generator.random(14).tolist() for name in "abcd"}
    table["a"] = [value + 0.5 for value in table["a"]]
    (found,) = mean_ranks(runs(table))
    assert (found.blocks, found.strategies[0], found.data) == (14, "a", "cxr")
    ranks = stats.rankdata(-np.array(list(table.values())), axis=0).mean(axis=1)
    assert dict(zip(found.strategies, found.ranks, strict=True)) == pytest.approx(
        dict(zip(table, ranks, strict=True))
    )
    assert list(found.ranks) == sorted(found.ranks)
    assert found.p == pytest.approx(stats.friedmanchisquare(*table.values()).pvalue)
    # q of Demšar 2006, table 5: 2.569 for four classifiers
    assert found.critical_difference == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=1e-3)


def test_ranks_over_all_sets_use_what_all_sets_have() -> None:
    rows = runs({"a": [0.5, 0.6], "b": [0.4, 0.7], "c": [0.1, 0.1]})
    rows += runs({"a": [0.5, 0.6], "b": [0.6, 0.7]}, data="other")
    *_, everything = mean_ranks(rows)
    assert (everything.data, everything.blocks) == ("all", 4)
    assert everything.strategies == ("b", "a")
    assert everything.ranks == (1.25, 1.75)
    assert everything.p is None  # Friedman's needs three
    (single,) = mean_ranks([row(), row(strategy="levy", dice=0.1)])
    assert (single.strategies, single.p, single.critical_difference) == (
        ("random", "levy"),
        None,
        None,
    )


@pytest.mark.parametrize(("count", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_differences_go_by_demsars_table(count: int, q: float) -> None:
    """Table 5 of Demšar 2006; he rounds the third digit."""
    table = {str(number): [0.1 * number, 0.2, 0.3] for number in range(count)}
    (found,) = mean_ranks(runs(table))
    expected = q * math.sqrt(count * (count + 1) / (6 * 3))
    assert found.critical_difference == pytest.approx(expected, rel=1e-3)


def test_a_seed_that_is_not_done_does_not_drop_the_strategies() -> None:
    done = runs({"a": [0.5, 0.6, 0.7], "b": [0.4, 0.7, 0.6], "c": [0.1, 0.1, 0.1]})
    (whole,) = mean_ranks(done)
    (found,) = mean_ranks([*done, row(strategy="a", seed=99, dice=0.1)])
    assert found == whole
    assert (found.blocks, found.left_out) == (3, ())


def test_a_strategy_that_is_hardly_begun_does_not_drop_the_seeds() -> None:
    rows = runs({"a": [0.5, 0.6, 0.7], "b": [0.4, 0.7, 0.6], "c": [0.1]})
    (found,) = mean_ranks(rows)
    assert (found.strategies, found.blocks, found.left_out) == (("a", "b"), 3, ("c",))


def test_over_all_sets_none_is_dropped() -> None:
    """The first set's table alone would be the larger."""
    rows = runs({name: [0.5, 0.6, 0.7] for name in "abcde"}) + runs({"a": [0.5]}, data="other")
    *_, everything = mean_ranks(rows)
    assert (everything.data, everything.blocks) == ("all", 4)
    assert (everything.strategies, everything.left_out) == (("a",), ("b", "c", "d", "e"))
    apart = runs({"a": [0.5]}) + runs({"b": [0.5]}, data="other")
    assert [one.data for one in mean_ranks(apart)] == ["cxr", "other"]


def test_strategies_that_never_differ_have_no_p() -> None:
    (found,) = mean_ranks(runs({name: [0.5, 0.6, 0.7] for name in "abc"}))
    assert (found.ranks, found.p) == ((2.0, 2.0, 2.0), None)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_the_rows_does_not_matter(order: list[int]) -> None:
    dice = {"a": [0.5, 0.6, 0.7, 0.5], "b": [0.4, 0.7, 0.6, 0.3], "c": [0.1, 0.9, 0.1, 0.2]}
    rows = runs(dice)
    (found,), (other,) = mean_ranks(rows), mean_ranks([rows[i] for i in order])
    assert other.strategies == found.strategies == ("a", "b", "c")
    assert other.ranks == pytest.approx(found.ranks)
    assert other.p == pytest.approx(found.p)
