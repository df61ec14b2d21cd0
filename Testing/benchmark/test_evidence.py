"""What the benchmark says in words: never more than the table supports."""

from typing import Any

import numpy as np
import pytest

from ActiveSeedLib.benchmark.evidence import Finding, findings
from ActiveSeedLib.benchmark.table import Row
from Testing.benchmark.rows import row

COLD, RANDOM = "levy-cold-start@once", "random"


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


def _of(rows: list[Row], question: str) -> Finding:
    (found,) = [one for one in findings(rows) if one.question == question]
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
    assert ("typiclust (0." in ahead.answer) is not supported


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
