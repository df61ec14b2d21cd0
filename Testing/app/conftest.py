"""A project on seven small real image files, and a model made up of files and records."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.readers import write_image, write_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project import LabelSchema, Project

GEOMETRY = Geometry((12, 10, 8), (1.0, 1.5, 2.0), (-10.0, 20.5, 3.0))
SCHEMA = LabelSchema.parse("1=liver,3=left kidney,7=right kidney")


def label_map(*boxes: tuple[int, tuple[slice, slice, slice]]) -> Image:
    """Return a label map on a case's voxels with each value in its box (KJI)."""
    array = np.zeros(GEOMETRY.shape, np.uint8)
    for value, box in boxes:
        array[box] = value
    return Image(array, GEOMETRY)


WHOLE = label_map((1, np.s_[1:7, 1:5, 1:6]), (3, np.s_[2:5, 6:9, 1:4]), (7, np.s_[2:5, 6:9, 7:10]))
LIVER = label_map((1, np.s_[1:7, 1:5, 1:6]))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for number in range(7):
        array = np.random.default_rng(number).normal(size=GEOMETRY.shape)
        write_image(folder / f"case_{number}.nii.gz", array, GEOMETRY)
    return folder


@pytest.fixture
def session(tmp_path: Path, images: Path) -> Iterator[Session]:
    """Cases case_0 to case_6, of which case_6 is a test case."""
    root = tmp_path / "project"
    Project.create(root, scan(images), SCHEMA, test=["case_6"]).close()
    opened = Session.open(root)
    yield opened
    opened.close()


@pytest.fixture
def key(session: Session) -> Callable[[int], str]:
    """Number → key of a case."""
    keys = {row.name: row.key for row in session.rows()}
    return lambda number: keys[f"case_{number}"]


@pytest.fixture
def select(session: Session, key: Callable[[int], str]) -> Callable[..., int]:
    """Numbers of cases → a new round that suggests them in this order."""

    def run(*numbers: int) -> int:
        picks = [(key(n), f"Reason of {n}.", {"rank": n}) for n in numbers]
        clusters = {key(n): n % 2 for n in range(5)}
        provenance = {"candidates": 6, "already_chosen": [], "clusters": clusters, "model": None}
        return session.project.add_selection("levy", {"alpha": 0.3}, 43, provenance, picks)

    return run


@pytest.fixture
def add_model(session: Session) -> Callable[..., str]:
    """(Dice by case of a split, …) → id of a finished model of the present label maps."""

    def add(split: str = "test", dice: Mapping[str, float] | None = None, labelled: int = 0) -> str:
        project = session.project
        labels = project.training_labels()
        model = project.start_model({"epochs": 2}, {"labels": labels})
        project.finish_model(model.id, {"labelled": labelled or len(labels)})
        if dice:
            cases = [{"case": name, "key": name, "dice": value} for name, value in dice.items()]
            project.add_metrics(
                model.id, split, cases, {"dice": float(np.mean(list(dice.values())))}
            )
        return model.id

    return add


@pytest.fixture
def predict(session: Session) -> Callable[..., None]:
    """(key, model, label map, slice) → the files and the record of a prediction."""

    def run(
        key: str, model: str, image: Image = LIVER, where: int = 4, entropy: float = 0.2
    ) -> None:
        project = session.project
        write_label(project.prediction_path(key, model), image.array, image.geometry)
        uncertain = np.full(GEOMETRY.shape, entropy)
        write_image(project.uncertainty_path(key, model), uncertain, GEOMETRY)
        facts = {"mean_entropy": entropy, "most_uncertain_slice": where}
        project.record_prediction(key, model, facts)

    return run
