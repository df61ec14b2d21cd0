"""A small project with a map, rounds and scored models, without any front end."""

import shutil
from pathlib import Path

import numpy as np

from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.schema import LabelSchema

CASES = 10
TEST = 2
LABELLED = 4


def make_archive(folder: Path) -> Path:
    """Make a few small images with label maps, and a project that labels four of them."""
    generate_cohort(folder, cases=CASES, size=(24, 20, 20))
    pool = scan(folder / "images")
    test = [case.key for case in pool.cases[:TEST]]
    schema = LabelSchema.parse("1=liver,2=kidney")
    with Project.create(folder / "project", pool, schema, test=test) as project:
        keys = [case.key for case in pool.cases[TEST:]]
        picks = [(key, "It is unlike the others.", {}) for key in keys[:LABELLED]]
        project.add_selection(
            "levy", {}, 43, {"clusters": {k: i % 3 for i, k in enumerate(keys)}}, picks
        )
        project.import_labels(folder / "labels", keys=keys[:LABELLED])
    return folder


def copy_of(archive: Path, folder: Path) -> Path:
    """Return the project's folder in a copy that one test may change."""
    copy = Path(shutil.copytree(archive, folder / "archive"))
    with Project.open(copy / "project") as project:
        project.relocate(copy / "images")
    return copy / "project"


def add_map(root: Path, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Give the project a map; return the place of each case."""
    with Project.open(root) as project:
        keys = [row.key for row in project.rows()]
        xy = np.random.default_rng(seed).normal(size=(len(keys), 2))
        points = {key: (float(x), float(y)) for key, (x, y) in zip(keys, xy, strict=True)}
        project.save_map("by-hand", {}, points)
    return points


def add_model(root: Path, dice: list[float], labelled: int, split: str = "test") -> str:
    """Give the project a finished model with a Dice for each of some cases."""
    with Project.open(root) as project:
        labels = dict(list(project.training_labels().items())[:labelled])
        model = project.start_model({"epochs": 2}, {"labels": labels})
        lines = ['{"epoch": 1, "loss": 1.5}', '{"epoch": 2, "loss": 0.9, "validation_dice": 0.4}']
        (model.folder / "training.jsonl").write_text("\n".join(lines) + "\n")
        rows = project.rows()
        cases = [
            {"case": row.name, "key": row.key, "dice": value, "hd95": 1.0}
            for row, value in zip(rows, dice, strict=False)
        ]
        means = {"cases": len(cases), "dice": float(np.mean(dice))}
        project.add_metrics(model.id, split, cases, means)
        skipped = ["Left out case_x: its label map is empty."]
        project.finish_model(model.id, {"labelled": labelled, "skipped": skipped})
    return model.id
