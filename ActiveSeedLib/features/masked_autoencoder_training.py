"""Training a masked autoencoder on the pool: seeded, resumable (imports torch).

Everything random is drawn afresh at each step from (seed, step), so that a training that goes on
from a checkpoint ends with the weights of an uninterrupted one.
"""

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ActiveSeedLib.errors import NO_CASE_TO_BLAME, ActiveSeedError, CancelledError, InputError
from ActiveSeedLib.features.encoder import check_image
from ActiveSeedLib.features.masked_autoencoder import (
    build,
    load_tensors,
    save_autoencoder,
)
from ActiveSeedLib.features.masked_autoencoder_images import (
    FILE,
    AutoencoderSettings,
    axes_of,
    common_shape,
    crop,
    fingerprint,
    on_grid,
    visible,
)
from ActiveSeedLib.files import replacing
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.tensor_files import save_tensors, versions

_READERS = 3
_AT_ONCE = 6
_PREPARING = 0.1  # the share of the progress that is for reading the images


@dataclass
class _State:
    """Where a training stands; with the weights and the optimiser, all a checkpoint needs."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


def train_autoencoder(
    cases: Sequence[Case],
    load: Callable[[Case], Image],
    settings: AutoencoderSettings,
    seed: int,
    device: torch.device,
    folder: Path,
    progress: Progress,
) -> Path:
    """Train on the images of `cases` and return the file in `folder`; at once if it is there.

    While it runs, `folder` holds the images on their grid and the checkpoint; a later call with
    the same arguments goes on from there. A case that cannot be read is noted and left out.

    Args:
        cases: the pool, without test cases.
        load: reads a case's image; called by several threads.
        settings: see there.
        seed: for everything random.
        device: where to compute.
        folder: of this very autoencoder (`fingerprint`); made if need be.
        progress: hears of every step and of each epoch's loss.

    Raises:
        InputError: no case can be used.
        CancelledError: through `progress`; a checkpoint is kept.
    """
    path = folder / FILE
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    axes = axes_of(cases)
    chosen = _chosen(cases, settings, seed)
    grids, left_out = _prepare(
        chosen, load, settings, axes, folder / "images", progress.part(0.0, _PREPARING)
    )
    keys = [key for key, _ in grids]
    loop = _Loop([grid for _, grid in grids], settings, seed, axes, device, _hash(keys), folder)
    loop.resume(progress)
    loop.run(progress.part(_PREPARING, 1.0))
    info = {
        "fingerprint": fingerprint([case.key for case in cases], settings, seed, axes),
        "seed": seed,
        "pool_sha256": _hash([case.key for case in cases]),
        "pool": len(cases),
        "trained_on": len(keys),
        "left_out": left_out,
        "crop": list(loop.shape),
        "history": loop.state.history,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }
    save_autoencoder(path, loop.network, axes, settings, info)
    loop.checkpoint.unlink(missing_ok=True)
    shutil.rmtree(folder / "images", ignore_errors=True)
    return path


class _Loop:
    """One training on images that lie on their grid."""

    def __init__(
        self,
        grids: Sequence[NDArray[np.float16]],
        settings: AutoencoderSettings,
        seed: int,
        axes: int,
        device: torch.device,
        content: str,
        folder: Path,
    ) -> None:
        self.grids, self.settings, self.seed, self.device = grids, settings, seed, device
        self.content, self.checkpoint = content, folder / "checkpoint.pt"
        self.shape = common_shape([grid.shape for grid in grids], settings.multiple)
        self._axes = axes
        self._start()

    def _start(self) -> None:
        self.state = _State()
        torch.manual_seed(self.seed)
        self.network = build(self._axes, self.settings).to(self.device)
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=self.settings.learning_rate, weight_decay=1e-5
        )

    def run(self, progress: Progress) -> None:
        """Train to the end; on cancel, keep a checkpoint and raise."""
        self.network.train()
        saved = time.monotonic()
        try:
            while self.state.step < self.settings.steps:
                self._advance(progress)
                if time.monotonic() - saved > self.settings.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
        except CancelledError:
            self.save()
            raise

    def resume(self, progress: Progress) -> None:
        """Go on from the checkpoint, if there is one of the same images that is whole."""
        if not self.checkpoint.is_file():
            return
        try:
            content = load_tensors(self.checkpoint)
            if content["content"] == self.content:
                self.network.load_state_dict(content["weights"])
                self._optimiser.load_state_dict(content["optimiser"])
                self.state = _State(**json.loads(content["state"]))
                progress.note(f"The autoencoder's training goes on after step {self.state.step}.")
                return
        except (InputError, KeyError, TypeError, ValueError, RuntimeError):
            # What was loaded of it before it proved damaged must not stay.
            self._start()
        progress.note(
            "The checkpoint of the autoencoder is damaged or of other images; its training starts "
            "afresh."
        )

    def save(self) -> None:
        """Write the checkpoint atomically."""
        save_tensors(
            self.checkpoint,
            {
                "content": self.content,
                "weights": self.network.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "state": json.dumps(vars(self.state)),
            },
        )

    def _advance(self, progress: Progress) -> None:
        """Take one step, and report."""
        state, total = self.state, self.settings.steps
        progress.update(
            state.step / total, f"Training the autoencoder, step {state.step + 1} of {total}"
        )
        state.losses.append(self._step())
        state.step += 1
        seen = state.step * self.settings.batch
        ended = seen // len(self.grids) > (seen - self.settings.batch) // len(self.grids)
        if ended or state.step == total:
            record = {
                "epoch": seen // len(self.grids) + (not ended),
                "step": state.step,
                "loss": float(np.mean(state.losses)),
            }
            state.losses = []
            state.history.append(record)
            progress.metric(**record)

    def _step(self) -> float:
        """Take one step of AdamW on a batch of masked crops; return the mean squared error."""
        images, seen = self._draw()
        given = torch.from_numpy(images)[:, None].to(self.device)
        mask = torch.from_numpy(seen)[:, None].to(self.device)
        loss = torch.nn.functional.mse_loss(self.network(given * mask), given)
        value = float(loss.item())
        if not math.isfinite(value):
            raise ActiveSeedError(
                "The training of the autoencoder went astray (the loss is no longer a number): "
                "choose a lower learning_rate."
            )
        rate = 0.5 * (1 + math.cos(math.pi * self.state.step / self.settings.steps))
        for group in self._optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * rate
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimiser.step()
        return value

    def _draw(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the crops of this step, all turned by as many quarter turns, and what is seen."""
        generator = np.random.default_rng([self.seed, self.state.step])
        turns = int(generator.integers(4))
        shape = self.shape
        if turns % 2:
            shape = (*shape[:-2], shape[-1], shape[-2])
        patch = self.settings.patch(self._axes)
        crops, seen = [], []
        for place in range(self.settings.batch):
            position = self.state.step * self.settings.batch + place
            order = self._order(position // len(self.grids))
            grid = self.grids[order[position % len(self.grids)]]
            turned = np.rot90(np.asarray(grid, dtype=np.float32), turns, axes=(-2, -1))
            crops.append(crop(turned, shape, generator))
            seen.append(visible(shape, patch, self.settings.hidden, generator))
        return np.stack(crops), np.stack(seen)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng([self.seed, epoch, 1]).permutation(len(self.grids))


def _chosen(cases: Sequence[Case], settings: AutoencoderSettings, seed: int) -> list[Case]:
    """Return the cases to train on by key: all, or in a large pool as many as the settings say."""
    ordered = sorted(cases, key=lambda case: case.key)
    if len(ordered) <= settings.images:
        return ordered
    drawn = np.random.default_rng([seed, 2, 2]).permutation(len(ordered))[: settings.images]
    return [ordered[i] for i in np.sort(drawn)]


def _prepare(
    cases: Sequence[Case],
    load: Callable[[Case], Image],
    settings: AutoencoderSettings,
    axes: int,
    folder: Path,
    progress: Progress,
) -> tuple[list[tuple[str, NDArray[np.float16]]], list[list[str]]]:
    """Return (key, image on its grid, mapped from a file) and (key, why) of those left out."""

    def prepare(case: Case) -> NDArray[np.float16] | str:
        path = folder / f"{case.key}.npy"
        try:
            if not path.is_file():
                image = load(case)
                why = check_image(image)
                if why is not None:
                    return why
                grid = on_grid(image, axes, settings.side(axes))
                with replacing(path) as temporary, temporary.open("wb") as file:
                    np.save(file, grid.astype(np.float16))
            found: NDArray[np.float16] = np.load(path, mmap_mode="r", allow_pickle=False)
        except NO_CASE_TO_BLAME:
            raise
        except Exception as error:  # whatever one file brings, the others are still trained on
            return str(error).strip() or type(error).__name__
        return found

    grids: list[tuple[str, NDArray[np.float16]]] = []
    left_out: list[list[str]] = []
    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as readers:
        for start in range(0, len(cases), _AT_ONCE):
            progress.update(start / len(cases), f"Reading image {start + 1} of {len(cases)}")
            some = cases[start : start + _AT_ONCE]
            for case, found in zip(some, readers.map(prepare, some), strict=True):
                if isinstance(found, str):
                    left_out.append([case.key, found])
                    progress.note(f"Left out of the autoencoder's training: {case.name}: {found}")
                else:
                    grids.append((case.key, found))
    if not grids:
        first = f" The first: {left_out[0][1]}" if left_out else ""
        raise InputError(
            f"None of the {len(cases)} images of the pool can be used, so no autoencoder was "
            f"trained.{first}"
        )
    return grids, left_out


def _hash(keys: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(sorted(keys)).encode()).hexdigest()
