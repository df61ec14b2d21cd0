"""What trainings wrote down: their measurements, where one stopped, and what a round brought."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ActiveSeedLib.app.advice import advise
from ActiveSeedLib.app.learning import TRAIN
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import ModelRecord

HISTORY = "training.jsonl"
UNSCORED = (
    "The new model was not scored: that takes label maps of test cases, or cross-validation (under "
    "Advanced)."
)


def training_history(project: Project, before: float | None = None) -> list[dict[str, Any]]:
    """Return what the latest training measured, epoch by epoch, as it wrote it down.

    Args:
        project: whose training.
        before: leave out this epoch and those after it.
    """
    model = project.unfinished_model() or project.latest_model()
    history = read_history(model.folder / HISTORY) if model is not None else []
    return [one for one in history if before is None or one["epoch"] < before]


def read_history(path: Path) -> list[dict[str, Any]]:
    """Return the measurements in a training's record; a line that is not whole yet is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    history = []
    for line in lines:
        try:
            history.append(json.loads(line))
        except ValueError:
            continue
    return [one for one in history if isinstance(one, dict) and "epoch" in one]


def describe_unfinished(unfinished: ModelRecord, same_labels: bool) -> str:
    """Say where a training stopped, and what Resume would do.

    Args:
        unfinished: the model it was to make.
        same_labels: whether the label maps are those that it began with.
    """
    history = read_history(unfinished.folder / HISTORY)
    where = f"after epoch {history[-1]['epoch']}" if history else "in its first epoch"
    resume = (
        "Resume goes on from there by itself, as long as the settings are the same."
        if same_labels
        else "The label maps have changed since, so it cannot go on: start anew."
    )
    return f"Training stopped {where}. {resume}"


def round_finished(project: Project, results: Mapping[str, Mapping[str, Any]]) -> str:
    """Say what a round brought that has just been finished.

    Args:
        project: the project.
        results: what its jobs returned, by job.
    """
    advice = advise(project)
    trained = results.get(TRAIN, {}).get("model")
    was_scored = trained in {score.model for score in advice.scores}
    return f"The round is finished. {advice.sentence if was_scored else UNSCORED}"
