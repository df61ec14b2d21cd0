"""Are an encoder's nearest neighbours alike? The judge of encoders, on real images.

For each case the nearest other cases in feature space (Euclidean, never one of the same patient)
are asked whether they share what was not told to the encoder. Prints one table, and the speed.

    python Testing/benchmarks/bench_encoders.py [encoder …]
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import encoders, make_encoder
from ActiveSeedLib.pool.case import Geometry, Image

SHARED = Path(os.environ.get("ACTIVESEED_DATA", Path(__file__).resolve().parents[3] / "shared"))

Encode = Callable[[Sequence[Image]], NDArray[np.float32]]


@dataclass
class Cohort:
    name: str
    images: list[Image]
    patients: NDArray[np.int64]
    classes: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    amounts: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def read(path: Path) -> Image:
    image = SimpleITK.ReadImage(str(path))
    array = SimpleITK.GetArrayFromImage(image)
    spacing = (*image.GetSpacing(), 1.0)[:3]
    array = array[None] if array.ndim == 2 else array
    return Image(array, Geometry(size=array.shape[::-1], spacing=spacing))


def codes(values: Sequence[object]) -> NDArray[np.int64]:
    return np.unique([str(v) for v in values], return_inverse=True)[1]


def load(name: str) -> Cohort:
    folder = SHARED / "data" / name
    cases = json.loads((folder / "dataset.json").read_text())["cases"]
    images = [read(folder / case["image"]) for case in cases]
    labels = [read(folder / case["label"]).array for case in cases]
    whose = [case.get("patient") or case.get("subject") or case["id"] for case in cases]
    cohort = Cohort(name, images, codes(whose))
    cohort.amounts["label size"] = np.array([float((label > 0).sum()) for label in labels])
    if name == "cxr_lung":
        cohort.classes["finding"] = codes([case["finding"] for case in cases])
    if name == "hippocampus":
        cohort.classes["pixel type"] = codes([case["pixel"] for case in cases])
        cohort.classes["same subject"] = cohort.patients
    if name == "us_nerve_vessel":
        cohort.classes["labels present"] = codes([case["label_values"] for case in cases])
    return cohort


ORIENTATIONS: list[Callable[[NDArray[np.generic]], NDArray[np.generic]]] = [
    lambda a: a,
    lambda a: a[:, ::-1],
    lambda a: a[:, :, ::-1],
    lambda a: np.rot90(a, axes=(1, 2)),
]
CONTRASTS = [0.4, 1.0, 2.5]


def turned(cohort: Cohort) -> Cohort:
    """Each image in one of four orientations: do neighbours share it?"""
    kinds = np.random.default_rng(0).integers(len(ORIENTATIONS), size=len(cohort.images))
    images = []
    for kind, image in zip(kinds, cohort.images, strict=True):
        array = np.ascontiguousarray(ORIENTATIONS[kind](image.array))
        images.append(Image(array, Geometry(array.shape[::-1], image.geometry.spacing)))
    return Cohort(cohort.name, images, cohort.patients, {"orientation": kinds})


def recontrasted(cohort: Cohort) -> Cohort:
    """Each image with one of three gamma curves: do neighbours share it?"""
    kinds = np.random.default_rng(1).integers(len(CONTRASTS), size=len(cohort.images))
    images = []
    for kind, image in zip(kinds, cohort.images, strict=True):
        array = image.array.astype(np.float64)
        array = (array - array.min()) / np.ptp(array)
        images.append(Image(array ** CONTRASTS[kind], image.geometry))
    return Cohort(cohort.name, images, cohort.patients, {"contrast": kinds})


def neighbours(
    vectors: NDArray[np.float32], patients: NDArray[np.int64] | None, count: int
) -> NDArray[np.int64]:
    distance = cdist(vectors, vectors)
    np.fill_diagonal(distance, np.inf)
    if patients is not None:
        distance[patients[:, None] == patients[None]] = np.inf
    return np.argsort(distance, axis=1, kind="stable")[:, :count]


def scores(vectors: NDArray[np.float32], cohort: Cohort) -> dict[str, float]:
    result = {}
    five = neighbours(vectors, cohort.patients, 5)
    for name, classes in cohort.classes.items():
        where = f"{cohort.name}: {name}"
        if name == "same subject":  # the subject's other side among all the others
            nearest = neighbours(vectors, None, 1)
            paired = np.bincount(classes)[classes] > 1
            result[where] = float((classes[nearest[:, 0]] == classes)[paired].mean())
            continue
        result[f"{where}, 1-NN"] = float((classes[five[:, 0]] == classes).mean())
        votes = np.array([np.bincount(row, minlength=classes.max() + 1) for row in classes[five]])
        result[f"{where}, 5-NN"] = float((votes.argmax(axis=1) == classes).mean())
    for name, amounts in cohort.amounts.items():
        near = amounts[five].mean(axis=1)
        result[f"{cohort.name}: {name}, rank r"] = float(spearmanr(amounts, near).statistic)
    return result


def chance(cohort: Cohort) -> dict[str, float]:
    """The same figures for vectors without meaning."""
    noise = np.random.default_rng(0).normal(size=(20, len(cohort.images), 16))
    drawn = [scores(vectors, cohort) for vectors in noise]
    return {name: float(np.mean([d[name] for d in drawn])) for name in drawn[0]}


def all_cohorts() -> list[Cohort]:
    chest, hippocampus, nerve = (
        load(name) for name in ("cxr_lung", "hippocampus", "us_nerve_vessel")
    )
    return [
        chest,
        turned(chest),
        recontrasted(chest),
        hippocampus,
        turned(hippocampus),
        recontrasted(hippocampus),
        nerve,
        turned(nerve),
    ]


def judge(encode: Encode, cohorts: list[Cohort]) -> dict[str, float]:
    result: dict[str, float] = {}
    started = time.perf_counter()
    for cohort in cohorts:
        vectors = np.concatenate(
            [encode(cohort.images[i : i + 8]) for i in range(0, len(cohort.images), 8)]
        )
        result |= scores(vectors, cohort)
    result["mean"] = float(np.mean(list(result.values())))
    result["cases/s"] = sum(len(c.images) for c in cohorts) / (time.perf_counter() - started)
    return result


def table(columns: dict[str, dict[str, float]]) -> str:
    rows = list(next(iter(columns.values())))
    head = "| nearest neighbours share |" + "".join(f" {name} |" for name in columns)
    lines = [head, "| --- |" + " ---: |" * len(columns)]
    for row in rows:
        cells = "".join(
            f" {column[row]:.2f} |" if row in column else " |" for column in columns.values()
        )
        lines.append(f"| {row} |{cells}")
    return "\n".join(lines)


def main() -> None:
    cohorts = all_cohorts()
    columns: dict[str, dict[str, float]] = {}
    for name in sys.argv[1:] or [entry.name for entry in encoders.entries()]:
        try:
            encoder = make_encoder(name)
        except InputError as error:
            print(f"{name} is left out: {error}\n")
            continue
        columns[name] = judge(encoder.encode, cohorts)
    without: dict[str, float] = {}
    for cohort in cohorts:
        without |= chance(cohort)
    columns["chance"] = without | {"mean": float(np.mean(list(without.values())))}
    print(table(columns))


if __name__ == "__main__":
    main()
