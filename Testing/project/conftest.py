"""A project with six small cases; of the images only the label maps need to exist."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.pool.case import Case, Geometry, Image, Pool
from ActiveSeedLib.project import LabelSchema, Project

GEOMETRY = Geometry((5, 4, 3), (1.0, 1.5, 2.0), (-10.0, 20.5, 3.0))


def _key(number: int) -> str:
    return f"{number:032x}"


def _case(number: int, path: str | None = None, patient: str | None = None) -> Case:
    path = path or f"case_{number}.nii.gz"
    name = path.removesuffix(".nii.gz").replace("/", "__")
    return Case(_key(number), name, path, "nifti", (path,), GEOMETRY, patient, {"modality": "MR"})


def _label(seed: int, values: int = 3) -> Image:
    array = np.random.default_rng(seed).integers(0, values, GEOMETRY.shape).astype(np.uint8)
    return Image(array, GEOMETRY)


@pytest.fixture
def key() -> Callable[[int], str]:
    """Number → key of the case that `make_case` makes of it."""
    return _key


@pytest.fixture
def make_case() -> Callable[..., Case]:
    """(number, path, patient) → case."""
    return _case


@pytest.fixture
def make_label() -> Callable[..., Image]:
    """(seed, how many values from 0) → label map on a case's voxels."""
    return _label


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


@pytest.fixture
def make_pool(images: Path) -> Callable[..., Pool]:
    """Cases (default: six, case_0 to case_5) → pool."""

    def make(*cases: Case) -> Pool:
        return Pool(str(images), cases or tuple(_case(number) for number in range(6)))

    return make


@pytest.fixture
def schema() -> LabelSchema:
    return LabelSchema.parse("1=anterior,2=posterior")


@pytest.fixture
def project(
    tmp_path: Path, make_pool: Callable[..., Pool], schema: LabelSchema
) -> Iterator[Project]:
    """Six cases, of which case_5 is a test case; closed at the end."""
    with Project.create(tmp_path / "project", make_pool(), schema, test=["case_5"]) as opened:
        yield opened
