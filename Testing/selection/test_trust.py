"""The gate: noise stays shut out, doubt that tells where the model errs gets through."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.spearman import spearman, surely_above
from ActiveSeedLib.selection.trust import measured_trust


def test_spearman_equals_scipys() -> None:
    rng = np.random.default_rng(0)
    for count in (3, 10, 200):
        one, other = rng.integers(0, 6, (2, count))
        expected = spearmanr(one, other).statistic
        assert spearman(one, other) == pytest.approx(expected, abs=1e-12)
    assert spearman([1, 1, 1, 1], [1, 2, 3, 4]) == 0.0
    assert spearman([1, 2], [1, 2]) == 0.0


def test_what_a_correlation_surely_exceeds() -> None:
    expected = math.tanh(math.atanh(0.5) - 1.28 * math.sqrt(1.06 / 27))
    assert surely_above(0.5, 30, 1.28) == pytest.approx(expected)
    assert surely_above(0.9, 3, 1.28) == -1.0
    assert 0.99 < surely_above(1.0, 5, 1.28) <= 1.0
    assert surely_above(-1.0, 5, 1.28) == pytest.approx(-1.0)


@pytest.mark.parametrize("count", [6, 10, 40])
def test_noise_gets_through_about_once_in_ten(count: int) -> None:
    rng = np.random.default_rng(count)
    opened = [measured_trust(*rng.random((2, count))).trusted for _ in range(400)]
    assert 0.04 < np.mean(opened) < 0.16


def test_doubt_that_follows_the_errors_gets_through() -> None:
    rng = np.random.default_rng(1)
    opened = []
    for _ in range(200):
        error = rng.random(20)
        opened.append(measured_trust(error + rng.normal(scale=0.15, size=20), error).trusted)
    assert np.mean(opened) > 0.97


def test_errors_decide_before_another_model_does() -> None:
    rng = np.random.default_rng(2)
    doubt = rng.random(50)
    error = np.full(50, np.nan)
    error[:8] = 1 - doubt[:8]  # the surer, the wronger
    both = measured_trust(doubt, error, doubt)
    assert (both.trusted, both.by, both.cases) == (False, "errors", 8)
    assert both.correlation == pytest.approx(-1.0)
    assert both.sentence == (
        "The model's doubt does not tell yet where it errs (rank correlation -1.00 on 8 cases), "
        "so diversity alone decided."
    )
    error[5:8] = np.nan  # five cases say nothing
    stable = measured_trust(doubt, error, doubt)
    assert (stable.trusted, stable.by, stable.cases) == (True, "another model", 50)
    assert "doubt the same cases" in stable.sentence


def test_two_models_must_agree_well() -> None:
    rng = np.random.default_rng(3)
    doubt = rng.random(100)
    assert measured_trust(doubt, None, doubt + rng.normal(scale=0.1, size=100)).trusted
    loosely = measured_trust(doubt, None, doubt + rng.normal(scale=0.6, size=100))
    assert 0.2 < loosely.correlation < 0.6
    assert loosely.trusted is False
    assert measured_trust(doubt, None, rng.random(100)).trusted is False


def test_where_nothing_can_be_measured_it_says_so() -> None:
    for error, other in ((None, None), (np.full(9, np.nan), None), (None, np.ones(9))):
        trust = measured_trust(np.arange(9.0), error, other)
        assert (trust.trusted, trust.by, trust.cases) == (None, "nothing", 0)
        assert trust.sentence.endswith("was not measured.")
    with pytest.raises(InputError, match="9 uncertainties and 3 values"):
        measured_trust(np.arange(9.0), np.arange(3.0))
