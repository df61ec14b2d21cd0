"""What is known of single cases as columns, and which columns a strategy reads."""

import numpy as np

from ActiveSeedLib.selection.columns import columns, patient_numbers, predicted_minutes
from ActiveSeedLib.selection.wanted import passes, wanted


def test_columns_are_nan_where_a_case_lacks_a_fact() -> None:
    found = columns([{"a": 1.0, "c": [0.5, None]}, {}, {"a": None}], ["a", "b", "c"])
    assert sorted(found) == ["a", "c"]
    np.testing.assert_array_equal(found["a"], [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(found["c"], [[0.5, np.nan], [np.nan] * 2, [np.nan] * 2])


def test_patients_are_numbered_and_unknown_ones_are_not() -> None:
    numbers = patient_numbers(["b", None, "a", "b"])
    assert numbers is not None
    assert numbers.tolist() == [1, -1, 0, 1]
    assert patient_numbers([None, None]) is None


def test_minutes_are_the_median_of_the_five_most_similar() -> None:
    features = np.arange(12.0)[:, None]
    minutes = np.full(12, np.nan)
    minutes[:4] = [1, 2, 3, 4]
    assert predicted_minutes(features, minutes) is None
    minutes[[10, 11]] = [60, 50]
    found = predicted_minutes(features, minutes)
    assert found is not None
    assert found[0] == 3  # of 1, 2, 3, 4, 60
    assert found[11] == 4  # of 50, 60, 4, 3, 2


def test_parameters_decide_what_is_read() -> None:
    assert wanted("margin").needs == {"margin"}
    assert wanted("margin", {"over": "foreground"}).needs == {"foreground_margin"}
    assert wanted("rokach", {"measure": "bald"}).needs == {"bald"}
    assert wanted("uherding", {"measure": "tta"}).needs == {"tta"}
    assert wanted("one-a-patient", {"strategy": "badge"}).needs == {"patients", "gradients"}
    plus = wanted("levy-plus", {"uncertainty": "bald"})
    assert not plus.needs_model
    assert plus.uses == {"bald", "entropy", "error", "previous_bald"}
    assert wanted("random").all == frozenset()
    assert passes(["foreground_bald", "bald", "entropy", "tta"]) == ["bald", "tta"]
