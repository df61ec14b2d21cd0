"""What is said of an encoder: noise or structure, groups or a cloud, copies and outliers."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.inspection import (
    Inspection,
    Maps,
    coverage_gain,
    inspect,
    stability,
)
from ActiveSeedLib.selection.near_copies import neighbours
from ActiveSeedLib.selection.tendency import components, structure, tendency


def flat(features: NDArray[np.floating], seed: int) -> NDArray[np.float64]:
    """A map that takes no time: two principal components."""
    return components(features, 2)


def other(features: NDArray[np.floating], seed: int) -> NDArray[np.float64]:
    """Another map of the same pool."""
    return components(np.sign(features) * np.sqrt(np.abs(features)), 2)


def looked_at(features: NDArray[np.floating], budget: int = 5, seed: int = 43) -> Inspection:
    return inspect(features, flat(features, seed), budget, seed, Maps(flat, {"other": other}))


def noise(cases: int, numbers: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(cases, numbers))


def groups(
    cases: int, numbers: int, count: int, apart: float, seed: int = 0
) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(count, numbers)) * apart
    return centres[np.arange(cases) % count] + generator.normal(size=(cases, numbers))


@pytest.mark.parametrize(("cases", "numbers"), [(60, 16), (80, 300)])
@pytest.mark.parametrize("seed", [0, 1])
def test_of_noise_random_is_as_good(cases: int, numbers: int, seed: int) -> None:
    found = looked_at(noise(cases, numbers, seed))
    assert found.verdict == "random"
    assert found.structure is not None
    assert found.structure.share < 0.05


def test_separate_groups_are_worth_trusting() -> None:
    found = looked_at(groups(90, 40, 3, apart=3.0), budget=6)
    assert found.verdict == "trust"
    assert found.curve is not None
    assert found.curve.k == 3
    assert found.tendency is not None
    assert found.tendency.k == 3
    assert found.tendency.p == pytest.approx(0.05)
    assert found.gain is not None
    assert found.gain.gain > 0.2
    assert found.gain.beaten == 1.0


def test_a_cloud_has_structure_but_no_groups() -> None:
    generator = np.random.default_rng(3)
    cloud = generator.normal(size=(120, 3)) @ generator.normal(size=(3, 60))
    cloud += 0.1 * generator.normal(size=cloud.shape)
    common = structure(cloud, 43)
    assert common.directions == 3
    assert common.share > 0.7
    measured = tendency(cloud, 43, common.directions)
    assert measured.p > 0.05
    assert abs(measured.hopkins - measured.hopkins_by_chance) < 0.15


def test_the_same_seed_says_the_same() -> None:
    features = groups(50, 12, 4, apart=1.0)
    one, again = looked_at(features), looked_at(features)
    assert one.gain == again.gain
    assert one.tendency == again.tendency
    assert one.maps == again.maps
    assert one.map_by_chance == again.map_by_chance


def test_near_copies_are_grouped_and_outliers_named() -> None:
    features = noise(60, 8)
    features[7] = features[3] + 1e-3
    features[50] = features[3] - 1e-3
    features[20] = features[19]
    features[33] *= 100
    found = neighbours(features)
    assert found.copies == [[3, 7, 50], [19, 20]]
    assert found.outliers.tolist() == [33]
    assert found.times[0] > 10
    assert found.exact


def test_near_copies_found_by_components_are_confirmed_in_all_features() -> None:
    """Rows 3 and 7 agree in the components alone, rows 19 and 20 in everything."""
    features = noise(60, 8)
    features[20] = features[19]
    reduced = features[:, :4].copy()
    reduced[7] = reduced[3]
    found = neighbours(features, reduced)
    assert found.copies == [[19, 20]]
    assert not found.exact


def test_the_gain_is_the_mean_distance_to_the_nearest_pick() -> None:
    """Two far groups: one pick in each leaves next to nothing; random sets miss one of them."""
    points = np.array([[0.0], [0.0], [0.0], [10.0], [10.0], [10.0]])
    both, one = coverage_gain(points, [0, 3], 43), coverage_gain(points, [0, 1], 43)
    assert both.gain == pytest.approx(1.0)
    assert one.gain < 0
    assert coverage_gain(np.ones((5, 2)), [0, 1], 43).gain == 0.0


def test_stability_is_nought_for_the_same_picks_and_one_for_random_ones() -> None:
    features = noise(200, 5)
    same = stability(features, [0, 1, 2, 3], {"same": [3, 2, 1, 0]}, 43)
    assert same.distance == 0.0
    assert same.shared == 1.0
    generator = np.random.default_rng(9)
    sets = {str(i): generator.choice(200, 4, replace=False) for i in range(40)}
    random = stability(features, [0, 1, 2, 3], sets, 43)
    assert random.distance == pytest.approx(1.0, abs=0.1)
    assert random.settings[:2] == ("0", "1")


def test_dcr_is_of_the_cases_whose_difficulty_is_known() -> None:
    features = groups(40, 6, 2, apart=2.0)
    middle = -np.linalg.norm(features - features.mean(axis=0), axis=1)
    difficulty = np.where(np.arange(40) < 30, middle, np.nan)
    maps = Maps(flat, {"other": other})
    found = inspect(features, flat(features, 0), 4, 0, maps, difficulty)
    assert found.dcr_cases == 30
    assert found.dcr is not None
    assert -1 <= found.dcr <= 1
    assert looked_at(features).dcr is None


@pytest.mark.parametrize("cases", [1, 2, 5, 19])
def test_of_a_few_cases_nothing_is_said(cases: int) -> None:
    found = looked_at(noise(cases, 4))
    assert found.verdict == "too few"
    assert found.structure is None


def test_cases_that_are_all_equal_leave_nothing_to_choose_by() -> None:
    found = looked_at(np.ones((30, 4)))
    assert found.verdict == "random"
    assert found.neighbours.copies == [list(range(30))] or len(found.neighbours.copies) >= 1
    assert found.neighbours.outliers.tolist() == []


def test_what_cannot_be_measured_is_refused() -> None:
    features = noise(30, 4)
    broken = features.copy()
    broken[2, 1] = np.nan
    with pytest.raises(InputError, match="1 of 30 cases have features that are NaN"):
        inspect(broken, features[:, :2], 5, 43, Maps(flat, {"other": other}))
    with pytest.raises(InputError, match="30 cases but 29 places"):
        inspect(features, features[:29, :2], 5, 43, Maps(flat, {"other": other}))
    with pytest.raises(InputError, match="budget"):
        inspect(features, features[:, :2], 0, 43, Maps(flat, {"other": other}))
