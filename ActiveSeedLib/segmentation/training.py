"""Training from scratch on the labelled cases, seeded, resumable, within the memory there is."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ActiveSeedLib.errors import InputError, OutOfMemoryError
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation import batches
from ActiveSeedLib.segmentation.device import choose_device, free_memory, free_ram, is_out_of_memory
from ActiveSeedLib.segmentation.loop import Loop, Trained, Training
from ActiveSeedLib.segmentation.model_file import load_model, load_tensors, save_model
from ActiveSeedLib.segmentation.plan import Plan, make_plan, smaller
from ActiveSeedLib.segmentation.prepare import (
    ArrayCache,
    Prepared,
    Skipped,
    TrainingCase,
    prepare_all,
    with_geometry,
)
from ActiveSeedLib.segmentation.reproducible import reproducible
from ActiveSeedLib.segmentation.settings import WITHOUT_INFLUENCE, TrainSettings
from ActiveSeedLib.segmentation.together import team_size, train_together
from ActiveSeedLib.tensor_files import versions

__all__ = ["TrainedModel", "TrainingCase", "train"]

CACHE_SHARE = 1 / 3
"""Of the free memory, for prepared images."""


@dataclass(frozen=True)
class TrainedModel:
    """What a training gave.

    Attributes:
        path: the model's file, for `Predictor`.
        plan: network, input and batches.
        cases: keys of the cases trained on or validated with.
        skipped: (key, sentence why) of the cases left out.
        history: per epoch {"epoch", "loss"} and now and then "validation_dice".
        device: "cpu" or "cuda".
        seconds: of this call.
    """

    path: Path
    plan: Plan
    cases: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    history: tuple[dict[str, Any], ...]
    device: str
    seconds: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was chosen and why, in words."""
        return self.plan.sentences

    @property
    def metrics(self) -> dict[str, Any]:
        """The last epoch, its loss, the last validation Dice if there is one, and the seconds."""
        merged: dict[str, Any] = {}
        for record in self.history:
            merged |= record
        return {**merged, "seconds": self.seconds, "cases": len(self.cases), "device": self.device}


def train(
    cases: Sequence[TrainingCase],
    values: Sequence[int],
    settings: TrainSettings,
    folder: Path,
    progress: Progress,
) -> TrainedModel:
    """Train a network from scratch on labelled `cases` and write `folder/model.pt`.

    The initial weights depend on the seed alone, the order of the batches on the seed and the
    number of cases; equal input gives bit-identical weights on a CPU, as long as equally many
    processes share the batches. While it runs, `folder/checkpoint.pt` holds where it stands and
    `folder/training.jsonl` one line an epoch; a later call with the same cases, label maps and
    settings goes on from there, or returns the finished model.

    Args:
        cases: labelled cases in any order; those that cannot be used are left out with a note.
        values: the label schema's values, which become classes 1, 2, ...
        settings: see there.
        folder: of this model; made if it does not exist.
        progress: hears of every step, each epoch's loss, and notes.

    Raises:
        InputError: no case can be used, or the settings do not fit the images.
        OutOfMemoryError: not even the smallest batch fits.
    """
    started = time.monotonic()
    wanted = _valid(values)
    folder.mkdir(parents=True, exist_ok=True)
    device = choose_device(settings.device)
    skipped = Skipped(progress)
    limit = int(settings.cache_gib * 2**30) if settings.cache_gib else int(free_ram() * CACHE_SHARE)
    cache = ArrayCache(folder / "cache", limit)
    try:
        with reproducible(settings.seed, settings.threads):
            job = _Job(cases, wanted, settings, folder, device, skipped, cache, progress)
            plan, history, device = job.run()
    finally:
        cache.close()
    return TrainedModel(
        path=folder / "model.pt",
        plan=plan,
        cases=tuple(case.key for case in job.prepared),
        skipped=tuple(skipped),
        history=tuple(history),
        device=device,
        seconds=time.monotonic() - started,
    )


class _Job:
    """The steps of `train`: plan, prepare, resume or start, fit, fall back, write."""

    def __init__(
        self,
        cases: Sequence[TrainingCase],
        values: tuple[int, ...],
        settings: TrainSettings,
        folder: Path,
        device: str,
        skipped: Skipped,
        cache: ArrayCache,
        progress: Progress,
    ) -> None:
        self.values, self.settings, self.folder = values, settings, folder
        self.device, self.skipped, self.progress = device, skipped, progress
        known = with_geometry(cases, skipped, progress.part(0.0, 0.02))
        if not known:
            raise skipped.none_left()
        memory = free_memory(device)
        self.plan = make_plan([g for _, g in known], settings, memory, len(values) + 1)
        for text in self.plan.sentences:
            progress.note(text)
        usable = [case for case, _ in known]
        loading = progress.part(0.02, 0.05)
        self.prepared = prepare_all(usable, self.plan, values, cache, skipped, loading)
        if not self.prepared:
            raise skipped.none_left()
        self.fingerprint = _fingerprint(self.prepared, values, settings)

    def run(self) -> tuple[Plan, list[dict[str, Any]], str]:
        """Return the plan that fitted the memory, the history and the device; write the model."""
        finished = self._finished()
        if finished is not None:
            return finished
        content = self._checkpoint()
        while True:
            try:
                return self._fit(content)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._fall_back(error)
                content = None

    def _fit(self, content: dict[str, Any] | None) -> tuple[Plan, list[dict[str, Any]], str]:
        training, validation = _split(self.prepared, self.settings)
        if self.settings.steps is not None:
            self._set_epochs(training, self.settings.steps)
        if self.settings.patience is not None and not validation:
            self.progress.note("Without validation cases the training cannot stop early.")
        task = Training(
            self.plan,
            self.settings,
            self.device,
            len(self.values) + 1,
            training,
            validation,
            self.folder,
            self.fingerprint,
        )
        trained = self._train(task, content, self.progress.part(0.05, 1.0))
        info = self._info(trained, validation)
        save_model(self.folder / "model.pt", trained.weights, self.plan, self.values, info)
        task.checkpoint.unlink(missing_ok=True)
        return self.plan, trained.history, self.device

    def _train(self, task: Training, content: dict[str, Any] | None, progress: Progress) -> Trained:
        """Train in this process, or in several; from a checkpoint's content if there is one."""
        if content is not None:
            epoch = json.loads(content["state"])["epoch"]
            self.progress.note(f"The training goes on after epoch {epoch}.")
        size = team_size(self.settings, self.plan, self.device, self.progress)
        if size > 1:
            return train_together(task, size, progress, resume=content is not None)
        loop = Loop(task)
        if content is not None:
            loop.resume(content)
        return loop.run(progress)

    def _set_epochs(self, training: Sequence[Prepared], steps: int) -> None:
        epochs = max(1, round(steps / batches.steps_an_epoch(training, self.plan)))
        sentence = f"{steps} steps were asked for, which {epochs} epochs come nearest to."
        sentences = tuple(text for text in self.plan.sentences if " steps were " not in text)
        self.plan = dataclasses.replace(self.plan, epochs=epochs, sentences=(*sentences, sentence))
        self.progress.note(sentence)

    def _info(self, trained: Trained, validation: Sequence[Prepared]) -> dict[str, Any]:
        return {
            "settings": self.settings.to_json(),
            "fingerprint": self.fingerprint,
            "history": trained.history,
            "weights_of_epoch": trained.epoch,
            "provenance": {
                "versions": versions(),
                "seed": self.settings.seed,
                "device": self.device,
                "threads": torch.get_num_threads(),
                "cases": {case.key: case.label_hash for case in self.prepared},
                "validation": [case.key for case in validation],
                "skipped": [list(entry) for entry in self.skipped],
            },
        }

    def _finished(self) -> tuple[Plan, list[dict[str, Any]], str] | None:
        """Return the outcome of the same training if it had already come to its end."""
        try:
            model = load_model(self.folder / "model.pt")
        except InputError:
            return None
        if model.info.get("fingerprint") != self.fingerprint:
            return None
        self.progress.note("This model had already been trained; it is taken as it is.")
        return model.plan, model.info["history"], model.info["provenance"]["device"]

    def _checkpoint(self) -> dict[str, Any] | None:
        """Return the checkpoint of the same training, or None to start afresh."""
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return None
        try:
            content = load_tensors(path)
            same = content["fingerprint"] == self.fingerprint
            plan = Plan.from_json(json.loads(content["plan"]))
        except (InputError, KeyError, TypeError, ValueError):
            aside = path.with_name(f"checkpoint-damaged-{time.time_ns()}.pt")
            path.replace(aside)
            self.progress.note(
                f"The checkpoint was damaged (kept as {aside.name}); the training starts afresh."
            )
            return None
        if not same or _grid(plan) != _grid(self.plan):
            self.progress.note(
                "The checkpoint is of other cases, label maps or settings; "
                "the training starts afresh."
            )
            return None
        self.plan = plan
        return content

    def _fall_back(self, error: Exception) -> None:
        """Choose a smaller plan, or the CPU, after memory ran out."""
        less = smaller(self.plan)
        if self.device == "cuda":
            torch.cuda.empty_cache()
        if less is not None:
            words = (
                f"patches of {less.patch}" if less.batch == self.plan.batch else "half the batch"
            )
            self.plan = less
        elif self.device == "cuda":
            words = "the CPU"
            self.device = "cpu"
            self.settings = dataclasses.replace(self.settings, processes=1)
        else:
            raise OutOfMemoryError(
                "The memory does not suffice for the smallest training step: close other programs, "
                "or choose a smaller size_2d or patch."
            ) from error
        self.progress.note(f"Memory ran out; the training starts again with {words}.")


def _valid(values: Sequence[int]) -> tuple[int, ...]:
    """Return the label values, checked: whole numbers from 1 to 65535, each once."""
    wanted = tuple(int(v) for v in values)
    if not wanted or len(set(wanted)) < len(wanted) or min(wanted) < 1 or max(wanted) > 65535:
        raise InputError(
            f"The label values {list(wanted)} cannot be used: give each segment a value of its "
            "own from 1 to 65535."
        )
    if len(wanted) > 255:
        raise InputError(f"There are {len(wanted)} label values; at most 255 can be trained.")
    return wanted


def _fingerprint(
    prepared: Sequence[Prepared], values: Sequence[int], settings: TrainSettings
) -> str:
    """Return a hash of all that decides the outcome: cases, patients, label maps, settings."""
    chosen = {n: v for n, v in settings.to_json().items() if n not in WITHOUT_INFLUENCE}
    labels = [[case.key, case.patient, case.label_hash] for case in prepared]
    text = json.dumps([chosen, labels, list(values)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _grid(plan: Plan) -> tuple[Any, ...]:
    """Return the part of a plan that decides how cases are prepared."""
    return plan.network, plan.size_2d, plan.slice_axis, plan.spacing


def _split(
    prepared: Sequence[Prepared], settings: TrainSettings
) -> tuple[list[Prepared], list[Prepared]]:
    """Return the cases to train on and to validate with; patients are never divided."""
    patients = sorted({case.patient for case in prepared})
    wanted = round(len(patients) * settings.validation_fraction)
    if len(prepared) < settings.validation_minimum or len(patients) < 2 or wanted < 1:
        return list(prepared), []
    order = np.random.default_rng(settings.seed).permutation(len(patients))
    kept = {patients[i] for i in order[:wanted]}
    return (
        [case for case in prepared if case.patient not in kept],
        [case for case in prepared if case.patient in kept],
    )
