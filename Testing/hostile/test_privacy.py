"""The whole way on DICOM of patients who have names: none is kept, and nothing leaves the machine.

The way is gone once, by the command line, in processes that may connect to this machine alone;
every attempt at more is noted, also one that is forgiven.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.app.map_points import write_map_csv
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.pool.readers import read_image, write_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project import Project
from Testing.hostile.dicom_patients import SECRETS, found_in, holds, write_patients

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
# Python runs a module of this name, if it is found, before anything else.
GUARD = """
import os, socket

HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0", ""}


def _guarded(name):
    real = getattr(socket.socket, name)

    def checked(self, address, *rest):
        if isinstance(address, tuple) and address[0] not in HERE:
            _refuse(f"{name} {address}")
        return real(self, address, *rest)

    setattr(socket.socket, name, checked)


def _refuse(what):
    with open(os.environ["ATTEMPTS"], "a") as file:
        file.write(what + "\\n")
    raise OSError("no network: " + what)


for name in ("connect", "connect_ex"):
    _guarded(name)
real_lookup = socket.getaddrinfo


def lookup(host, *rest, **named):
    if host not in HERE and host is not None:
        _refuse(f"getaddrinfo {host}")
    return real_lookup(host, *rest, **named)


socket.getaddrinfo = lookup
with open(os.environ["ATTEMPTS"] + ".guarded", "a") as file:
    file.write(f"{os.getpid()}\\n")
"""
SMALL = ("--set", "channels=[8,16]", "--set", "steps=2", "--device", "cpu")


@dataclass(frozen=True)
class Gone:
    """The way that was gone: all that it left, and all that it said."""

    folder: Path
    project: Path
    exports: Path
    said: str
    attempts: str
    guarded: int


def isolated() -> list[str]:
    """Return what runs a command without any network, where the system can do that."""
    tool = shutil.which("unshare")
    words = [tool or "", "--net", "--map-root-user"]
    if tool and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
        return words
    return []


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory) -> Gone:
    folder = tmp_path_factory.mktemp("privacy")
    images = write_patients(folder / "images")
    left = folder / "left"  # all that is written lies below
    for name in ("temporary", "home", "labels", "exports"):
        (left / name).mkdir(parents=True)
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(GUARD)
    attempts = folder / "attempts"
    attempts.touch()
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder / 'guard'}{os.pathsep}{REPOSITORY}",
        "ATTEMPTS": str(attempts),
        "TMPDIR": str(left / "temporary"),
        "HOME": str(left / "home"),
        "XDG_CACHE_HOME": str(left / "home" / "cache"),
        "MPLCONFIGDIR": str(left / "home" / "mpl"),
    }
    said = ""
    for case in scan(images).cases:
        image = read_image(images, case)
        array = (image.array > 800).astype(np.uint8)
        write_label(left / "labels" / f"{case.name}.nii.gz", array, case.geometry)
    project, exports = left / "project", left / "exports"
    compared = ("--images", images, "--labels", left / "labels", "--out", exports / "compared")
    compared += ("--strategies", "random,levy", "--budgets", "2,4", "--seeds", "1", *SMALL)
    for words in (
        ("init", project, "--images", images, "--segments", "1=bone", "--test-fraction", "0.3"),
        ("suggest", project, "--budget", "2", "--strategy", "random"),
        ("import-labels", project, left / "labels", "--suggested"),
        ("train", project, *SMALL),
        ("predict", project, "--device", "cpu"),
        ("suggest", project, "--budget", "1", "--device", "cpu"),
        ("inspect", project),
        ("map", project, "--out", exports / "map.png"),
        ("map", project, "--out", exports / "map.svg"),
        ("status", project, "--json"),
        ("simulate", *compared),
    ):
        done = subprocess.run(
            [*isolated(), sys.executable, "-m", "ActiveSeedLib.cli", *map(str, words)],
            capture_output=True,
            cwd=left,
            env=environment,
            timeout=300,
        )
        said += (done.stdout + done.stderr).decode("utf-8", "replace")
        assert done.returncode == 0, said[-3000:]
    with Project.open(project, write=False) as opened:
        write_map_csv(exports / "map.csv", opened)
        provenance = Session(opened).provenance()
        (exports / "provenance.txt").write_text(provenance, encoding="utf-8")
    counted = Path(f"{attempts}.guarded").read_text().split()
    return Gone(folder, project, exports, said, attempts.read_text(), len(set(counted)))


def test_the_whole_way_left_all_that_is_looked_through(gone: Gone) -> None:
    written = {path.name for path in gone.folder.rglob("*") if path.is_file()}
    assert {"project.sqlite", "model.pt", "map.png", "map.svg", "map.csv"} <= written
    assert {"report.html", "results.csv", "provenance.txt", "encoder.json"} <= written
    assert any(name.startswith("shard-") for name in written)
    assert any(name.startswith("worker-") for name in written), "the log of the background process"
    assert list((gone.project / "predictions").rglob("*.nii.gz"))
    assert list((gone.project / "thumbnails").glob("*.png"))


def test_no_header_tells_who_the_patient_is(gone: Gone) -> None:
    assert found_in(gone.folder / "left") == []
    assert [secret for secret in SECRETS if holds(gone.said.encode(), secret)] == []


def test_the_images_hold_what_is_looked_for(gone: Gone) -> None:
    """So that the search could find it."""
    found = found_in(gone.folder / "images")
    for secret in SECRETS:
        assert any(one.endswith(f": {secret}") for one in found), secret


def test_a_patients_series_stay_together_though_nobody_knows_whose_they_are(gone: Gone) -> None:
    with sqlite3.connect(gone.project / "project.sqlite") as database:
        rows = database.execute("SELECT name, patient, held_out FROM cases").fetchall()
    database.close()
    patients = {name: patient for name, patient, _ in rows}
    assert len(patients) == 6
    assert len(set(patients.values())) == 3
    for number in (0, 2, 4):
        assert patients_of(patients, number) == patients_of(patients, number + 1)
    sides = {(patient, out) for _, patient, out in rows}
    assert len(sides) == 3, "a patient is on both sides of the test split"


def patients_of(patients: dict[str, str], number: int) -> str:
    return next(patient for name, patient in patients.items() if f"exam_{number}" in name)


def test_nothing_asked_for_the_network(gone: Gone) -> None:
    assert gone.attempts == ""
    assert gone.guarded >= 12, "every command and every background process has the guard"


def test_the_guard_guards(gone: Gone, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(gone.folder / "guard"),
        "ATTEMPTS": str(tmp_path / "attempts"),
    }
    code = (
        "import urllib.request as u\ntry:\n    u.urlopen('https://example.org')\n"
        "except OSError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert "no network: getaddrinfo example.org" in done.stdout
    assert "example.org" in (tmp_path / "attempts").read_text()
