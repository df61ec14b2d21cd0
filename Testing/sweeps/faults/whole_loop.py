"""The whole loop, a step at a time: what the project says is next, is done next.

So it goes on from whatever a fault has left behind. What is saved is noted outside the project.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.files import sha256
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.project.store import is_project

CASES, SIZE, SEGMENTS = 6, (12, 10, 8), "1=liver,2=kidney"
ROUNDS, BUDGET, MOST_STEPS = 2, 2, 14
SETTINGS = {
    "epochs": 1,
    "network": "unet-3d",
    "channels": [4, 8],
    "patch": [8, 8, 8],
    "device": "cpu",
    "checkpoint_seconds": 0.0,
}
Do = Callable[[str, dict[str, Any]], object]
"""Runs a job by name with its parameters."""


@dataclass(frozen=True)
class Place:
    """Where one loop happens: its own images, project and ledger."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "project"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def labels(self) -> Path:
        return self.folder / "labels"

    @property
    def ledger(self) -> "Ledger":
        return Ledger(self.folder / "saved.txt")

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class Ledger:
    """Which label maps were saved, as whoever saved them was told; outside the project."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, word: str, stem: str, digest: str = "-") -> None:
        """Note that a save of the label map `stem` begins, or is done."""
        with self.path.open("a") as file:
            file.write(f"{word} {stem} {digest}\n")

    def saves(self) -> list[tuple[str, str, str]]:
        """Return (word, stem, SHA-256) of every line."""
        if not self.path.exists():
            return []
        lines = self.path.read_text().splitlines()
        return [tuple(line.rsplit(" ", 2)) for line in lines]  # type: ignore[misc]

    def done(self) -> list[tuple[str, str]]:
        """Return (stem, SHA-256) of every label map that was saved."""
        return [(stem, digest) for word, stem, digest in self.saves() if word == "done"]


def make_place(archive: Path, folder: Path) -> Place:
    """Copy the images and label maps of `archive` for one loop."""
    for name in ("images", "labels"):
        shutil.copytree(archive / name, folder / name)
    return Place(folder)


def make_archive(folder: Path) -> Path:
    """Make the images and label maps that all loops begin with."""
    return generate_cohort(folder, cases=CASES, size=SIZE)


def next_step(place: Place) -> str | None:
    """Return the name of what is next; None when the loop is finished."""
    if not is_project(place.root):
        return "init"
    with Project.open(place.root, write=False) as project:
        if project.queue():
            return "label"
        rounds = len(project.rounds())
        model = project.latest_model()
        labels = project.training_labels()
        if not rounds:
            return "suggest"
        if rounds == ROUNDS and all(version == 1 for version in labels.values()):
            return "correct"
        if model is None or model.provenance.get("labels") != labels:
            return "train"
        return "suggest" if rounds < ROUNDS and project.count_candidates() else None


def take(place: Place, step: str, do: Do) -> None:
    """Take one step; jobs through `do`, labelling as a front end does it."""
    if step == "init":
        names = {"images": str(place.images), "segments": SEGMENTS, "test_fraction": 0.2}
        do("init", {"project": str(place.root), **names})
    elif step in ("suggest", "train"):
        with Project.open(place.root, write=False) as project:
            params = job_params(project, step)
        do(step, {"project": str(place.root), **params})
    else:
        label(place, again=step == "correct")


def job_params(project: Project, step: str) -> dict[str, Any]:
    """Return the parameters of a step that is a job on a project."""
    if step == "train":
        return {"settings": SETTINGS}
    strategy = "levy" if project.rounds() else "random"
    return {"budget": min(BUDGET, project.count_candidates()), "strategy": strategy}


def label(place: Place, again: bool) -> None:
    """Label the queue, or the first labelled case anew, as a front end does."""
    session = Session.open(place.root)
    try:
        rows = [row for row in session.rows() if (row.labelled if again else row.queued)]
        rows = [row for row in rows if not again or row.status is Status.LABELLED]
        for row in rows[:1] if again else rows:
            session.load_image(row.key)
            session.start(row.key)
            drawn = read_label(place.labels / f"{row.name}.nii.gz")
            if not again:
                half = np.where(np.arange(drawn.array.shape[0])[:, None, None] < 4, drawn.array, 0)
                save(place, session, row.key, Image(half, drawn.geometry), done=False)
            else:
                drawn = Image(np.roll(drawn.array, 1, axis=2), drawn.geometry)
            save(place, session, row.key, drawn, done=True)
    finally:
        session.close()


def save(place: Place, session: Session, key: str, image: Image, *, done: bool) -> None:
    """Save a label map, and note that it was saved once the session says so."""
    stem = session.project.case(key).stem
    place.ledger.add("begun", stem)
    saved = session.save(key, image, 5.0, done)
    place.ledger.add("done", stem, saved.sha256)


def play(place: Place, do: Do, steps: int = MOST_STEPS) -> bool:
    """Take up to so many steps; return whether the loop is finished."""
    for _ in range(steps):
        step = next_step(place)
        if step is None:
            return True
        take(place, step, do)
    return next_step(place) is None


def lost_labels(place: Place) -> list[str]:
    """Return which saved label maps are no longer where they belong, with their content."""
    lost = []
    saves = place.ledger.saves()
    kept = {
        sha256(path) for path in place.root.rglob("*.nii.gz") if "predictions" not in path.parts
    }
    lost += [f"{stem} {digest[:8]}" for stem, digest in place.ledger.done() if digest not in kept]
    for stem in {stem for _, stem, _ in saves}:
        own = [(word, digest) for word, name, digest in saves if name == stem]
        if own[-1][0] == "done":  # no other save of it was under way
            path = place.root / "labels" / f"{stem}.nii.gz"
            if not path.is_file() or sha256(path) != own[-1][1]:
                lost.append(f"{stem} is not as it was saved last")
    return lost
