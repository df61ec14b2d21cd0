"""Patients by table or pattern, and test splits that never part one."""

import json
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Case, Geometry
from ActiveSeedLib.pool.patients import PatientRule, split_test
from ActiveSeedLib.pool.scan import scan


def case(path: str, patient: str | None = None) -> Case:
    name = path.split(".")[0].replace("/", "__")
    return Case(f"key-{path}", name, path, "nifti", (path,), Geometry((1, 1, 1)), patient)


@pytest.mark.parametrize(
    ("pattern", "path", "patient"),
    [
        (r"^(\w+?)_", "anna_01.nii.gz", "anna"),
        (r"\d+", "scan-12_b.nii.gz", "12"),
        (r"sub-(\w+)/", "data/sub-07/anat/t1.nii.gz", "07"),
        (r"^x(\d*)", "x_b.png", None),
        (r"z", "anna.png", None),
        (r"nii", "anna.nii.gz", None),
    ],
)
def test_patterns(pattern, path, patient) -> None:
    assert PatientRule.parse(pattern).patient_of(case(path)) == patient


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "value", ["b/anna.nii.gz", "images/b/anna.nii.gz", "anna", "ANNA.NII.GZ", "b__anna", r"b\anna"]
)
def test_tables_name_a_case_in_many_ways(tmp_path, value, separator) -> None:
    table = tmp_path / "patients.csv"
    text = f"Age{separator}Image{separator}Subject\n5{separator}{value}{separator}P7\n"
    table.write_text(text, encoding="utf-8-sig")
    rule = PatientRule.parse(str(table))
    assert rule.patient_of(case("b/anna.nii.gz")) == "P7"
    assert rule.patient_of(case("b/hanna.nii.gz")) is None


def test_equal_names_in_two_folders_are_told_apart(tmp_path) -> None:
    table = tmp_path / "p.csv"
    table.write_text("file,patient\na/scan.nii.gz,A\nb/scan.nii.gz,B\nc/only.nii.gz,C\n")
    rule = PatientRule.parse(str(table))
    assert rule.patient_of(case("a/scan.nii.gz")) == "A"
    assert rule.patient_of(case("b/scan.nii.gz")) == "B"
    assert rule.patient_of(case("d/scan.nii.gz")) is None
    assert rule.patient_of(case("only.nii.gz")) == "C"


@pytest.mark.parametrize("wrap", [True, False])
def test_json_tables(tmp_path, wrap) -> None:
    rows = [{"id": "s1", "image": "images/s1.png", "subject": 3}, {"id": "s2", "subject": None}]
    table = tmp_path / "dataset.json"
    table.write_text(json.dumps({"cases": rows} if wrap else rows))
    rule = PatientRule.parse(str(table))
    assert rule.patient_of(case("s1.png")) == "3"
    assert rule.patient_of(case("s2.png")) is None


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "image,age\nx,1\n", "column for the patient"),
        ("a.csv", "patient,age\nx,1\n", "column for the case"),
        ("a.csv", "", "column for"),
        ("a.csv", "image,patient\nx,1\nx.png,2\n", "two patients"),
        ("a.json", "{", "cannot be read"),
        ("a.json", "{}", "list of objects"),
        ("a.json", "[1]", "list of objects"),
    ],
)
def test_bad_tables(tmp_path, name, text, words) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        PatientRule.parse(str(tmp_path / name))
    assert name in str(caught.value)


@pytest.mark.parametrize(("text", "words"), [("(", "regular expression"), ("no.csv", "not exist")])
def test_bad_rules(text, words) -> None:
    with pytest.raises(InputError, match=words):
        PatientRule.parse(text)


def test_real_patients(shared) -> None:
    for folder, patients in (("hippocampus", 113), ("cxr_lung", 187)):
        root = shared / "data" / folder
        rule = PatientRule.parse(str(root / "dataset.json"))
        pool = scan(root / "images", patients=rule)
        assert len({item.patient for item in pool.cases}) == patients
        assert None not in {item.patient for item in pool.cases}
        assert pool.notes == ()


def test_the_number_of_unmatched_cases_is_said(tmp_path, write_nifti) -> None:
    import numpy as np

    for index, name in enumerate(["anna_1", "anna_2", "bob"]):
        write_nifti(tmp_path / f"{name}.nii", np.full((2, 2, 2), index, np.uint8))
    pool = scan(tmp_path, patients=PatientRule.parse("^(.*)_"))
    assert [item.patient for item in pool.cases] == ["anna", "anna", None]
    assert "1 of 3 cases have no patient" in pool.notes[-1].reason


SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=9)


def cohort(sizes: list[int]) -> list[Case]:
    return [
        case(f"{patient}-{index}.nii", None if size == 1 else f"p{patient}")
        for patient, size in enumerate(sizes)
        for index in range(size)
    ]


@given(sizes=SIZES, fraction=st.floats(0, 0.99), seed=st.integers(0, 999))
def test_the_split_is_the_nearest_of_whole_patients(sizes, fraction, seed) -> None:
    cases = cohort(sizes)
    test = split_test(cases, fraction, seed)
    assert test == sorted(set(test))
    assert len(test) < len(cases)
    sides = Counter((item.patient, item.key in test) for item in cases if item.patient)
    assert all(not (sides[name, True] and sides[name, False]) for name, _ in sides)
    # Brute force over all subsets of patients but the whole.
    sums = {sum(pick) for count in range(len(sizes)) for pick in combinations(sizes, count)}
    target = fraction * len(cases)
    best = min(abs(total - target) for total in sums)
    assert abs(len(test) - target) == pytest.approx(best)


@given(sizes=SIZES, seed=st.integers(0, 99), data=st.data())
def test_the_split_depends_on_neither_order_nor_paths(sizes, seed, data) -> None:
    cases = cohort(sizes)
    shuffled = data.draw(st.permutations(cases))
    assert split_test(cases, 0.3, seed) == split_test(shuffled, 0.3, seed)


def test_seeds_differ_and_each_patient_has_its_chance() -> None:
    cases = cohort([1] * 10 + [3] * 10)
    splits = [split_test(cases, 0.25, seed) for seed in range(200)]
    assert len({tuple(split) for split in splits}) > 150
    counts = Counter(key for split in splits for key in split)
    assert min(counts[item.key] for item in cases) > 20
    assert max(counts.values()) < 90


def test_the_ends_of_the_range() -> None:
    cases = cohort([2, 2])
    assert split_test(cases, 0, 1) == []
    assert split_test(cohort([4]), 0.9, 1) == []
    assert split_test([], 0.5, 1) == []
    assert len(split_test(cases, 0.99, 1)) == 2
    for fraction in (-0.1, 1.0, float("nan")):
        with pytest.raises(InputError, match="fraction"):
            split_test(cases, fraction, 1)


def test_a_hundred_thousand_cases_split_quickly() -> None:
    cases = [case(f"{index}.nii", f"p{index // 3}") for index in range(100_000)]
    test = split_test(cases, 0.2, 1)
    assert len(test) in {19_999, 20_001}
