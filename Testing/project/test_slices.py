"""Slices of cases: suggested, labelled, given up, and what becomes of them with their label map."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Image, Pool
from ActiveSeedLib.pool.readers import write_label
from ActiveSeedLib.pool.slices import slice_key
from ActiveSeedLib.project import LabelSchema, Project, Status
from ActiveSeedLib.project.slices import AXIS, UNIT, SliceState
from Testing.project.conftest import GEOMETRY

Key = Callable[[int], str]


@pytest.fixture
def project(
    tmp_path: Path, make_pool: Callable[..., Pool], schema: LabelSchema
) -> Iterator[Project]:
    """Six cases of three slices each, of which case_5 is a test case."""
    settings = {UNIT: "slice", AXIS: 0}
    root = tmp_path / "project"
    with Project.create(root, make_pool(), schema, test=["case_5"], settings=settings) as opened:
        yield opened


def suggest(project: Project, *units: tuple[str, int]) -> int:
    picks = [(slice_key(*unit), f"Reason {n}.", {"n": n}) for n, unit in enumerate(units)]
    return project.add_selection("levy", {}, 7, {}, picks)


def label(*shown: int) -> Image:
    """A label map with a structure on some slices."""
    array = np.zeros(GEOMETRY.shape, np.uint8)
    for index in shown:
        array[index, 1, 1] = 1
    return Image(array, GEOMETRY)


def of(project: Project, key: str, state: SliceState) -> list[int]:
    return [one.slice_index for one in project.slices(key, state)]


def test_a_case_waits_for_its_slices_and_is_done_with_them(project: Project, key: Key) -> None:
    suggest(project, (key(1), 2), (key(0), 1), (key(1), 0))
    assert project.slices_to_label() == {key(0): [1], key(1): [0, 2]}
    assert [item.record.case.key for item in project.queue()] == [key(1), key(0)]
    assert project.queue()[0].reason == "Slice 1: Reason 2. Slice 3: Reason 0."
    assert project.rounds()[0].size == 3
    (pick, _) = project.selection(1)
    assert [(one["slice"], one["position"]) for one in pick.why["slices"]] == [(3, 1), (1, 3)]
    # A label map that is not finished trains nothing.
    project.save_label(key(1), label(0), source="user", done=False)
    assert project.training_labels() == {}
    project.save_label(key(1), label(0, 2), source="user")
    assert list(project.training_labels()) == [slice_key(key(1), 0), slice_key(key(1), 2)]
    assert project.case(key(1)).status is Status.LABELLED
    assert project.slices_to_label() == {key(0): [1]}


def test_a_labelled_case_waits_again_and_trains_meanwhile(project: Project, key: Key) -> None:
    suggest(project, (key(1), 2))
    project.save_label(key(1), label(2), source="user")
    left = project.count_candidates()
    suggest(project, (key(1), 0))
    assert project.count_candidates() == left - 1
    assert project.case(key(1)).status is Status.SUGGESTED
    assert list(project.training_labels()) == [slice_key(key(1), 2)]
    assert [one.saved for one in project.slices(key(1), SliceState.SUGGESTED)] == [False]
    project.save_label(key(1), label(0, 2), source="user", done=False)
    assert [one.saved for one in project.slices(key(1), SliceState.SUGGESTED)] == [True]
    project.save_label(key(1), label(0, 1, 2), source="user")
    # What was drawn on a slice that nobody asked for is on the disk, and not trained on.
    assert of(project, key(1), SliceState.LABELLED) == [0, 2]


def test_slices_that_were_chosen_are_not_chosen_again(project: Project, key: Key) -> None:
    suggest(project, (key(1), 2))
    for units in ([(key(1), 2)], [(key(5), 0)], [(key(0), 1), (key(0), 1)]):
        with pytest.raises(InputError):
            suggest(project, *units)
    project.set_status(key(2), Status.EXCLUDED)
    with pytest.raises(InputError, match="excluded"):
        suggest(project, (key(2), 0))
    assert len(project.rounds()) == 1


def test_of_a_case_chosen_by_hand_the_slices_that_show_something_count(
    project: Project, key: Key
) -> None:
    project.set_status(key(3), Status.SUGGESTED)
    project.save_label(key(3), label(1), source="user")
    assert of(project, key(3), SliceState.LABELLED) == [1]
    # Saved again, with more: what is trained on stays.
    project.save_label(key(3), label(1, 2), source="user")
    assert of(project, key(3), SliceState.LABELLED) == [1]


def test_a_case_with_labelled_slices_can_only_give_up_the_others(
    project: Project, key: Key
) -> None:
    suggest(project, (key(1), 2))
    assert not project.give_up_slices(key(1))
    project.save_label(key(1), label(2), source="user")
    suggest(project, (key(1), 0))
    assert project.give_up_slices(key(1))
    assert project.case(key(1)).status is Status.LABELLED
    assert of(project, key(1), SliceState.SKIPPED) == [0]
    with pytest.raises(InputError, match="selected before: 1"):
        suggest(project, (key(1), 0))


def test_where_a_slice_stands(project: Project, key: Key) -> None:
    suggest(project, (key(1), 2), (key(2), 0))
    project.save_label(key(1), label(2), source="user")
    project.set_status(key(3), Status.SKIPPED)
    units = [slice_key(key(n), index) for n in (1, 2, 3, 5) for index in (0, 2)]
    assert list(project.unit_statuses(units).values()) == [
        Status.UNLABELLED,
        Status.LABELLED,
        Status.SUGGESTED,
        Status.UNLABELLED,
        Status.SKIPPED,
        Status.SKIPPED,
        Status.TEST,
        Status.TEST,
    ]
    assert project.unit_rounds() == {slice_key(key(1), 2): 1, slice_key(key(2), 0): 1}


def test_a_lost_label_map_takes_its_slices_along(project: Project, key: Key) -> None:
    suggest(project, (key(1), 2))
    saved = project.save_label(key(1), label(2), source="user")
    project.close()
    saved.path.unlink()
    with Project.open(project.root) as again:
        assert again.training_labels() == {}
        assert again.case(key(1)).status is Status.UNLABELLED
        suggest(again, (key(1), 2))
    # One that another program wrote is taken over with the suggested slices.
    write_label(saved.path, label(2).array, GEOMETRY)
    with Project.open(project.root) as again:
        assert list(again.training_labels()) == [slice_key(key(1), 2)]


def test_a_case_given_back_forgets_its_slices(project: Project, key: Key) -> None:
    suggest(project, (key(1), 2))
    project.set_status(key(1), Status.UNLABELLED)
    assert project.slices(key(1)) == []
    suggest(project, (key(1), 2))


def test_the_same_label_map_imported_again_labels_what_was_suggested_since(
    project: Project, key: Key, tmp_path: Path
) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    write_label(folder / "case_1.nii.gz", label(0, 1, 2).array, GEOMETRY)
    for index in (2, 0):
        suggest(project, (key(1), index))
        assert project.import_labels(folder, keys=[key(1)]).imported == (key(1),)
    assert of(project, key(1), SliceState.LABELLED) == [0, 2]
    assert project.import_labels(folder, keys=[key(1)]).unchanged == (key(1),)


def test_predictions_and_maps_are_of_slices(project: Project, key: Key) -> None:
    suggest(project, (key(1), 2))
    model = project.start_model({}, {})
    facts = {
        "mean_entropy": 0.2,
        "slices": {"0": {"mean_entropy": 0.1}, "2": {"mean_entropy": 0.3}},
    }
    project.record_prediction(key(1), model.id, facts)
    first, last = slice_key(key(1), 0), slice_key(key(1), 2)
    assert project.entropies(model.id) == {first: 0.1, last: 0.3}
    project.add_to_unit_prediction(last, model.id, {"bald": 0.5})
    assert project.unit_prediction(last, model.id) == {"mean_entropy": 0.3, "bald": 0.5}
    assert project.unit_prediction(first, model.id) == {"mean_entropy": 0.1}
    assert project.unit_prediction(slice_key(key(1), 1), model.id) is None
    points = {first: (0.0, 1.0), last: (2.0, 3.0)}
    project.save_map("map", {}, points)
    kept = project.map()
    assert kept is not None
    assert kept.points == points
    rows, places = project.mapped_rows()
    assert [(row.key, row.name, row.status, row.round) for row in rows] == [
        (first, "case_1, slice 1", Status.UNLABELLED, None),
        (last, "case_1, slice 3", Status.SUGGESTED, 1),
    ]
    assert places == [(0.0, 1.0), (2.0, 3.0)]
