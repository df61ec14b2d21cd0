"""Predictions and uncertainty of the unlabelled cases; scores of the test split."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ActiveSeedLib.errors import NO_CASE_TO_BLAME, ActiveSeedError, InputError
from ActiveSeedLib.executor.work import Item, Outcome, Place
from ActiveSeedLib.files import sha256
from ActiveSeedLib.jobs.opening import on_project
from ActiveSeedLib.jobs.shards import carry_out
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.pool.readers import read_label, write_image, write_label
from ActiveSeedLib.pool.slices import SLICES
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import CaseRecord, ModelRecord, SavedLabel, Status
from ActiveSeedLib.segmentation.metrics import score

if TYPE_CHECKING:
    from ActiveSeedLib.segmentation.inference import Predictor

PREDICTED = (
    Status.UNLABELLED,
    Status.SUGGESTED,
    Status.IN_PROGRESS,
    Status.SKIPPED,
    Status.TEST,
)


@dataclass(frozen=True)
class PredictParameters:
    """Which cases (names or keys; all without a label map otherwise), on which device."""

    cases: list[str] | None = None
    device: str = "auto"


@on_project(PredictParameters)
def predict(project: Project, parameters: PredictParameters, progress: Progress) -> dict[str, Any]:
    """Predict with the latest model; cases it has predicted before are not done again."""
    model = project.latest_model()
    if model is None:
        raise InputError("There is no trained model yet: train one first.")
    records = None
    if parameters.cases is not None:
        records = [project.case(name) for name in parameters.cases]
    done = predict_missing(project, model, parameters.device, progress, records)
    facts = project.predictions(model.id)
    return {
        "model": model.id,
        "predicted": done,
        "cases": [
            {"case": r.case.name, **facts[r.case.key]}
            for r in project.cases()
            if r.case.key in facts
        ],
    }


def predict_missing(
    project: Project,
    model: ModelRecord,
    device: str,
    progress: Progress,
    records: list[CaseRecord] | None = None,
    facts: Collection[str] = (),
) -> int:
    """Predict the cases that `model` has not predicted yet and return how many that were.

    Files are written before the database knows of them, one case at a time, so that after a kill it
    goes on with the next case. A case that cannot be predicted is noted and left out. Predictions
    of an earlier version, which lack some of the `facts` that are wanted, are made again.
    """
    by_slices = project.takes_slices
    if records is None:
        # Labelled cases have other slices that may be picked.
        statuses = (*PREDICTED, Status.LABELLED) if by_slices else PREDICTED
        records = [r for r in project.cases(*statuses) if r.problem is None]
    known = project.predictions(model.id)
    missing = {
        r.case.key: r.case
        for r in records
        if r.available and _lacks(known.get(r.case.key), facts, by_slices)
    }
    if not missing:
        return 0
    path = model.folder / "model.pt"
    work = PredictWork(_below(project, path), sha256(path), device)
    items = [Item(case, _files(project, model, case)) for case in missing.values()]
    done = 0
    for found in carry_out(project, work, items, progress):
        if found.problem is None:
            project.add_to_prediction(found.key, model.id, found.facts)
            done += 1
        else:
            progress.note(f"Left out {missing[found.key].name}: {found.problem}")
    return done


@dataclass(frozen=True)
class PredictWork:
    """Writes label map and uncertainty of each image.

    An item's extra holds the files "labels" and "entropy" below the project's folder and, where it
    is predicted slice by slice, the KJI axis "slices" that these lie along.

    Attributes:
        model: its file below the project's folder.
        checksum: SHA-256 of that.
        device: "auto", "cpu" or "cuda".
    """

    model: str
    checksum: str
    device: str
    kind: ClassVar[str] = "predict"
    doing: ClassVar[str] = "Predicting"

    def to_json(self) -> dict[str, Any]:
        """Return what another process needs to make it again."""
        return asdict(self)

    def decides(self) -> dict[str, Any]:
        """Return the checksum of the model."""
        return {"model": self.checksum}

    def do(self, items: Sequence[Item], place: Place) -> Iterator[Outcome]:
        """Yield what each prediction tells, once its files are written; see `Work.do`."""
        from ActiveSeedLib.segmentation.inference import Predictor

        predictor = Predictor(place.file(self.model), device=self.device)
        for index, item in enumerate(items):
            place.progress.update(
                index / len(items), f"Predicting case {index + 1} of {len(items)}"
            )
            try:
                facts = _predict(predictor, item, place)
            except NO_CASE_TO_BLAME:
                raise
            except ActiveSeedError as error:
                yield Outcome(item.case.key, problem=str(error))
            else:
                yield Outcome(item.case.key, facts)


def score_test(
    project: Project, model: ModelRecord, device: str, progress: Progress
) -> dict[str, Any] | None:
    """Return mean Dice and HD95 over the test cases that have a label map; None if none has.

    A test case whose label map cannot be read or compared is noted and left out.
    """
    tests = [r for r in project.cases(Status.TEST) if r.available and r.problem is None]
    tests = [r for r in tests if project.label_path(r.case.key) is not None]
    if not tests:
        return None
    predict_missing(project, model, device, progress, tests)
    predicted = project.predictions(model.id)
    labels = project.labels()
    items = [
        Item(r.case, _compared(project, model, labels[r.case.key]))
        for r in tests
        if r.case.key in predicted and r.case.key in labels
    ]
    names = {r.case.key: r.case.name for r in tests}
    work = ScoreWork(model.id, sorted(project.schema.values))
    scores: dict[str, dict[str, Any]] = {}
    for found in carry_out(project, work, items, progress):
        if found.problem is None:
            scores[found.key] = {"case": names[found.key], "key": found.key, **found.facts}
        else:
            progress.note(f"Left out of the scores: {names[found.key]}: {found.problem}")
    cases = [scores[item.case.key] for item in items if item.case.key in scores]
    if not cases:
        return None
    means = {
        "cases": len(cases),
        "dice": float(np.mean([c["dice"] for c in cases])),
        "hd95": float(np.mean([c["hd95"] for c in cases])),
    }
    project.add_metrics(model.id, "test", cases, means)
    return means


@dataclass(frozen=True)
class ScoreWork:
    """Compares predicted label maps with those that were drawn.

    An item's extra holds the files "predicted" and "drawn" below the project's folder, and the
    checksum of the latter.

    Attributes:
        model: that predicted them.
        values: of the label maps that are scored.
    """

    model: str
    values: list[int]
    kind: ClassVar[str] = "score"
    doing: ClassVar[str] = "Scoring"
    device: ClassVar[str] = "cpu"

    def to_json(self) -> dict[str, Any]:
        """Return what another process needs to make it again."""
        return asdict(self)

    def decides(self) -> dict[str, Any]:
        """Return the model and the values."""
        return {"model": self.model, "values": self.values}

    def do(self, items: Sequence[Item], place: Place) -> Iterator[Outcome]:
        """Yield the scores of each item; see `Work.do`."""
        values = tuple(self.values)
        for index, item in enumerate(items):
            place.progress.update(index / len(items), f"Scoring case {index + 1} of {len(items)}")
            try:
                drawn = read_label(place.file(item.extra["drawn"])).array.astype(np.int32)
                predicted = read_label(place.file(item.extra["predicted"])).array.astype(np.int32)
                scores = score(predicted, drawn, item.case.geometry.spacing, values)
            except NO_CASE_TO_BLAME:
                raise
            except ActiveSeedError as error:
                yield Outcome(item.case.key, problem=str(error))
            else:
                yield Outcome(item.case.key, scores)


def _lacks(known: dict[str, Any] | None, wanted: Collection[str], by_slices: bool) -> bool:
    """Return whether a prediction is not there, or lacks a wanted fact, of any slice if by them."""
    if known is None:
        return True
    told = list(known.get(SLICES, {}).values()) if by_slices else [known]
    return not told or any(name not in one for one in told for name in wanted)


def _predict(predictor: "Predictor", item: Item, place: Place) -> dict[str, Any]:
    """Predict one image, write its files, and return what the prediction tells."""
    from ActiveSeedLib.segmentation.telling import predict_and_tell, predict_slices_and_tell

    image, axis = place.load(item.case), item.extra.get("slices")
    if axis is None:
        found, facts = predict_and_tell(predictor, image, place.progress)
    else:
        found, facts = predict_slices_and_tell(predictor, image, axis, place.progress)
    del image  # it may be large, and so is what is written now
    geometry = item.case.geometry
    write_label(place.file(item.extra["labels"]), found.labels, geometry)
    write_image(place.file(item.extra["entropy"]), found.entropy_map, geometry)
    return facts


def _files(project: Project, model: ModelRecord, case: Case) -> dict[str, Any]:
    """Return where the files of a prediction belong, and the axis of its slices if it has some."""
    found: dict[str, Any] = {
        "labels": _below(project, project.prediction_path(case.key, model.id)),
        "entropy": _below(project, project.uncertainty_path(case.key, model.id)),
    }
    if project.takes_slices:
        found["slices"] = project.slice_axis(case)
    return found


def _compared(project: Project, model: ModelRecord, label: SavedLabel) -> dict[str, Any]:
    """Return what a case's scores are made of."""
    return {
        "predicted": _below(project, project.prediction_path(label.key, model.id)),
        "drawn": _below(project, label.path),
        "checksum": label.sha256,
    }


def _below(project: Project, path: Path) -> str:
    return path.relative_to(project.root).as_posix()
