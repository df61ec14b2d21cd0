import sqlite3
from pathlib import Path

import pytest

from ActiveSeedLib.errors import ActiveSeedError, InputError
from ActiveSeedLib.project import Project, Status
from ActiveSeedLib.project.changes import PLACE
from ActiveSeedLib.project.migrations import MIGRATIONS, VERSION


@pytest.fixture
def old(project: Project, images: Path, tmp_path: Path) -> Path:
    """A project as version 1 left it: its tables, one labelled and one suggested case."""
    project.close()
    root = tmp_path / "old"
    (root / "labels").mkdir(parents=True)
    newer = sqlite3.connect(project.root / "project.sqlite")
    cases = newer.execute("SELECT * FROM cases").fetchall()
    settings = newer.execute("SELECT * FROM settings WHERE name != ?", (PLACE,)).fetchall()
    newer.close()
    connection = sqlite3.connect(root / "project.sqlite")
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    marks = ", ".join("?" * len(cases[0]))
    connection.executemany(f"INSERT INTO cases VALUES ({marks})", cases)
    connection.executemany("INSERT INTO settings VALUES (?, ?)", settings)
    connection.execute("INSERT INTO segments VALUES (1, 0, 'lung', '#ffffff', 0)")
    connection.execute("UPDATE cases SET status = 'skipped', seconds = 9 WHERE position = 0")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    return root


def test_an_older_project_is_brought_up_to_date_and_copied_first(old: Path) -> None:
    with Project.open(old) as project:
        record = project.cases()[0]
        assert (record.status, record.seconds) == (Status.SKIPPED, 9)
        project.save_map("new table", {}, {record.case.key: (1.0, 2.0)})
        assert project.history()[0].facts == {"from": 1, "to": VERSION}
    (copy,) = (old / "backups").glob("project.version-1.*.sqlite")
    rescued = sqlite3.connect(copy)
    assert rescued.execute("PRAGMA user_version").fetchone() == (1,)
    assert rescued.execute("SELECT count(*) FROM cases").fetchone() == (6,)
    tables = {name for (name,) in rescued.execute("SELECT name FROM sqlite_master")}
    assert "maps" not in tables
    rescued.close()
    Project.open(old).close()
    assert len(list((old / "backups").glob("*.sqlite"))) == 1


def test_an_older_project_is_not_changed_by_a_reader(old: Path) -> None:
    before = (old / "project.sqlite").read_bytes()
    with pytest.raises(InputError, match="older ActiveSeed: open it once for writing"):
        Project.open(old, write=False)
    assert (old / "project.sqlite").read_bytes() == before


def test_a_migration_that_fails_leaves_the_old_tables(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (*MIGRATIONS[:1], (*MIGRATIONS[1], "CREATE TABLE cases (x)"))
    monkeypatch.setattr("ActiveSeedLib.project.database.MIGRATIONS", broken)
    with pytest.raises(ActiveSeedError):
        Project.open(old)
    monkeypatch.undo()
    with Project.open(old) as project:
        assert project.map() is None
        assert len(project.cases()) == 6


@pytest.mark.parametrize("write", [True, False])
def test_a_newer_project_asks_for_an_update(project: Project, write: bool) -> None:
    project.close()
    connection = sqlite3.connect(project.root / "project.sqlite")
    connection.execute("DELETE FROM settings WHERE name = ?", (PLACE,))  # as a migration does
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match=r"made by a newer ActiveSeed .*: update ActiveSeed"):
        Project.open(project.root, write=write)
    assert not list((project.root / "backups").iterdir())


def test_closing_leaves_one_whole_file(project: Project) -> None:
    project.log("last")
    project.close()
    assert [p.name for p in project.root.glob("project.sqlite*")] == ["project.sqlite"]
    connection = sqlite3.connect(project.root / "project.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
