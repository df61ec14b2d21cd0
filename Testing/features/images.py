"""Images for the tests of this folder, read without the library under test."""

import json
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from ActiveSeedLib.pool.case import Case, Geometry, Image


def read(path: Path) -> Image:
    image = SimpleITK.ReadImage(str(path))
    array = SimpleITK.GetArrayFromImage(image)
    spacing = (*image.GetSpacing(), 1.0)[:3]
    array = array[None] if array.ndim == 2 else array
    return Image(array, Geometry(array.shape[::-1], spacing))


def cohort(shared: Path, name: str) -> tuple[list[Image], list[dict]]:
    folder = shared / "data" / name
    facts = json.loads((folder / "dataset.json").read_text())["cases"]
    return [read(folder / fact["image"]) for fact in facts], facts


def noise(seed: int, shape: tuple[int, int, int] = (1, 48, 40)) -> Image:
    array = np.random.default_rng(seed).normal(100, 20, size=shape)
    return Image(array, Geometry(shape[::-1]))


def case(number: int, shape: tuple[int, int, int] = (1, 48, 40)) -> Case:
    key = f"{number:032x}"
    return Case(key, f"case{number}", f"{number}.nrrd", "nrrd", (), Geometry(shape[::-1]))


def nearest(vectors: NDArray[np.float32], patients: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row the nearest row of another patient."""
    squared = (vectors**2).sum(axis=1)
    distance = squared[:, None] + squared - 2 * vectors @ vectors.T
    distance[patients[:, None] == patients] = np.inf
    return distance.argmin(axis=1)
