from collections.abc import Callable
from pathlib import Path

import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Case, Duplicate, Image, Pool, Refused
from ActiveSeedLib.project import LabelSchema, Project, Status

Key = Callable[[int], str]
MakeCase = Callable[..., Case]
MakePool = Callable[..., Pool]


def test_a_project_gives_back_the_pool(
    tmp_path: Path, images: Path, make_case: MakeCase, schema: LabelSchema
) -> None:
    series = Case(
        "f" * 32,
        "d__s",
        "d",
        "dicom",
        ("d/2.dcm", "d/1.dcm"),
        make_case(0).geometry,
        "p",
        {"a": "b"},
    )
    pool = Pool(
        str(images),
        (make_case(3, "b/x.nii.gz"), series),
        (Refused("bad.nii", "It is cut off."),),
        (Duplicate("y.nii", "b__x"),),
        (Refused("d", "Its slices are uneven."),),
    )
    Project.create(tmp_path / "p", pool, schema, settings={"budget": 5}).close()
    with Project.open(tmp_path / "p") as project:
        assert tuple(record.case for record in project.cases()) == pool.cases
        assert [record.note for record in project.cases()] == [None, "Its slices are uneven."]
        assert all(record.available and record.problem is None for record in project.cases())
        assert project.refused() == list(pool.refused)
        assert project.duplicates() == list(pool.duplicates)
        assert project.schema == schema
        assert project.settings == {"budget": 5}
        assert project.images_root == images


def test_creating_refuses_what_would_harm(
    tmp_path: Path, images: Path, project: Project, make_pool: MakePool, schema: LabelSchema
) -> None:
    full = tmp_path / "full" / "labels"
    full.mkdir(parents=True)
    (full / "mine.nii.gz").write_bytes(b"precious")
    for root, said in (
        (tmp_path / "full", "not empty"),
        (images / "project", "inside the images folder"),
        (images, "inside the images folder"),
        (tmp_path, "lies inside the project"),
        (project.root, "already is an ActiveSeed project"),
    ):
        with pytest.raises(InputError, match=said):
            Project.create(root, make_pool(), schema)
    assert [path.name for path in (tmp_path / "full").rglob("*")] == ["labels", "mine.nii.gz"]
    assert not list(images.iterdir())


def test_creating_again_after_an_interrupted_creation_works(
    tmp_path: Path, make_pool: MakePool, schema: LabelSchema
) -> None:
    (tmp_path / "p" / "labels").mkdir(parents=True)
    (tmp_path / "p" / ".tmp-1-2-project.sqlite-wal").write_bytes(b"half")
    Project.create(tmp_path / "p", make_pool(), schema).close()
    assert not list((tmp_path / "p").glob(".tmp-*"))


def test_a_failed_creation_leaves_no_project_and_no_lock(
    tmp_path: Path, make_pool: MakePool, schema: LabelSchema
) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match="no case called 'nobody'"):
            Project.create(tmp_path / "p", make_pool(), schema, test=["nobody"])
    Project.create(tmp_path / "p", make_pool(), schema).close()


def test_opening_what_is_no_project_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not an ActiveSeed project"):
        Project.open(tmp_path)
    (tmp_path / "project.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError, match=r"is damaged .*: repair it, .*`activeseed repair"):
        Project.open(tmp_path)


def test_a_case_is_found_by_key_name_or_path_and_misses_are_helped(
    project: Project, key: Key
) -> None:
    for one in (key(3), "case_3", "case_3.nii.gz"):
        assert project.case(one).case.key == key(3)
    with pytest.raises(InputError, match="did you mean 'case_"):
        project.case("cas_3")
    with pytest.raises(InputError, match="did you mean 'case_3'"):
        project.case("_3")
    with pytest.raises(InputError, match="no case called '%'"):
        project.case("%")


def test_cases_are_filtered_by_status_in_pool_order(project: Project, key: Key) -> None:
    project.set_status([key(4), key(1)], Status.SKIPPED)
    assert [r.case.key for r in project.cases(Status.SKIPPED)] == [key(1), key(4)]
    assert len(project.cases(Status.SKIPPED, Status.TEST)) == 3
    assert project.statuses() == {r.case.key: r.status for r in project.cases()}


def test_a_test_case_is_never_trained_on(project: Project, key: Key) -> None:
    for status in set(Status) - {Status.TEST, Status.EXCLUDED}:
        with pytest.raises(InputError, match=r"case_5 .* cannot become|no label map"):
            project.set_status(key(5), status)
    project.set_status(key(5), Status.EXCLUDED)  # not even by a detour
    for status in (Status.UNLABELLED, Status.SUGGESTED):
        with pytest.raises(InputError, match="only score models"):
            project.set_status(key(5), status)
    project.set_status(key(5), Status.TEST)
    assert project.case(key(5)).held_out


def test_statuses_change_all_or_none(project: Project, key: Key) -> None:
    with pytest.raises(InputError):
        project.set_status([key(0), key(5), key(1)], Status.SUGGESTED)
    assert {r.status for r in project.cases()} == {Status.UNLABELLED, Status.TEST}


def test_labelled_needs_a_label_map_and_does_not_become_a_test_case(
    project: Project, key: Key, make_label: Callable[..., Image]
) -> None:
    with pytest.raises(InputError, match="no label map yet"):
        project.set_status(key(0), Status.LABELLED)
    project.save_label(key(0), make_label(0), source="user")
    with pytest.raises(InputError, match="may have been trained"):
        project.set_status(key(0), Status.TEST)
    project.set_status(key(0), Status.EXCLUDED)
    project.set_status(key(0), Status.LABELLED)


def test_a_patient_is_on_one_side_of_the_test_split(
    tmp_path: Path, make_case: MakeCase, make_pool: MakePool, schema: LabelSchema, key: Key
) -> None:
    pool = make_pool(*(make_case(n, patient=f"p{n // 2}") for n in range(6)))
    with pytest.raises(InputError, match="patient p0 would be on both sides"):
        Project.create(tmp_path / "p", pool, schema, test=["case_0"])
    with Project.create(tmp_path / "p", pool, schema, test=["case_0", "case_1"]) as project:
        with pytest.raises(InputError, match="patient p1"):
            project.set_status(key(2), Status.TEST)
        project.set_status([key(2), key(3)], Status.TEST)
        project.update_pool(make_pool(*pool.cases, make_case(6, patient="p0"), make_case(7)))
        assert project.case(key(6)).status is Status.TEST
        assert project.case(key(7)).status is Status.UNLABELLED
        before = [(r.case.key, r.case.patient) for r in project.cases()]
        with pytest.raises(InputError, match="patient q would be on both sides"):
            project.update_pool(make_pool(*(make_case(n, patient="q") for n in range(8))))
        assert [(r.case.key, r.case.patient) for r in project.cases()] == before


def test_annotation_time_adds_up(project: Project, key: Key) -> None:
    project.add_seconds(key(0), 30.5)
    project.add_seconds(key(0), 29.5)
    assert project.case(key(0)).seconds == 60.0
    assert project.summary()["minutes"] == 1.0
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError):
            project.add_seconds(key(0), seconds)


def test_a_new_scan_keeps_what_was_done_by_key(
    project: Project, key: Key, make_case: MakeCase, make_pool: MakePool, make_label
) -> None:
    project.save_label(key(0), make_label(0), source="user", seconds=12)
    project.set_status(key(1), Status.SKIPPED)
    label = project.label_path(key(0))
    new = make_case(9, "case_2.nii.gz")  # another content under an old name
    change = project.update_pool(
        make_pool(make_case(0, "sub/renamed.nii.gz"), make_case(1), make_case(5), new)
    )
    assert change.added == (key(9),)
    assert change.moved == (key(0),)
    assert change.missing == (key(2), key(3), key(4))
    moved = project.case("sub__renamed")
    assert (moved.status, moved.seconds) == (Status.LABELLED, 12)
    assert project.label_path(key(0)) == label
    assert project.case(key(1)).status is Status.SKIPPED
    assert not project.case(key(2)).available
    assert project.case("case_2").case.key == key(9)
    assert project.case(key(2)).stem != project.case(key(9)).stem
    back = project.update_pool(make_pool())
    assert set(back.returned) == {key(2), key(3), key(4)}
    assert back.missing == (key(9),)


def test_the_images_are_found_when_both_folders_move_together(
    tmp_path: Path, project: Project, images: Path
) -> None:
    project.close()
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    images.rename(moved / "images")
    project.root.rename(moved / "project")
    with Project.open(moved / "project") as again:
        assert again.images_root == moved / "images"
        assert not again.notes


def test_a_missing_images_folder_is_noted_and_the_project_opens(
    project: Project, images: Path
) -> None:
    project.close()
    images.rmdir()
    with Project.open(project.root) as again:
        assert len(again.notes) == 1
        assert str(images) in again.notes[0]
        assert len(again.cases()) == 6


def test_the_pool_does_not_move_into_the_project(project: Project, make_case: MakeCase) -> None:
    with pytest.raises(InputError, match="inside the project"):
        project.update_pool(Pool(str(project.root / "images"), (make_case(0),)))


def test_settings_and_journal_stay(project: Project) -> None:
    project.change_settings({"a": [1, 2], "b": None})
    project.change_settings({"b": "x"})
    project.log("tried", {"value": float("nan")})
    project.close()
    with Project.open(project.root) as again:
        assert again.settings == {"a": [1, 2], "b": "x"}
        assert [event.event for event in again.history()] == ["created", "tried"]
        assert again.history()[1].facts == {"value": None}
