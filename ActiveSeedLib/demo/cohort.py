"""The generated cohort: abdominal volumes of several unequal sub-populations, with label maps.

It stands in for a hospital's archive where no data may be used: most scans look alike, some kinds
are rare, and a choice of cases that misses a rare kind costs Dice there. The images are drawn, not
taken from anybody.
"""

import csv
import io
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.demo.anatomy import KIDNEY, LIVER, Build
from ActiveSeedLib.demo.scanner import NATIVE, PORTAL, T1, Look, scan
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import make_folder, replacing, write_bytes, write_json
from ActiveSeedLib.pool import itk
from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.progress import Progress

VERSION = 1
SIZE = (60, 48, 28)
SECOND_SCANS = 0.15
LABELS = {"liver": LIVER, "kidney": KIDNEY}


@dataclass(frozen=True)
class Population:
    """One kind of case: its share of the cohort, the scanner's look, the patients' build."""

    share: float
    summary: str
    look: Look
    fat: tuple[float, float] = (8.0, 22.0)
    liver: tuple[float, float] = (0.92, 1.05)
    lesions: tuple[int, int] = (0, 0)


POPULATIONS = {
    "contrast": Population(0.32, "CT with contrast agent", Look(PORTAL, noise=11, tilt=2)),
    "native": Population(
        0.20, "CT without contrast agent, low contrast", Look(NATIVE, noise=13, tilt=2)
    ),
    "mr": Population(
        0.15,
        "T1-weighted MR with shading, oblique",
        Look(T1, noise=22, shading=0.28, slice_thickness=7.5, tilt=12),
    ),
    "thick": Population(
        0.12,
        "an old CT scanner: thick slices, coarse grain, stored the other way round",
        Look(PORTAL, noise=24, blur=1.0, streaks=10, slice_thickness=12, flipped=True),
    ),
    "obese": Population(
        0.09,
        "obese patients: large field of view, noise",
        Look(PORTAL, noise=26, streaks=14, pixel=7.0, slice_thickness=7.8),
        fat=(42.0, 58.0),
    ),
    "enlarged": Population(
        0.07, "enlarged livers, CT with contrast agent", Look(PORTAL, noise=11), liver=(1.28, 1.42)
    ),
    "lesions": Population(
        0.05,
        "livers full of cysts or metastases, CT with contrast agent",
        Look(PORTAL, noise=12, tilt=10),
        lesions=(7, 12),
    ),
}


@dataclass(frozen=True)
class _Plan:
    """One scan to be made."""

    name: str
    patient: str
    population: str
    number: int
    visit: int


def generate_cohort(
    folder: Path,
    *,
    cases: int = 60,
    seed: int = 0,
    size: tuple[int, int, int] = SIZE,
    progress: Progress | None = None,
) -> Path:
    """Write a cohort into `folder`, unless it is there already, and return `folder`.

    images/NAME.nii.gz and labels/NAME.nii.gz (1 liver, 2 kidney) share their names; patients.csv
    has the columns name and patient, as some patients have two scans; cohort.json tells the kind of
    each case, for evaluation only. The same arguments give the same voxels. What a killed run has
    left is completed.

    Args:
        folder: a new or empty folder, or one that holds this cohort.
        cases: number of volumes.
        seed: everything that is left to chance follows from it.
        size: voxels along I, J, K (K at the usual slice thickness; thick slices are fewer).
        progress: told after each volume; may stop the work.

    Raises:
        InputError: the number of cases is below one, or the folder holds something else.
    """
    if cases < 1:
        raise InputError(f"A cohort has at least one case, not {cases}.")
    progress = progress or Progress()
    plans = _plan(cases, seed)
    recipe = {"version": VERSION, "cases": cases, "seed": seed, "size": list(size)}
    if _is_there(folder, recipe, plans):
        return folder
    write_json(make_folder(folder) / "generating.json", recipe)
    facts = []
    for done, plan in enumerate(plans):
        progress.update(done / cases, f"Drawing volume {done + 1} of {cases}")
        facts.append(_make(folder, plan, seed, size))
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("name", "patient"), *((plan.name, plan.patient) for plan in plans)])
    write_bytes(folder / "patients.csv", table.getvalue().encode())
    kinds = {name: kind.summary for name, kind in POPULATIONS.items()}
    note = "The kinds are for evaluation only: nothing that chooses or learns may read this file."
    content = {"note": note, "recipe": recipe, "labels": LABELS, "kinds": kinds, "cases": facts}
    write_json(folder / "cohort.json", content)
    (folder / "generating.json").unlink()
    return folder


def _plan(cases: int, seed: int) -> list[_Plan]:
    """Return the scans in an order that tells nothing of their kind."""
    rng = np.random.default_rng([seed, 0])
    kinds = rng.permutation(_kinds(cases))
    again = rng.random(cases) < SECOND_SCANS
    waiting = list(kinds)
    plans: list[_Plan] = []
    patient = 0
    while waiting:
        patient += 1
        kind = str(waiting.pop(0))
        visits = 1
        if again[patient - 1] and kind in waiting:
            waiting.remove(kind)  # the second scan takes the place of another patient of that kind
            visits = 2
        for visit in range(1, visits + 1):
            name = f"patient{patient:03d}_scan{visit}"
            plans.append(_Plan(name, f"patient{patient:03d}", kind, patient, visit))
    return plans


def _kinds(cases: int) -> list[str]:
    """Return the kind of each case, shared out by largest remainder, ties to the first."""
    wanted = {name: kind.share * cases for name, kind in POPULATIONS.items()}
    counts = {name: int(share) for name, share in wanted.items()}
    rest = sorted(wanted, key=lambda name: counts[name] - wanted[name])
    for name in rest[: cases - sum(counts.values())]:
        counts[name] += 1
    return [name for name, count in counts.items() for _ in range(count)]


def _is_there(folder: Path, recipe: dict[str, Any], plans: list[_Plan]) -> bool:
    """Return whether the cohort is complete; raise `InputError` if something else is there."""
    done, begun = folder / "cohort.json", folder / "generating.json"
    found: Any = None
    for path in (done, begun):
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            found = content["recipe"] if path is done else content
            break
    if found is None and folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: name a new folder for the generated cohort.")
    if found is not None and found != recipe:
        raise InputError(
            f"{folder} holds another generated cohort ({found}): name a new folder, or remove it."
        )
    names = [f"{part}/{plan.name}.nii.gz" for part in ("images", "labels") for plan in plans]
    return done.exists() and all((folder / name).exists() for name in names)


def _make(folder: Path, plan: _Plan, seed: int, size: tuple[int, int, int]) -> dict[str, Any]:
    """Draw one scan and write it with its label map; return its entry in cohort.json."""
    kind = POPULATIONS[plan.population]
    person = np.random.default_rng([seed, 1, plan.number])
    build = Build(
        seed=(seed, 2, plan.number),
        scale=float(person.uniform(0.93, 1.06)),
        fat=float(person.uniform(*kind.fat)),
        liver=float(person.uniform(*kind.liver)),
        lesions=int(person.integers(*kind.lesions, endpoint=True)),
    )
    rng = np.random.default_rng([seed, 3, plan.number, plan.visit])
    look = replace(kind.look, noise=kind.look.noise * float(rng.uniform(0.85, 1.2)))
    image, labels = scan(build, look, size, rng)
    _write(folder / "images" / f"{plan.name}.nii.gz", image.array, image.geometry)
    _write(folder / "labels" / f"{plan.name}.nii.gz", labels, image.geometry)
    facts = {name: value for name, value in asdict(build).items() if name != "seed"}
    return {"name": plan.name, "patient": plan.patient, "kind": plan.population, "build": facts}


def _write(path: Path, array: Any, geometry: Geometry) -> None:
    with replacing(path) as temporary:
        itk.write(temporary, array, geometry)
