"""A project whose database is gone or damaged is rebuilt from what else lies on the disk."""

import random
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ActiveSeedLib.errors import DamagedProjectError, InputError, ProjectLockedError
from ActiveSeedLib.files import sha256
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.project import LabelSchema, Project, Status
from ActiveSeedLib.project.repair import repair

Key = Callable[[int], str]
MakeLabel = Callable[..., Image]


@pytest.fixture
def root(project: Project, key: Key, make_label: MakeLabel) -> Path:
    """A project in which a little of everything happened, closed."""
    picks = [(key(n), f"Because {n}.", {"entropy": 0.5}) for n in (0, 1, 2)]
    project.add_selection("levy", {"alpha": 0.3}, 43, {"clusters": {key(0): 1}}, picks)
    project.save_label(key(0), make_label(1), seconds=60, source="user")
    project.save_label(key(0), make_label(2), seconds=30, source="user")
    project.save_label(key(1), make_label(3), source="user", done=False)
    project.set_status(key(3), Status.EXCLUDED)
    project.change_schema(LabelSchema.parse("1=front,2=posterior,7=new"))
    project.change_settings({"panel": {"seed": 7}})
    model = project.start_model({"epochs": 2}, {"labels": {key(0): 2}})
    project.record_prediction(key(4), model.id, {"mean_entropy": 0.25})
    project.add_metrics(model.id, "test", [{"case": "case_5", "dice": 0.5}], {"dice": 0.5})
    project.finish_model(model.id, {"epoch": 2})
    project.save_map("t-SNE", {"seed": 1}, {key(n): (float(n), 0.5) for n in range(6)})
    project.close()
    return project.root


def told(root: Path) -> dict[str, Any]:
    """All that a project tells of itself."""
    with Project.open(root) as project:
        return {
            "cases": project.cases(),
            "labels": project.labels(),
            "versions": [project.label_versions(r.case.key) for r in project.cases()],
            "rounds": [(r, project.selection(r.number)) for r in project.rounds()],
            "models": project.models(),
            "predictions": [project.predictions(m.id) for m in project.models()],
            "map": project.map(),
            "schema": project.schema,
            "settings": project.settings,
            "images": project.images_root,
            "history": project.history(),
            "notes": project.notes,
        }


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite_head(path: Path) -> None:
    path.write_bytes(b"?" * 512 + path.read_bytes()[512:])


def overwrite_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 5] = random.Random(1).randbytes(4096 * 2)
    path.write_bytes(data)


def change_a_word(path: Path) -> None:
    data = path.read_bytes()
    assert data.count(b"excluded") > 0
    path.write_bytes(data.replace(b"excluded", b"excludeD"))


def change_a_column(path: Path) -> None:
    """Flip one bit in the name that the database keeps of a column."""
    data = path.read_bytes()
    assert data.count(b"metrics TEXT") == 1
    path.write_bytes(data.replace(b"metrics TEXT", b"letrics TEXT"))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "truncated": truncate,
    "head overwritten": overwrite_head,
    "middle overwritten": overwrite_middle,
    "a word changed": change_a_word,
    "a column's name changed": change_a_column,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_rebuilt_as_it_was(root: Path, damage: str) -> None:
    before = told(root)
    DAMAGES[damage](root / "project.sqlite")
    wreck = (root / "project.sqlite").read_bytes() if damage != "missing" else None
    done = repair(root)
    assert done.rebuilt
    assert not done.healthy
    assert told(root) == before
    assert done.counts == {"cases": 6, "label_maps": 2, "rounds": 1, "models": 1}
    assert "It was rebuilt with 6 cases." in done.said
    if wreck is not None:
        assert done.kept[0].read_bytes() == wreck
        assert f"is kept as backups/{done.kept[0].name}" in done.said[-1]
    assert repair(root).healthy


def test_a_column_that_lost_its_name_and_its_record_keeps_what_it_holds(root: Path) -> None:
    before = told(root)
    change_a_column(root / "project.sqlite")
    (root / "changes.jsonl").write_text("?")
    done = repair(root)
    assert done.said[0] == (
        "The database could not be used: its tables are not those of its version."
    )
    assert told(root) == before
    assert repair(root).healthy


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "head overwritten"])
def test_opening_a_damaged_project_names_the_command(root: Path, damage: str) -> None:
    DAMAGES[damage](root / "project.sqlite")
    with pytest.raises(DamagedProjectError, match=r"is damaged .*`activeseed repair"):
        Project.open(root)
    repair(root)
    Project.open(root).close()


def test_a_healthy_project_is_left_alone(root: Path) -> None:
    before = {p: (sha256(p), p.stat().st_mtime_ns) for p in root.rglob("*") if p.is_file()}
    done = repair(root)
    assert done.healthy
    assert not done.said
    assert {p: (sha256(p), p.stat().st_mtime_ns) for p in root.rglob("*") if p.is_file()} == before


def test_what_was_labelled_after_the_last_record_is_taken_over(
    root: Path, key: Key, make_label: MakeLabel
) -> None:
    older = (root / "changes.jsonl").read_bytes()
    with Project.open(root) as project:
        path = project.save_label(key(4), make_label(9), source="user").path
    (root / "changes.jsonl").write_bytes(older)
    (root / "project.sqlite").unlink()
    done = repair(root)
    assert any("case_4 was found on disk and taken over" in said for said in done.said)
    with Project.open(root) as project:
        assert project.labels()[key(4)].sha256 == sha256(path)


def test_without_a_file_of_changes_what_can_be_read_is_kept(root: Path) -> None:
    before = told(root)
    (root / "changes.jsonl").unlink()
    path = root / "project.sqlite"
    truncated = path.read_bytes()[: path.stat().st_size - 4096]
    path.write_bytes(truncated)
    done = repair(root)
    assert "not there; what it lacks was taken from project.sqlite" in done.said[1]
    after = told(root)
    assert after["cases"] == before["cases"]
    assert after["labels"].keys() == before["labels"].keys()


def test_damaged_lines_are_made_up_for_by_the_database(root: Path) -> None:
    before = told(root)
    changes = root / "changes.jsonl"
    lines = changes.read_bytes().split(b"\n")
    lines[len(lines) // 2] = lines[len(lines) // 2].replace(b"e", b"\xff")
    changes.write_bytes(b"\n".join(lines))
    done = repair(root)
    assert not done.rebuilt
    assert "changes.jsonl was not, and is written anew" in done.said[0]
    (root / "project.sqlite").unlink()
    assert repair(root).rebuilt
    assert told(root) == before


@pytest.mark.parametrize(
    "content",
    [
        "[",
        "null",
        "7",
        '{"a": 1}',
        "[7]",
        '[{"table": "cases"}]',
        '[{"table": "cases", "row": 7}]',
        '[{"table": "cases; DROP TABLE cases", "row": {"a": 1}}]',
        '[{"table": "cases", "gone": [[1]]}]',
        '[{"table": "settings", "row": {"name": "a", "value) VALUES (1, 2) --": "b"}}]',
        "[" * 100_000,
    ],
)
def test_lines_that_only_sum_up_are_left_out(root: Path, content: str) -> None:
    before = told(root)
    text = content.encode()
    with (root / "changes.jsonl").open("ab") as file:
        file.write(b'{"crc32": "%08x", "content": %s}\n' % (zlib.crc32(text), text))
    (root / "project.sqlite").unlink()
    assert repair(root).rebuilt
    assert told(root) == before


def test_where_too_little_is_left_it_says_what_to_do(root: Path) -> None:
    (root / "changes.jsonl").unlink()
    (root / "project.sqlite").write_bytes(b"nothing of it" * 1000)
    with pytest.raises(InputError, match=r"Too little is left .*`activeseed init NEW"):
        repair(root)
    assert (root / "project.sqlite").read_bytes() == b"nothing of it" * 1000
    assert len(list((root / "labels").iterdir())) == 2


def test_a_damaged_label_map_is_named(root: Path, key: Key) -> None:
    path = root / "labels" / "case_0.nii.gz"
    data = bytearray(path.read_bytes())
    data[-9] ^= 255
    path.write_bytes(data)
    assert any("case_0.nii.gz is damaged" in said for said in repair(root).said)


def test_a_project_that_is_being_written_to_is_not_repaired(root: Path) -> None:
    with Project.open(root), pytest.raises(ProjectLockedError):
        repair(root)


def test_what_is_no_project_cannot_be_repaired(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not an ActiveSeed project"):
        repair(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_project_of_before_gets_its_file_of_changes_when_it_is_opened(root: Path) -> None:
    before = told(root)
    with sqlite3.connect(root / "project.sqlite") as connection:
        connection.execute("DELETE FROM settings WHERE name = 'changes'")
    connection.close()
    (root / "changes.jsonl").unlink()
    assert told(root) == before
    (root / "project.sqlite").unlink()
    repair(root)
    assert told(root) == before


def test_a_file_of_changes_does_not_grow_for_ever(root: Path) -> None:
    changes = root / "changes.jsonl"
    with Project.open(root) as project:
        for number in range(60):
            project.change_settings({"long": str(number) * 30_000})
    grown = changes.stat().st_size
    before = told(root)
    assert changes.stat().st_size < grown / 4
    (root / "project.sqlite").unlink()
    repair(root)
    assert told(root) == before


def test_a_database_put_back_from_a_copy_counts(root: Path, tmp_path: Path, key: Key) -> None:
    copy = shutil.copy(root / "project.sqlite", tmp_path / "copy.sqlite")
    before = told(root)
    with Project.open(root) as project:
        project.set_status(key(4), Status.SKIPPED)
    shutil.copy(copy, root / "project.sqlite")
    assert repair(root).healthy
    assert told(root) == before
