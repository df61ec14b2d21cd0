"""The training loop: steps, epochs, validation and checkpoints that resume to the same weights."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ActiveSeedLib import files
from ActiveSeedLib.errors import ActiveSeedError, CancelledError
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation import batches, forward
from ActiveSeedLib.segmentation.augment import augment
from ActiveSeedLib.segmentation.metrics import dice
from ActiveSeedLib.segmentation.model_file import plain
from ActiveSeedLib.segmentation.networks import build
from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.segmentation.prepare import Prepared
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.segmentation.team import Alone
from ActiveSeedLib.tensor_files import save_tensors

LOSSES_AT_ONCE = {"cpu": 1, "cuda": 8}
"""Steps after which their losses are looked at, since a GPU must be waited for to see one."""


@dataclass
class State:
    """Where a training stands; with the weights and the optimiser, all a checkpoint needs."""

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    epoch_losses: list[float] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    best_dice: float = -1.0
    best_epoch: int = 0
    finished: bool = False


@dataclass(frozen=True)
class Training:
    """What a loop is given.

    Attributes:
        plan: see there.
        settings: see there.
        device: "cpu" or "cuda".
        classes: background included.
        cases: to train on.
        validation: cases to validate with; may be none.
        folder: where checkpoint and history go.
        fingerprint: hash of all that decides the outcome.
    """

    plan: Plan
    settings: TrainSettings
    device: str
    classes: int
    cases: Sequence[Prepared]
    validation: Sequence[Prepared]
    folder: Path
    fingerprint: str

    @property
    def checkpoint(self) -> Path:
        """Where the training is kept while it runs."""
        return self.folder / "checkpoint.pt"


@dataclass(frozen=True)
class Trained:
    """What a loop gave: the weights, the epoch they are of, and the history to its end."""

    weights: dict[str, torch.Tensor]
    epoch: int
    history: list[dict[str, Any]]


class Loop:
    """One training of one network on prepared cases.

    Everything random is drawn afresh at each step from (seed, step), so that a training that goes
    on from a checkpoint, at whatever step, ends with the weights of an uninterrupted one.
    """

    def __init__(self, training: Training, team: Alone | None = None) -> None:
        from monai.losses import DiceCELoss

        self.training, self._team = training, team or Alone()
        self.plan, self.settings, self.device = training.plan, training.settings, training.device
        plan, settings, device = self.plan, self.settings, self.device
        self.state = State()
        self.best: dict[str, torch.Tensor] | None = None
        self._half = forward.precision(settings.mixed_precision, device)
        self._samples = batches.Samples(training.cases, plan, device)
        self._order: tuple[int, list[int]] = (-1, [])
        self._unseen: list[torch.Tensor] = []
        torch.manual_seed(settings.seed)
        self.model = forward.place(build(plan, training.classes), plan, device)
        self._joined = self._team.joined(self.model)
        self._optimiser = torch.optim.Adam(self.model.parameters(), lr=plan.learning_rate)
        self._scaler = torch.amp.GradScaler(device, enabled=self._half is torch.float16)
        # a patch may lack a class, so its Dice is taken over the batch
        self._loss = DiceCELoss(to_onehot_y=True, softmax=True, batch=not plan.whole)

    def run(self, progress: Progress) -> Trained:
        """Train to the end; on cancel, keep a checkpoint and raise."""
        self._write_history()
        self.model.train()
        saved = time.monotonic()
        try:
            while not self.state.finished:
                self._advance(progress)
                if time.monotonic() - saved > self.settings.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
        except CancelledError:
            self.save()
            raise
        state = self.state
        if self.best is not None:
            return Trained(self.best, state.best_epoch, state.history)
        return Trained(plain(self.model.state_dict()), state.epoch, state.history)

    def _advance(self, progress: Progress) -> None:
        """Take one step; after the last of an epoch, validate and report."""
        state, plan = self.state, self.plan
        order = self._epoch_order()
        steps = -(-len(order) // plan.batch)
        fraction = (state.epoch + state.step_in_epoch / steps) / plan.epochs
        self._team.check()
        progress.update(fraction, f"Training, epoch {state.epoch + 1} of {plan.epochs}")
        if state.step_in_epoch < steps:  # else it was stopped while validating
            first = state.step_in_epoch * plan.batch
            self._step(order[first : first + plan.batch], fraction)
            state.step += 1
            state.step_in_epoch += 1
        if state.step_in_epoch == steps:
            self._end_epoch(progress)

    def _epoch_order(self) -> list[int]:
        if self._order[0] != self.state.epoch:
            cases, seed = self.training.cases, self.settings.seed
            order = batches.epoch_order(cases, self.plan, seed, self.state.epoch)
            self._order = (self.state.epoch, order)
        return self._order[1]

    def _step(self, chosen: Sequence[int], fraction: float) -> None:
        """Take one step of Adam on a batch drawn from the cases with the indices `chosen`."""
        generator = batches.step_generator(self.settings.seed, self.state.step)
        share = self._team.share(len(chosen))
        rank = self._team.rank if self._team.is_shared else 0
        seed = batches.torch_seed(self.settings.seed, self.state.step, rank)
        batches.seed_torch(seed, self.device)
        images, labels = self._samples.batch(chosen, generator, share)
        if self.plan.augment:
            images, labels = augment(images, labels, generator, len(chosen), share)
        if self.plan.decay:
            for group in self._optimiser.param_groups:
                group["lr"] = self.plan.learning_rate * (1 - fraction) ** 0.9
        # before the forward pass, whose activations then take the gradients' place
        self._optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device, dtype=self._half, enabled=self._half is not None):
            logits = self._joined(images)
        loss = self._team.loss(self._loss, logits.float(), labels)
        self._unseen.append(loss.detach())
        if len(self._unseen) >= LOSSES_AT_ONCE[self.device]:
            self._look_at_losses()
        scaled: Any = self._scaler.scale(self._team.scaled(loss))
        scaled.backward()
        self._scaler.step(self._optimiser)
        self._scaler.update()

    def _look_at_losses(self) -> None:
        """Note the losses of the last steps; raise if the training went astray in them."""
        values = torch.stack(self._unseen).tolist() if self._unseen else []
        self._unseen.clear()
        if not all(map(math.isfinite, values)):
            raise ActiveSeedError(
                f"The training went astray in epoch {self.state.epoch + 1} (the loss is no longer "
                "a number): choose a lower learning rate, or fp32 as precision."
            )
        self.state.epoch_losses += values

    def _end_epoch(self, progress: Progress) -> None:
        self._look_at_losses()
        state = self.state
        epoch = state.epoch + 1
        last = epoch == self.plan.epochs
        record: dict[str, Any] = {"epoch": epoch, "loss": float(np.mean(state.epoch_losses))}
        if self.training.validation and (last or epoch % self.settings.validation_every == 0):
            record["validation_dice"] = self._validate(progress)
        state.epoch, state.step_in_epoch, state.epoch_losses = epoch, 0, []
        if "validation_dice" in record:
            self._remember_best(record["validation_dice"])
        patience = self.settings.patience
        stop = patience is not None and self.best is not None
        state.finished = last or (stop and state.epoch - state.best_epoch >= (patience or 0))
        state.history.append(record)
        if self._team.leads:
            with (self.training.folder / "training.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        progress.metric(**{"validation_dice": None, **record})

    def _validate(self, progress: Progress) -> float:
        """Return the mean Dice over the validation cases and classes, on the network's grid."""
        cases, size = self.training.validation, self._team.size
        scores = np.zeros((len(cases), self.training.classes - 1))
        with forward.evaluating(self.model):
            for first in range(0, len(cases), size):
                self._team.check()
                number = first + self._team.rank
                if number < len(cases):
                    scores[number] = self._score(cases[number], progress)
        return float(self._team.total(scores).mean())

    def _score(self, case: Prepared, progress: Progress) -> list[float]:
        """Return the Dice of each class but the background."""
        found = forward.probabilities(
            self.model, self.plan, case.image, self.device, progress.check
        )
        classes = found.argmax(axis=0)
        return [dice(classes == c, case.labels == c) for c in range(1, self.training.classes)]

    def _remember_best(self, score: float) -> None:
        """Keep the weights of the best epoch; only early stopping uses them."""
        if self.settings.patience is not None and score > self.state.best_dice:
            self.state.best_dice, self.state.best_epoch = score, self.state.epoch
            self.best = plain(self.model.state_dict())

    def _write_history(self) -> None:
        if not self._team.leads:
            return
        lines = "".join(json.dumps(record) + "\n" for record in self.state.history)
        files.write_bytes(self.training.folder / "training.jsonl", lines.encode())

    def save(self) -> None:
        """Write the checkpoint atomically, unless the training went astray."""
        self._look_at_losses()
        if not self._team.leads:
            return
        save_tensors(
            self.training.checkpoint,
            {
                "fingerprint": self.training.fingerprint,
                "plan": json.dumps(self.plan.to_json()),
                "state": json.dumps(vars(self.state)),
                "weights": self.model.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "scaler": self._scaler.state_dict(),
                "best": self.best,
            },
        )

    def resume(self, content: dict[str, Any]) -> None:
        """Go on from the content of a checkpoint of this plan."""
        self.model.load_state_dict(content["weights"])
        self._optimiser.load_state_dict(content["optimiser"])
        self._scaler.load_state_dict(content["scaler"])
        self.best = content["best"]
        self.state = State(**json.loads(content["state"]))
