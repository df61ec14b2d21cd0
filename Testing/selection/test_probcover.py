"""ProbCover: the worked vectors, small cases by hand, and the greedy rule as the oracle."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection import neighbours
from ActiveSeedLib.selection.geometry import diameter
from ActiveSeedLib.selection.probcover import (
    distance_to_other_labels,
    out_degrees,
    probcover,
    purity,
    widest_pure_delta,
)
from ActiveSeedLib.selection.strategy import Candidates, select


def test_the_authors_picks(shared: Path) -> None:
    v = np.load(shared / "vectors" / "probcover_a_unit_n300_d0.9.npz")
    degrees = out_degrees(v["features"], 0.9)
    np.testing.assert_array_equal(degrees, v["out_degree0"])
    assert degrees.sum() == v["n_edges"]
    chosen = probcover(v["features"], 20, 0.9, v["lSet"])
    np.testing.assert_array_equal(chosen.picks, v["activeSet"])
    np.testing.assert_allclose(chosen.coverage, v["coverage_trace"], rtol=1e-5)
    np.testing.assert_allclose(np.diff(chosen.coverage) * 300, chosen.covers, atol=1e-9)
    features = v["features"]
    pool = Candidates(features, features[:, :2], np.arange(300), np.arange(0))
    through = select("probcover", pool, 20, {"delta": 0.9})
    assert [pick.index for pick in through.picks] == v["activeSet"].tolist()
    assert through.facts["delta"] == 0.9


def test_the_variant_of_the_sugfw_repository(shared: Path) -> None:
    v = np.load(shared / "vectors" / "hilab_baselines_a_n90_b8.npz")
    radii = distance_to_other_labels(v["features"], v["delta_labels"])
    grid = np.linspace(0, diameter(v["features"])[0], 100)
    np.testing.assert_allclose(grid, v["delta_grid"], rtol=1e-5)
    curve = [purity(radii, delta, inclusive=True) for delta in v["delta_grid"]]
    np.testing.assert_allclose(curve, v["purity_curve"], rtol=1e-5)
    delta = widest_pure_delta(radii, 0.95, grid=v["delta_grid"], inclusive=True)
    assert delta == pytest.approx(float(v["delta_est"]), rel=1e-5)
    chosen = probcover(v["features"], 8, delta, inclusive=True, from_covered=False)
    np.testing.assert_array_equal(chosen.picks, v["selected_ProbCover"])


def test_by_hand() -> None:
    line = np.array([[0.0], [1.0], [2.0], [3.0], [10.0], [10.5], [30.0]])
    assert out_degrees(line, 1.0).tolist() == [1, 1, 1, 1, 2, 2, 1]  # the rim does not belong
    assert out_degrees(line, 1.0, inclusive=True).tolist() == [2, 3, 3, 2, 2, 2, 1]
    assert out_degrees(line, 0.0).tolist() == [1] * 7
    chosen = probcover(line, 4, 1.5)
    assert chosen.picks.tolist() == [1, 4, 2, 6]
    assert chosen.covers.tolist() == [3, 2, 1, 1]
    np.testing.assert_allclose(chosen.coverage * 7, [0, 3, 5, 6, 7])
    later = probcover(line, 2, 1.5, labelled=[0, 6])
    assert later.picks.tolist() == [2, 4]


def test_when_all_is_covered_farthest_points_follow() -> None:
    # The authors' code goes on with index 0, again and again.
    line = np.array([[0.0], [1.0], [2.0], [9.0], [10.0], [11.0]])
    chosen = probcover(line, 5, 1.5)
    assert chosen.picks.tolist() == [1, 4, 0, 2, 3]
    assert chosen.covers.tolist() == [3, 3, 0, 0, 0]
    assert chosen.coverage.tolist() == [0, 0.5, 1, 1, 1, 1]
    every = probcover(line, 6, 100.0, from_covered=False)
    assert sorted(every.picks) == list(range(6))


def test_the_widest_pure_radius_by_hand() -> None:
    line = np.array([[0.0], [1.0], [4.0], [6.0]])
    radii = distance_to_other_labels(line, [0, 0, 1, 1])
    assert radii.tolist() == [4, 3, 3, 5]
    assert [purity(radii, delta) for delta in (3, 3.5, 4, 5, 6)] == [1, 0.5, 0.5, 0.25, 0]
    assert purity(radii, 3, inclusive=True) == 0.5
    assert [widest_pure_delta(radii, least) for least in (1.0, 0.5, 0.25, 0.01)] == [3, 4, 5, 5]
    assert widest_pure_delta(radii, 0.9, grid=[1, 2, 3, 4]) == 3
    assert widest_pure_delta(radii, 0.9, grid=[6, 7]) == 6
    assert np.isinf(distance_to_other_labels(line, [1, 1, 1, 1])).all()
    with pytest.raises(InputError, match="purity must be above 0"):
        widest_pure_delta(radii, 0)


@given(st.integers(2, 40), st.floats(0.05, 1.0), st.integers(0, 10**6))
@settings(max_examples=60)
def test_no_wider_radius_is_as_pure(count: int, least: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 3))
    labels = np.arange(count) % 2
    gaps = cdist(features, features)
    radii = distance_to_other_labels(features, labels)
    expected = np.where(labels[:, None] != labels, gaps, np.inf).min(axis=1)
    np.testing.assert_allclose(radii, expected)
    delta = widest_pure_delta(radii, least)
    assert purity(radii, delta) >= least - 1e-9
    assert purity(radii, math.nextafter(delta, math.inf)) < least


@given(st.integers(1, 40), st.booleans(), st.floats(0.2, 3), st.integers(0, 10**6), st.data())
@settings(max_examples=60)
def test_it_is_the_rule(
    count: int, on_grid: bool, delta: float, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 2)).round(0 if on_grid else 6)
    delta = round(delta) or 1.0 if on_grid else delta
    labelled = sorted(data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1)))
    budget = data.draw(st.integers(1, count - len(labelled)))
    near = cdist(features, features) < delta - 1e-9
    covered = near[labelled].any(axis=0) if labelled else np.zeros(count, dtype=bool)
    expected: list[int] = []
    while len(expected) < budget:
        degrees = (near & ~covered).sum(axis=1)
        if not degrees.any():
            break
        expected.append(int(degrees.argmax()))
        covered |= near[expected[-1]]
    chosen = probcover(features, budget, delta, labelled)
    assert chosen.picks.tolist()[: len(expected)] == expected
    assert not set(chosen.picks) & set(labelled)
    assert len(set(chosen.picks)) == budget
    assert chosen.coverage[-1] == pytest.approx(covered.mean())


def test_single_precision_sees_the_same_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    points = 50 + np.random.default_rng(0).normal(size=(200, 40)).astype(np.float32)
    gaps = cdist(points, points)
    exact = (gaps < 8.0).sum(axis=1)
    monkeypatch.setattr(neighbours, "_KEPT_UP_TO", 0)
    monkeypatch.setattr(neighbours, "_BLOCK", 3000)
    monkeypatch.setattr(neighbours, "_DOUBLE_UP_TO", 0)
    # No distance is so near to the radius that rounding could decide.
    assert np.abs(gaps - 8.0)[gaps > 0].min() > 1e-5
    np.testing.assert_array_equal(out_degrees(points, 8.0), exact)


def test_reasons_count_what_a_case_stands_for() -> None:
    line = np.array([[0.0, 0], [1, 0], [2, 0], [9, 0], [30, 0]])
    pool = Candidates(line, line, np.arange(5), np.arange(0))
    reasons = [pick.reason for pick in select("probcover", pool, 4, {"delta": 1.5}).picks]
    assert reasons == [
        "It and 2 similar cases had no labelled or chosen case near them.",
        "No labelled or chosen case is near it, and it stands for itself alone.",
        "No labelled or chosen case is near it, and it stands for itself alone.",
        "Every case is near a labelled or chosen one; this one is farther than the others.",
    ]
    groups = select("probcover", pool, 2, {"groups": 2, "purity": 1.0})
    assert groups.facts["delta"] == 21.0


def test_it_says_what_is_wrong() -> None:
    with pytest.raises(PoolTooSmallError, match="has 3 cases"):
        probcover(np.eye(5), 4, 1.0, [0, 1])
    with pytest.raises(InputError, match="one label for each of the 5"):
        distance_to_other_labels(np.eye(5), [0, 1])
    pool = Candidates(np.eye(5), np.eye(5)[:, :2], np.arange(5), np.arange(0))
    with pytest.raises(InputError, match="must not be negative"):
        select("probcover", pool, 2, {"delta": -1.0})
    with pytest.raises(InputError, match="purity must be"):
        select("probcover", pool, 2, {"purity": 1.5})
