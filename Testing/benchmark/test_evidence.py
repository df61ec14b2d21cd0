"""What the benchmark says in words: never more than the table supports."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ActiveSeedLib.benchmark.evidence import Finding, findings
from ActiveSeedLib.benchmark.table import Row
from Testing.benchmark.rows import row

COLD, RANDOM = "levy-cold-start@once", "random"
EXTENDED_QUESTION = "Active selection beats the same cold start, extended to its budget"


def _rows(gain: dict[str, float], seeds: int, noise: float = 0.001, **fields: Any) -> list[Row]:
    generator = np.random.default_rng(5)
    return [
        row(
            strategy=strategy,
            seed=43 + seed,
            budget=budget,
            dice=0.8 + base + more + noise * float(generator.standard_normal()),
            **fields,
        )
        for seed, base in enumerate(generator.normal(0, 0.02, seeds))
        for budget in (6, 12)
        for strategy, more in gain.items()
    ]


def _of(rows: list[Row], question: str, reference: str = RANDOM) -> Finding:
    (found,) = [one for one in findings(rows, reference) if one.question == question]
    return found


def test_a_clear_difference_is_called_one() -> None:
    found = _of(_rows({RANDOM: 0.0, COLD: 0.03}, 11), "The cold start beats random")
    assert found.supported is True
    assert found.answer.startswith("Dice +0.03")
    assert "better with 11 of 11 seeds" in found.answer
    worse = _of(_rows({RANDOM: 0.0, COLD: -0.03}, 11), "The cold start beats random")
    assert worse.supported is False


def test_noise_is_not_called_a_difference() -> None:
    found = _of(_rows({RANDOM: 0.0, COLD: 0.0}, 11, 0.02), "The cold start beats random")
    assert found.supported is None
    assert "No difference was seen; the data leave one of up to" in found.answer


def test_too_few_seeds_are_said_to_be_too_few() -> None:
    found = _of(_rows({RANDOM: 0.0, COLD: 0.03}, 5), "The cold start beats random")
    assert found.supported is None
    assert "5 seeds are too few" in found.answer
    one = _of(_rows({RANDOM: 0.0, COLD: 0.03}, 1), "The cold start beats random")
    assert one.supported is None
    assert "one seed, which decides nothing" in one.answer


def test_claims_are_corrected_for_their_number() -> None:
    """Six seeds decide one claim (p = 0.031), but not one of two."""
    alone = _rows({RANDOM: 0.0, COLD: 0.03}, 6)
    assert _of(alone, "The cold start beats random").supported is True
    two = _rows({RANDOM: 0.0, COLD: 0.03, "kmeans@once": 0.0}, 6)
    assert _of(two, "The cold start beats random").supported is None


def test_only_what_was_run_is_asked() -> None:
    asked = {one.question for one in findings(_rows({RANDOM: 0.0, "levy": 0.0}, 3))}
    assert "Active selection beats random" in asked
    assert not any("k-means" in question or "auto" in question for question in asked)
    assert findings([]) == []


@pytest.mark.parametrize(("gain", "supported"), [(0.02, True), (-0.02, False)])
def test_auto_must_do_what_a_default_must(gain: float, supported: bool) -> None:
    strategies = {RANDOM: 0.0, "random+foreground-random": 0.001, "auto": gain, "typiclust": 0.0}
    rows = _rows(strategies, 7)
    for name in ("random", "foreground-aware random"):
        question = f"auto's median Dice is at or above that of {name} at every budget"
        assert _of(rows, question).supported is supported
    ahead = _of(rows, "auto is ahead of every published method on average")
    assert ahead.supported is supported
    assert ("typiclust (+0.0" in ahead.answer) is not supported


def test_the_spread_is_compared_at_the_smallest_budget() -> None:
    question = "auto's spread at the smallest budget is at most half of random's"
    rows = []
    for strategy, width in (("auto", 0.004), (RANDOM, 0.01)):
        rows += [row(strategy=strategy, seed=43 + s, dice=0.8 + width * s) for s in range(4)]
        rows += [
            row(strategy=strategy, seed=43 + s, budget=12, dice=0.8 + 0.1 * s) for s in range(4)
        ]
    assert _of(rows, question).supported is True
    assert "with 6 labelled" in _of(rows, question).answer


def test_failed_trainings_are_counted_and_named() -> None:
    rows = _rows({RANDOM: 0.0, "levy": 0.0}, 4)
    assert _of(rows, "No training failed").answer == "0 of 16 trainings failed."
    rows.append(row(strategy="levy", seed=99, budget=6, dice=0.1))
    said = _of(rows, "No training failed").answer
    assert said.startswith("1 of 17 trainings failed (cxr, levy, seed 99, 6 labelled: Dice 0.100")


def test_six_seeds_are_too_few_for_six_claims_whatever_they_show() -> None:
    """2/2⁶ passes alone, but not times two: Holm's best is then 0.0625."""
    two = _rows({RANDOM: 0.0, COLD: 0.03, "kmeans@once": -0.03}, 6)
    answer = _of(two, "The cold start beats random").answer
    assert "6 seeds are too few for the rank test, corrected for 2 comparisons," in answer
    seven = _rows({RANDOM: 0.0, COLD: 0.03, "kmeans@once": -0.03}, 7)
    found = _of(seven, "The cold start beats random")
    assert (found.supported, "too few" in found.answer) == (True, False)


def test_an_interval_without_0_is_not_called_no_difference() -> None:
    """One seed of seven the other way: the mean is clear, the signs corrected for two are not."""
    gains = [0.03, 0.031, 0.032, 0.033, 0.034, 0.035, -0.001]
    rows = [row(strategy=s, seed=n, dice=0.8) for n in range(7) for s in (RANDOM, "kmeans@once")]
    rows += [row(strategy=COLD, seed=n, dice=0.8 + gain) for n, gain in enumerate(gains)]
    found = _of(rows, "The cold start beats random")
    assert found.supported is None
    assert "The interval leaves out 0, but the corrected rank test does not" in found.answer
    assert "No difference was seen" not in found.answer


def test_models_that_are_the_same_are_said_to_be() -> None:
    found = _of(_rows({"levy": 0.0, COLD: 0.0}, 7, 0.0), EXTENDED_QUESTION)
    assert found.answer.startswith("The same Dice with each of 7 seeds.")
    assert found.supported is None


def test_a_cold_start_that_was_not_extended_is_the_first_budget_of_active_selection() -> None:
    rows = _rows({RANDOM: 0.0, "levy": 0.03}, 11)
    rows = [replace(r, dice=r.dice - 0.3) if r.budget == 12 else r for r in rows]
    rows = [
        replace(r, dice=r.dice - 0.1) if (r.budget, r.strategy) == (12, "levy") else r for r in rows
    ]
    found = _of(rows, "The cold start beats random")
    assert found.supported is True
    assert "By labelled cases 6: +0.03" in found.answer
    assert "12:" not in found.answer
    assert _of(rows, "Active selection beats random").supported is False


def test_auto_is_compared_on_the_seeds_that_both_have() -> None:
    """A hard seed that only the other has run so far must not decide."""
    rows = _rows({RANDOM: 0.0, "auto": 0.02, "typiclust": 0.0}, 5)
    easy = [
        row(strategy=s, seed=n, budget=b, dice=0.99)
        for s in (RANDOM, "typiclust")
        for n in range(90, 99)
        for b in (6, 12)
    ]
    for question in (
        "auto's median Dice is at or above that of random at every budget",
        "auto is ahead of every published method on average",
    ):
        assert _of([*rows, *easy], question) == _of(rows, question)
        assert _of(rows, question).supported is True


def test_the_budgets_at_which_auto_fails_are_named() -> None:
    rows = _rows({RANDOM: 0.0, "auto": 0.02}, 5)
    rows = [replace(r, dice=0.1) if (r.strategy, r.budget) == ("auto", 12) else r for r in rows]
    found = _of(rows, "auto's median Dice is at or above that of random at every budget")
    assert found.supported is False
    assert found.answer.endswith("(5 seeds). Below it with 12.")


@pytest.mark.parametrize(
    ("widths", "supported"),
    [((0.1, 0.1), True), ((10.0, 10.0), False), ((0.1, 10.0), None), ((1.0, 1.0), None)],
)
def test_the_spread_over_the_seeds_is_judged(
    widths: tuple[float, float], supported: bool | None
) -> None:
    generator = np.random.default_rng(2)
    rows = []
    for budget, width in zip((6, 12), widths, strict=True):
        for seed, (one, other) in enumerate(generator.normal(0, 0.01, (12, 2))):
            rows.append(row(seed=seed, budget=budget, dice=0.8 + one))
            rows.append(row(strategy=COLD, seed=seed, budget=budget, dice=0.8 + width * other))
    found = _of(rows, "The cold start varies less over the seeds than random")
    assert found.supported is supported


@pytest.mark.parametrize(("seeds", "hopeless"), [(5, True), (7, False)])
def test_what_no_data_could_have_shown_is_said_of_the_best(seeds: int, hopeless: bool) -> None:
    rows = _rows({"cscs": 0.0, RANDOM: 0.03, "levy": -0.03}, seeds)
    found = _of(rows, "Some strategy beats cscs over all budgets", "cscs")
    assert ("whatever the differences" in found.answer) is hopeless
    assert ("Above it: random; below it: levy" in found.answer) is not hopeless
    assert found.supported is (None if hopeless else True)
