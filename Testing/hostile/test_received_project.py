"""A project folder that a stranger sent: nothing outside it is read, written or run."""

import os
import shutil
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.pool.readers import read_image, read_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project import LabelSchema, Project
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.project.repair import repair

REPOSITORY = Path(__file__).resolve().parents[2]


class Payload:
    """Unpickled by a careless reader, it makes the folder that it names."""

    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trap),)


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images and a project of four cases, two of them labelled."""
    folder = tmp_path_factory.mktemp("sent")
    cohort = generate_cohort(folder, cases=4, seed=1)
    schema = LabelSchema.parse("1=a,2=b,3=c")
    with Project.create(folder / "project", scan(cohort / "images"), schema) as project:
        for record in project.cases()[:2]:
            label = cohort / "labels" / f"{record.case.name}.nii.gz"
            project.save_label(record.case.key, read_label(label), source="user")
    return folder


@pytest.fixture
def received(sent: Path, tmp_path: Path) -> Path:
    """A copy of that project, to be made hostile."""
    shutil.copytree(sent, tmp_path / "received")
    return tmp_path / "received" / "project"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What belongs to the user and to nobody's project."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    return folder


def change(project: Path, sql: str, *values: object) -> None:
    with sqlite3.connect(project / "project.sqlite") as database:
        database.execute(sql, values)
    database.close()


def refused(project: Path, *, write: bool = True) -> str:
    """Return the sentence with which the project is refused."""
    with pytest.raises(InputError) as caught:
        Project.open(project, write=write).close()
    sentence = str(caught.value)
    assert str(project) in sentence
    assert "\n" not in sentence
    return sentence


def test_the_project_as_it_was_made_opens(received: Path) -> None:
    with Project.open(received) as project:
        assert len(project.cases(Status.LABELLED)) == 2


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    "stem", ["../../outside/thesis", "/tmp/thesis", "..", "", "a\\..\\..\\b", "labels/x"]
)
def test_a_case_whose_files_would_lie_elsewhere(
    received: Path, outside: Path, stem: str, write: bool
) -> None:
    change(received, "UPDATE cases SET stem = ? WHERE position = 0", stem)
    assert "leads out of its folder" in refused(received, write=write)
    assert [path.name for path in outside.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("path", ["/etc/passwd", "../outside/thesis.txt", "a/../../b.nii.gz"])
def test_a_case_whose_image_would_lie_elsewhere(received: Path, path: str, write: bool) -> None:
    change(received, "UPDATE cases SET path = ? WHERE position = 0", path)
    assert path in refused(received, write=write)


def test_a_series_whose_slices_would_lie_elsewhere(received: Path) -> None:
    change(received, "UPDATE cases SET files = ? WHERE position = 0", '["a.dcm", "../b.dcm"]')
    assert "../b.dcm" in refused(received)


def test_a_name_with_dots_is_no_way_out(received: Path) -> None:
    change(received, "UPDATE cases SET path = ?, stem = ? WHERE position = 0", "a..b.nii", "a..b")
    with Project.open(received) as project:
        assert project.cases()[0].stem == "a..b"


def test_a_model_whose_folder_would_lie_elsewhere(received: Path) -> None:
    change(
        received,
        "INSERT INTO models (number, id, state, settings, provenance, started) "
        "VALUES (1, '../../outside', 'training', '{}', '{}', '')",
    )
    assert "../../outside" in refused(received)


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    "place", ["labels", "predictions", "models/model-001", "backups/x", "lock", "drafts"]
)
def test_a_folder_that_is_a_link_out(
    received: Path, outside: Path, place: str, write: bool
) -> None:
    link = received / place
    if link.is_dir():
        shutil.rmtree(link)
    link.symlink_to(outside, target_is_directory=True)
    sentence = refused(received, write=write)
    assert f"{Path(place)} is a link to {outside}" in sentence
    assert [path.name for path in outside.iterdir()] == ["thesis.txt"]


def test_a_file_that_is_a_link_out(received: Path, outside: Path) -> None:
    (received / "labels" / "new.nii.gz").symlink_to(outside / "thesis.txt")
    assert "thesis.txt" in refused(received)
    assert (outside / "thesis.txt").read_text() == "mine"


def test_a_database_that_is_a_link_out(received: Path, outside: Path) -> None:
    shutil.move(received / "project.sqlite", outside / "theirs.sqlite")
    (received / "project.sqlite").symlink_to(outside / "theirs.sqlite")
    assert "theirs.sqlite" in refused(received)


def test_repair_follows_no_link_out(received: Path, outside: Path) -> None:
    (received / "project.sqlite").write_bytes(b"damaged")
    shutil.rmtree(received / "backups")
    (received / "backups").symlink_to(outside, target_is_directory=True)
    with pytest.raises(InputError, match="backups is a link to"):
        repair(received)
    assert [path.name for path in outside.iterdir()] == ["thesis.txt"]


def test_repair_believes_no_name_that_leads_out(received: Path, outside: Path) -> None:
    changes = received / "changes.jsonl"
    with Project.open(received) as project:
        stem = project.cases()[0].stem
    forged = b""
    for line in changes.read_bytes().splitlines():
        content = line[:-1].partition(b'"content": ')[2]
        content = content.replace(stem.encode(), b"../../outside/thesis")
        forged += b'{"crc32": "%08x", "content": %s}\n' % (zlib.crc32(content), content)
    assert b"../../outside/thesis" in forged
    changes.write_bytes(forged)
    (received / "project.sqlite").unlink()
    with pytest.raises(InputError, match="leads out of its folder"):
        repair(received)
    assert [path.name for path in outside.iterdir()] == ["thesis.txt"]


def test_a_link_within_the_project_is_none_of_our_business(received: Path) -> None:
    (received / "notes").mkdir()
    (received / "again").symlink_to(received / "notes", target_is_directory=True)
    Project.open(received).close()


def test_the_command_line_refuses_with_one_sentence(received: Path) -> None:
    change(received, "UPDATE cases SET stem = '../x' WHERE position = 0")
    done = subprocess.run(
        [sys.executable, "-m", "ActiveSeedLib.cli", "status", str(received)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=120,
    )
    assert done.returncode == 2
    assert "do not trust this project" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_holds_code(received: Path, tmp_path: Path) -> None:
    from ActiveSeedLib.jobs.predict import predict

    trap = tmp_path / "trap"
    with Project.open(received) as project:
        model = project.start_model({}, {})
        torch.save({"weights": {}, "info": Payload(trap)}, model.folder / "model.pt")
        project.finish_model(model.id, {})
        with pytest.raises(InputError, match=r"model\.pt is damaged and cannot be read"):
            predict({"project": str(received), "session": project.session}, Progress())
    assert not trap.exists()
    assert isinstance(torch.load(model.folder / "model.pt", weights_only=False), dict)
    assert trap.exists()  # the trap is one


def test_a_training_to_be_resumed_that_holds_code(received: Path, tmp_path: Path) -> None:
    from ActiveSeedLib.segmentation.model_file import load_tensors

    trap = tmp_path / "trap"
    torch.save({"epoch": Payload(trap)}, received / "checkpoint.pt")
    with pytest.raises(InputError, match="damaged"):
        load_tensors(received / "checkpoint.pt")
    assert not trap.exists()


def test_vectors_that_hold_code(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    code = np.array([[Payload(trap)]], dtype=object)
    np.savez(tmp_path / "shard-00000001.npz", keys=code[0], vectors=np.zeros((1, 2)))
    np.savez(tmp_path / "shard-00000002.npz", keys=np.array(["k"]), vectors=code)
    shelf = Shelf(tmp_path)
    assert shelf.missing(["k", "other"]) == ["other"]
    with pytest.raises(InputError, match=r"shard-00000002\.npz is damaged .* delete it"):
        shelf.get(["k"])
    assert not trap.exists()


@pytest.mark.parametrize("suffix", [".pt", ".npz"])
def test_weights_that_hold_code(tmp_path: Path, suffix: str) -> None:
    from ActiveSeedLib.features.network import read_state

    trap = tmp_path / "trap"
    path = tmp_path / f"weights{suffix}"
    if suffix == ".npz":
        np.savez(path, layer=np.array([Payload(trap)], dtype=object))
    else:
        torch.save({"layer": Payload(trap)}, path)
    with pytest.raises(InputError, match="cannot be read as weights"):
        read_state(path)
    assert not trap.exists()


def test_a_database_whose_triggers_do_harm(received: Path, outside: Path) -> None:
    """SQLite's functions that touch files are not to be had by a trigger."""
    change(
        received,
        "CREATE TRIGGER harm AFTER UPDATE ON cases BEGIN SELECT load_extension('harm.so'); END",
    )
    with Project.open(received) as project:
        key = project.cases(Status.UNLABELLED)[0].case.key
        with pytest.raises(Exception, match=r"(not authorized|no such function|unsafe use)"):
            project.set_status(key, Status.SKIPPED)
    assert (outside / "thesis.txt").read_text() == "mine"


def test_an_image_is_read_through_the_project(received: Path) -> None:
    """The guard does not stand in the way of what it guards."""
    with Project.open(received, write=False) as project:
        case = project.cases()[0].case
        assert read_image(project.images_root, case).array.size > 1
