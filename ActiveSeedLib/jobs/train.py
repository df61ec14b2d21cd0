"""A model from the saved label maps."""

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.executor.work import Reader
from ActiveSeedLib.jobs.opening import on_project, require_images
from ActiveSeedLib.jobs.predict import score_test
from ActiveSeedLib.jobs.units import label_reader, labelled_units, reading
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import ModelRecord
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.segmentation.training import TrainingCase, train


@dataclass(frozen=True)
class TrainParameters:
    """`settings` are fields of `TrainSettings`; what is left out keeps its default."""

    settings: dict[str, Any] = field(default_factory=dict)


@on_project(TrainParameters)
def train_model(
    project: Project, parameters: TrainParameters, progress: Progress
) -> dict[str, Any]:
    """Train from scratch on all labelled cases, then score the test split, if it has label maps.

    In a project that takes slices, on the labelled slices alone.

    A training that was cancelled or killed goes on where it was, as long as settings and label maps
    are the same.
    """
    settings = TrainSettings.from_json(parameters.settings)
    labelled = labelled_units(project)
    if not labelled:
        raise InputError(
            "No case of the project has a label map yet: label the suggested cases, or "
            "import label maps that exist already."
        )
    require_images(project)
    record = _open_model(project, settings)
    values = tuple(sorted(project.schema.values))
    labels = label_reader(project)
    with reading(project) as load:
        cases = [training_case(unit, load, labels) for unit in labelled]
        trained = train(cases, values, settings, record.folder, progress.part(0.0, 0.9))
    metrics = {
        "labelled": len(cases),
        "skipped": [sentence for _, sentence in trained.skipped],
        **trained.history[-1],
    }
    # Finished last: a training that is killed while its scores are made resumes with the scores.
    scores = score_test(project, record, settings.device, progress.part(0.9, 1.0))
    project.finish_model(record.id, metrics)
    progress.update(1.0, f"Trained on {len(trained.cases)} cases")
    return {
        "model": record.id,
        "labelled": len(cases),
        "used": len(trained.cases),
        "used_words": project.counted_labels(len(trained.cases)),
        "plan": trained.plan.sentences,
        "metrics": metrics,
        "test": scores,
    }


def training_case(unit: Case, load: Reader, labels: Reader) -> TrainingCase:
    """Return a labelled unit as the training takes it."""
    return TrainingCase(
        key=unit.key,
        load_image=partial(load, unit),
        load_label=partial(labels, unit),
        geometry=unit.geometry,
        patient=unit.patient,
        name=unit.name,
    )


def _open_model(project: Project, settings: TrainSettings) -> ModelRecord:
    """Return the unfinished model if settings and labels are still the same, or a new one."""
    provenance = {"labels": project.training_labels()}
    unfinished = project.unfinished_model()
    wanted: dict[str, Any] = json.loads(json.dumps(settings.to_json()))  # as it is stored
    if (
        unfinished is not None
        and unfinished.settings == wanted
        and unfinished.provenance.get("labels") == provenance["labels"]
    ):
        return unfinished
    return project.start_model(wanted, provenance)
