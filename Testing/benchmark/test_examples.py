"""What the figures of a benchmark's run show: picks by round, and cases that do not flatter."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ActiveSeedLib.benchmark.cohort import Cohort
from ActiveSeedLib.benchmark.examples import groups_of_picks, most_different
from ActiveSeedLib.benchmark.outcome import SECTIONS
from ActiveSeedLib.benchmark.runs import labelled_at
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pictures import draw_examples, draw_map
from ActiveSeedLib.pool.case import Case, Geometry, Image


def _record(budget: int, number: int, *names: str) -> dict[str, Any]:
    return {"budget": budget, "round": number, "picks": [{"case": name} for name in names]}


ROUNDS = [_record(2, 1, "a", "b"), _record(3, 2, "c"), _record(4, 3, "d")]
ANEW = [_record(2, 1, "a", "b"), _record(3, 1, "b", "c", "d")]
SPLIT: dict[str, Any] = {
    "pool": dict.fromkeys("abcde", (0.0, 0.0)),
    "test": dict.fromkeys("xy", (1.0, 1.0)),
}


def test_what_a_run_has_labelled_at_a_budget() -> None:
    assert labelled_at(ROUNDS, 3) == ["a", "b", "c"]
    assert labelled_at(ANEW, 3) == ["b", "c", "d"]
    with pytest.raises(InputError, match="no run with 5 labelled"):
        labelled_at(ROUNDS, 5)


def test_picks_are_grouped_by_how_they_were_chosen(tmp_path: Path) -> None:
    assert groups_of_picks(ROUNDS, SPLIT, 3) == {
        "pool": ["d", "e"],
        "cold start": ["a", "b"],
        "active": ["c"],
        "test": ["x", "y"],
    }
    anew = groups_of_picks(ANEW, SPLIT, 3)
    assert anew == {"pool": ["a", "e"], "cold start": ["b", "c", "d"], "test": ["x", "y"]}
    draw_map(tmp_path / "map.png", {**SPLIT["pool"], **SPLIT["test"]}, anew)
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def cohort() -> Cohort:
    geometry = Geometry((6, 5, 4), (1.0, 1.0, 3.0))
    cases = tuple(
        Case(f"{number:032x}", f"case {number}", f"{number}.nii", "nifti", (), geometry)
        for number in range(6)
    )

    def label(case: Case) -> Image:
        array = np.zeros(geometry.shape, dtype=np.uint8)
        array[2, 1:4, 1:5] = 1  # most of it on the third slice
        array[1, 2, 2] = 1
        return Image(array, geometry)

    def image(case: Case) -> Image:
        return Image(np.arange(120, dtype=np.float32).reshape(geometry.shape), geometry)

    return Cohort(cases, image, label, (1,))


def test_as_many_cases_against_a_strategy_as_for_it(cohort: Cohort, tmp_path: Path) -> None:
    gains = [0.3, -0.2, 0.0, 0.1, -0.4, 0.01]
    scores = {
        "levy": {case.name: 0.5 + g for case, g in zip(cohort.cases, gains, strict=True)},
        "random": {case.name: 0.5 for case in cohort.cases},
    }
    folders = {}
    for strategy in scores:
        folders[strategy] = tmp_path / strategy
        folders[strategy].mkdir()
        sections = {case.key: cohort.load_label(case).array[2] for case in cohort.cases}
        np.savez_compressed(folders[strategy] / SECTIONS, **sections)
    found = most_different(cohort, cohort.cases, scores, folders)
    assert [one.case for one in found] == ["case 0", "case 1", "case 3", "case 4"]
    first = found[0]
    assert first.dice == {"levy": 0.8, "random": 0.5}
    np.testing.assert_array_equal(first.truth, cohort.load_label(cohort.cases[0]).array[2])
    np.testing.assert_array_equal(first.image, cohort.load_image(cohort.cases[0]).array[2])
    assert [one.case for one in most_different(cohort, cohort.cases, scores, folders, 1)] == [
        "case 0"
    ]
    assert len(most_different(cohort, cohort.cases[:1], scores, folders)) == 1
    draw_examples(tmp_path / "cases.png", found)
    assert (tmp_path / "cases.png").read_bytes().startswith(b"\x89PNG")
    (folders["levy"] / SECTIONS).unlink()
    with pytest.raises(InputError, match="only where the run was made"):
        most_different(cohort, cohort.cases, scores, folders)
