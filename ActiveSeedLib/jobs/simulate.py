"""The simulated annotator, as a job."""

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from ActiveSeedLib.benchmark.cohort import Cohort
from ActiveSeedLib.benchmark.minutes import MODEL
from ActiveSeedLib.benchmark.protocol import Protocol
from ActiveSeedLib.benchmark.report import write_report
from ActiveSeedLib.benchmark.simulate import Simulation
from ActiveSeedLib.errors import ActiveSeedError, InputError
from ActiveSeedLib.features import DEFAULT_ENCODER
from ActiveSeedLib.features.encoder import make_encoder
from ActiveSeedLib.files import make_folder
from ActiveSeedLib.jobs.opening import check_outside
from ActiveSeedLib.jobs.setup import folders_without_images
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.patients import PatientRule
from ActiveSeedLib.pool.readers import read_image
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.pool.slices import SliceReader, common_slice_axis
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.imports import LabelFolder, match_labels, read_label_of
from ActiveSeedLib.project.label_checks import count_values
from ActiveSeedLib.registry import parse_parameters
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.version import __version__


@dataclass(frozen=True)
class SimulateParameters:
    """Images, label maps, what is compared and where the results go."""

    images: str
    labels: str
    out: str
    strategies: list[str]
    budgets: list[int]
    seeds: int = 3
    test_fraction: float = 0.2
    patients: str | None = None
    encoder: str = DEFAULT_ENCODER
    encoder_parameters: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    autoencoder: dict[str, Any] = field(default_factory=dict)
    unit: Literal["case", "slice"] = "case"

    def protocol(self) -> Protocol:
        """Return what is compared; `InputError` if that cannot be."""
        return Protocol(
            strategies=tuple(self.strategies),
            budgets=tuple(self.budgets),
            seeds=self.seeds,
            test_fraction=self.test_fraction,
        )


def run_simulation(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Simulate, write the report, and return its summary."""
    wanted = parse_parameters("simulate", SimulateParameters, params)
    protocol = wanted.protocol()
    training = TrainSettings.from_json(wanted.settings)
    encoder = make_encoder(wanted.encoder, wanted.encoder_parameters)
    check_outside(Path(wanted.out), Path(wanted.images))
    cohort = read_cohort(wanted, progress.part(0.0, 0.02))
    out = make_folder(Path(wanted.out))
    simulation = Simulation(cohort, protocol, encoder, training, out, wanted.autoencoder)
    records = simulation.run(progress.part(0.02, 0.99))
    provenance = {
        "protocol": asdict(protocol),
        "training": training.to_json(),
        "autoencoder": wanted.autoencoder,
        "minutes": MODEL,
        "encoder": encoder.provenance,
        "encoder_hash": encoder.hash,
        "images": wanted.images,
        "patients": wanted.patients,
        "cases": len(cohort.cases),
        "unit": wanted.unit,
        "slice_axis": cohort.slice_axis,
        "machine": platform.platform(),
        "versions": {
            "activeseed": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "monai", "numpy", "scikit-learn")},
        },
    }
    report = write_report(out, records, provenance)
    progress.update(1.0, "Done")
    return {"out": str(out), "summary": report["summary"], "paired": report["paired"]}


def read_cohort(wanted: SimulateParameters, progress: Progress) -> Cohort:
    """Return the cases that have a usable label map; what is left out is said in notes.

    Raises:
        InputError: there are none, or the folders cannot be read.
    """
    rule = PatientRule.parse(wanted.patients) if wanted.patients else None
    images = Path(wanted.images)
    without = folders_without_images(wanted.images, wanted.labels)
    pool = scan(images, patients=rule, without=without, progress=progress)
    labels, refused = match_labels(LabelFolder(Path(wanted.labels)), pool.cases)
    for path, reason in refused:
        progress.note(f"Left out {path}: {reason}")
    load_label = _remembering(lambda case: read_label_of(case, labels[case.key]))
    cases: list[Case] = []
    values: set[int] = set()
    for case in (case for case in pool.cases if case.key in labels):
        progress.check()
        try:
            values |= set(count_values(case.name, load_label(case).array))
        except ActiveSeedError as error:
            progress.note(f"Left out {case.name}: {error}")
        else:
            cases.append(case)
    if len(cases) < len(pool.cases):
        progress.note(
            f"{len(pool.cases) - len(cases)} images have no label map that can be used; left out."
        )
    if not cases:
        raise InputError(f"No label map in {wanted.labels} belongs to an image of {images}.")
    load_image = _remembering(lambda case: read_image(images, case))
    axis = None
    if wanted.unit == "slice":
        axis = common_slice_axis(case.geometry for case in cases)
        load_image, load_label = (
            SliceReader(cases, load, axis) for load in (load_image, load_label)
        )
    values_in_order = tuple(sorted(values - {0}))
    return Cohort(tuple(cases), load_image, load_label, values_in_order, axis)


def _remembering(read: Callable[[Case], Image], gibibytes: float = 2.0) -> Callable[[Case], Image]:
    """Return `read` that keeps what it read, up to `gibibytes`, since it is read many times."""
    kept: dict[str, Image] = {}
    left = gibibytes * 2**30

    def load(case: Case) -> Image:
        nonlocal left
        image = kept.get(case.key)
        if image is None:
            image = read(case)
            if image.array.nbytes <= left:
                left -= image.array.nbytes
                kept[case.key] = image
        return image

    return load
