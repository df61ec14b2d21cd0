"""The jobs behind the buttons: what the background process does, one after another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ActiveSeedLib.app.choices import Choices
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.project.schema import LabelSchema


@dataclass(frozen=True)
class Step:
    """One job: its name, its parameters (project and session included), and what it does."""

    job: str
    params: dict[str, Any]
    title: str


def create_steps(
    root: Path,
    images: Path,
    schema: LabelSchema | None = None,
    *,
    labels: Path | None = None,
    test_fraction: float = 0.0,
    patients: str | None = None,
    seed: int = 43,
    unit: Literal["case", "slice"] = "case",
) -> list[Step]:
    """Return the step that makes a project in the new or empty folder `root`.

    Args:
        root: the project's folder; not in the images folder.
        images: the folder of images (volumes or DICOM), which is only read.
        schema: the segments; None takes the values that `labels` hold.
        labels: label maps that exist already, to take over.
        test_fraction: share of the cases, whole patients, that only score models.
        patients: who belongs together: a table, or a regular expression on the name.
        seed: fixes the test split.
        unit: what is suggested and trained on.
    """
    params = {
        "project": str(root),
        "images": str(images),
        "labels": None if labels is None else str(labels),
        "segments": None if schema is None else schema.to_json(),
        "test_fraction": test_fraction,
        "patients": patients,
        "seed": seed,
        "unit": unit,
    }
    return [Step("init", params, "Looking at the images")]


def repair_steps(root: Path) -> list[Step]:
    """Return the step that rebuilds the database of a project that is not open."""
    return [Step("repair", {"project": str(root)}, "Repairing the project")]


def suggest_steps(session: Session, choices: Choices) -> list[Step]:
    """Return the step that chooses the next cases: the budget, or as many as are left.

    Raises:
        InputError: no case is left to choose.
    """
    left = session.project.count_candidates()
    if not left:
        raise InputError(
            f"No {session.noun[:-1]} is left to choose: add images and look at the images folder "
            "again, or bring skipped cases back."
        )
    params = {
        "budget": min(choices.budget, left),
        "strategy": choices.strategy,
        "strategy_parameters": choices.strategy_parameters,
        "device": choices.device,
        **_encoding(choices),
    }
    return [Step("suggest", session.job_params(params), f"Choosing the {session.noun}")]


def map_steps(session: Session, choices: Choices) -> list[Step]:
    """Return the step that encodes what is new and maps the pool."""
    return [Step("encode", session.job_params(_encoding(choices)), "Encoding and mapping the pool")]


def inspect_steps(session: Session, choices: Choices) -> list[Step]:
    """Return the step that measures whether the encoder is worth trusting on this pool."""
    params = {"budget": choices.budget, "device": choices.device, **_encoding(choices)}
    return [Step("inspect", session.job_params(params), "Inspecting the encoder")]


def figure_steps(session: Session, choices: Choices, out: Path) -> list[Step]:
    """Return the step that draws the map as a figure (PNG, SVG or PDF) into the file `out`."""
    params = session.job_params({"out": str(out), **_encoding(choices)})
    return [Step("map", params, "Drawing the map")]


def retrain_steps(session: Session, choices: Choices) -> list[Step]:
    """Return the steps of a round: train and score, predict, choose the next cases if any is left.

    Where no test case has a label map, cross-validation scores the model, last of all: the next
    cases can be labelled meanwhile.
    """
    settings: dict[str, Any] = {"seed": choices.seed, "device": choices.device}
    if choices.epochs is not None:
        settings["epochs"] = choices.epochs
    device = {"device": choices.device}
    project = session.project
    steps = [
        Step("train", session.job_params({"settings": settings}), "Training the model"),
        Step("predict", session.job_params(device), "Predicting the other cases"),
    ]
    if project.count_candidates():
        steps += suggest_steps(session, choices)
    if choices.cross_validate and not project.count_usable(Status.TEST, labelled=True):
        params = session.job_params(device)
        steps.append(Step("cross-validate", params, "Scoring the model by cross-validation"))
    return steps


def _encoding(choices: Choices) -> dict[str, Any]:
    """Return how the pool is encoded and mapped."""
    return {
        "encoder": choices.encoder,
        "map_method": choices.map_method,
        "seed": choices.seed,
    }
