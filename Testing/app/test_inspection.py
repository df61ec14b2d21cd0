"""What the measures of an encoder are put into words as."""

import copy
from typing import Any

from ActiveSeedLib.app.inspection import encoder_report

RESULT: dict[str, Any] = {
    "unit": "case",
    "encoder": "descriptor",
    "verdict": "trust",
    "cases": 120,
    "dimension": 64,
    "budget": 8,
    "sample": 120,
    "map_sample": 120,
    "structure": {"directions": 4, "share": 0.61},
    "clusters": {
        "hopkins": 0.97,
        "hopkins_by_chance": 0.5,
        "k": 4,
        "silhouette": 0.7,
        "silhouette_by_chance": 0.2,
        "p": 0.05,
        "hopkins_p": 0.05,
        "directions": 4,
    },
    "silhouettes": {"k": 4, "by_chance": 0.4, "sample": 120, "curve": {"2": 0.5, "4": 0.9}},
    "gain": {"gain": 0.42, "beaten": 1.0},
    "map_gain": {"gain": 0.4, "beaten": 0.98},
    "stability_over_seeds": {
        "distance": 0.0,
        "shared": 1.0,
        "shared_by_chance": 0.03,
        "settings": ["seed 44"],
    },
    "stability_over_maps": {
        "distance": 0.3,
        "shared": 0.2,
        "shared_by_chance": 0.03,
        "settings": ["half the perplexity"],
    },
    "dcr": None,
    "near_copies": [],
    "outliers": [],
    "neighbours_exact": True,
}


def said(**changes: Any) -> str:
    """Return the report on the measures above with some of them changed."""
    result = copy.deepcopy(RESULT) | changes
    report = encoder_report(result)
    assert all(finding.endswith(".") and "\n" not in finding for finding in report.findings)
    return report.text()


def test_an_encoder_to_trust() -> None:
    text = said()
    assert text.startswith("Worth trusting: cases chosen by descriptor stand for this pool clearly")
    assert "8 cases chosen among the features are 42 % nearer to the rest of the pool" in text
    assert "the cases fall into 4 groups (silhouette 0.70, by chance 0.20;" in text
    assert "its groups are real" in text
    assert "Near-copies: none." in text
    assert "no measure without label maps can tell" in text


def test_of_slices_it_speaks_as_such() -> None:
    copies = [["case 1, slice 3", "case 1, slice 4"]]
    text = said(unit="slice", near_copies=copies)
    assert text.startswith("Worth trusting: slices chosen by descriptor stand for this pool")
    assert "8 slices chosen among the features are 42 % nearer" in text
    assert "Near-copies: 2 slices in 1 group look alike" in text
    assert "case 1, slice 3 and case 1, slice 4." in text
    assert "cases" not in text


def test_of_noise_random_is_as_good() -> None:
    structure = {"directions": 0, "share": 0.0}
    text = said(verdict="random", structure=structure, gain={"gain": 0.014, "beaten": 1.0})
    assert text.startswith("Not worth trusting: on this pool a choice by descriptor is no better")
    assert "random is as good" in text
    assert "its 64 numbers vary independently of each other, as noise does" in text
    assert "Groups" not in text, "groups of noise are none"


def test_care_says_why() -> None:
    maps = RESULT["stability_over_maps"] | {"distance": 0.9}
    text = said(verdict="care", stability_over_maps=maps)
    assert "which ones are chosen hangs on the settings of the map." in text.splitlines()[0]
    assert "Other maps (half the perplexity) lead to picks as different as random ones" in text
    assert "hangs on" not in said(verdict="care", gain={"gain": 0.05, "beaten": 1.0})


def test_a_map_that_covers_worse_than_the_features_is_named() -> None:
    assert "8 cases chosen on it are 4 % farther than random ones" in said(
        map_gain={"gain": -0.04, "beaten": 0.1}
    )
    assert "The map:" not in said()


def test_cases_are_named_and_long_lists_counted() -> None:
    outliers = [{"case": f"odd{n}", "times": 4.0 - n / 10} for n in range(7)]
    text = said(near_copies=[["a", "b", "c"], ["d", "e"]], outliers=outliers)
    assert "5 cases in 2 groups look alike" in text
    assert "a, b and c; d and e." in text
    assert "odd0 (4.0 times as far), odd1" in text
    assert "and 2 more." in text


def test_dcr_samples_and_principal_components_are_told() -> None:
    text = said(
        dcr={"value": 0.5, "cases": 90},
        cases=9000,
        sample=1000,
        map_sample=500,
        neighbours_exact=False,
    )
    assert "Difficulty-Coverage Ratio +0.50 on 90 cases: the hard cases are the typical" in text
    assert "structure and choosing on 1000, groups and other maps on 500" in text
    assert "50 principal components" in text


def test_too_few_cases_are_no_verdict() -> None:
    names = ("structure", "clusters", "silhouettes", "gain", "map_gain")
    names += ("stability_over_seeds", "stability_over_maps")
    text = said(verdict="too few", cases=7, **dict.fromkeys(names))
    assert text.startswith("Too few to tell: 7 cases")
