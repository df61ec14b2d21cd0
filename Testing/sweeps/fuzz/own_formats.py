"""The files that ActiveSeed writes itself: what they look like, and how they are opened."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from ActiveSeedLib.app.history import read_history
from ActiveSeedLib.benchmark.config import find_config
from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project import LabelSchema, Project
from Testing.odd_files import write_nifti
from Testing.sweeps.fuzz.targets import Target
from Testing.sweeps.inputs.kinds import volume

RESULTS = Path(__file__).parents[3] / "Resources" / "Benchmarks" / "three-small-sets"
TABLE = b"\n".join((RESULTS / "results.csv").read_bytes().split(b"\n")[:4]) + b"\n"
CONFIG = find_config("three-small-sets").read_bytes()


@cache
def database() -> bytes:
    """Return the database of a project of three cases, one labelled."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for seed in range(3):
            write_nifti(root / "images" / f"{seed}.nii", volume(seed), sform=1, rows=np.eye(3, 4))
        pool = scan(root / "images")
        with Project.create(root / "p", pool, LabelSchema.parse("1=liver,2=kidney")) as project:
            case = pool.cases[0]
            labels = Image(volume(9) % 3, case.geometry)
            project.save_label(case.key, labels, source="user", seconds=3.0)
        return (root / "p" / "project.sqlite").read_bytes()


@cache
def shard() -> bytes:
    """Return a shard of three vectors."""
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        shelf.put(["a", "b", "c"], np.arange(12, dtype=np.float32).reshape(3, 4))
        return next(Path(folder).glob("shard-*.npz")).read_bytes()


def _look_through(project: Project) -> None:
    project.summary()
    project.cases()
    project.labels()
    project.rounds()
    project.models()
    project.refused()
    for record in project.cases():
        project.label_versions(record.case.key)


def _read_only(path: Path) -> None:
    with Project.open(path.parent, write=False) as project:
        _look_through(project)


def _write(path: Path) -> None:
    try:
        with Project.open(path.parent) as project:
            _look_through(project)
            project.set_status([record.case.key for record in project.cases()], "excluded")
    finally:
        for folder in path.parent.iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)
        for rest in path.parent.glob("project.sqlite-*"):
            rest.unlink()


def _vectors(path: Path) -> None:
    shelf = Shelf(path.parent)
    found = [key for key in ("a", "b", "c") if not shelf.missing([key])]
    vectors = shelf.get(found)
    assert not found or vectors.dtype == np.float32


def _failures(path: Path) -> None:
    Shelf(path.parent).failures()


def own_targets() -> list[Target]:
    """Return the targets of this module."""
    history = b'{"epoch": 0, "loss": 0.5}\n{"epoch": 1, "loss": 0.25}\n'
    return [
        Target("project, read", "project.sqlite", database, _read_only, in_python=True),
        Target("project, write", "project.sqlite", database, _write, in_python=True),
        Target("vectors", "shard-00000001.npz", shard, _vectors, in_python=True),
        Target("failures", "failures.json", lambda: b'{"a": "Why."}', _failures, in_python=True),
        Target("history", "history.jsonl", lambda: history, read_history, in_python=True),
    ]
