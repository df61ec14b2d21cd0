"""A model from the saved label maps."""

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.jobs.opening import ImageLoader, on_project, require_images
from ActiveSeedLib.jobs.predict import score_test
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import CaseRecord, ModelRecord, Status
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

    A training that was cancelled or killed goes on where it was, as long as settings and label maps
    are the same.
    """
    settings = TrainSettings.from_json(parameters.settings)
    labelled = [r for r in project.cases(Status.LABELLED) if r.available]
    if not labelled:
        raise InputError(
            "No case of the project has a label map yet: label the suggested cases, or "
            "import label maps that exist already."
        )
    require_images(project)
    record = _open_model(project, settings, labelled)
    values = tuple(sorted(project.schema.values))
    loader = ImageLoader(project)
    cases = [training_case(project, one, loader) for one in labelled]
    try:
        trained = train(cases, values, settings, record.folder, progress.part(0.0, 0.9))
    finally:
        loader.close()
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
        "plan": trained.plan.sentences,
        "metrics": metrics,
        "test": scores,
    }


def training_case(project: Project, record: CaseRecord, loader: ImageLoader) -> TrainingCase:
    """Return a labelled case as the training takes it."""
    path = project.label_path(record.case.key)
    assert path is not None, "a labelled case has a label map"
    return TrainingCase(
        key=record.case.key,
        load_image=partial(loader, record.case),
        load_label=partial(read_label, path),
        geometry=record.case.geometry,
        patient=record.case.patient,
        name=record.case.name,
    )


def _open_model(
    project: Project, settings: TrainSettings, labelled: list[CaseRecord]
) -> ModelRecord:
    """Return the unfinished model if settings and labels are still the same, or a new one."""
    provenance = {"labels": {r.case.key: r.label for r in labelled}}
    unfinished = project.unfinished_model()
    wanted: dict[str, Any] = json.loads(json.dumps(settings.to_json()))  # as it is stored
    if (
        unfinished is not None
        and unfinished.settings == wanted
        and unfinished.provenance.get("labels") == provenance["labels"]
    ):
        return unfinished
    return project.start_model(wanted, provenance)
