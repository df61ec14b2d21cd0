"""The files through which a training's processes and the one that began them speak."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.children import last_line
from ActiveSeedLib.errors import ActiveSeedError, InputError
from ActiveSeedLib.files import needing_disk, write_json
from ActiveSeedLib.segmentation.device import is_out_of_memory
from ActiveSeedLib.segmentation.loop import Trained, Training
from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.segmentation.prepare import Prepared
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.tensor_files import read_tensors, save_tensors


class Exchange:
    """A folder beside the model: the task and its prepared cases, progress, errors, outcome."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "log.txt"
        self._task, self._stop = root / "task.json", root / "stop"
        self._progress, self._outcome = root / "progress.jsonl", root / "outcome.pt"
        self._heard = 0

    def write(self, training: Training, gpus: list[str], *, resume: bool) -> None:
        """Write what the processes need.

        Args:
            training: the task.
            gpus: one for each process, as in CUDA_VISIBLE_DEVICES; none on a CPU.
            resume: whether to go on from the checkpoint in the training's folder.
        """
        with needing_disk(self.root):
            self.root.mkdir()
            cases = [*training.cases, *training.validation]
            files = [self._write_case(case, number) for number, case in enumerate(cases)]
        task = {
            "plan": training.plan.to_json(),
            "settings": training.settings.to_json(),
            "device": training.device,
            "gpus": gpus,
            "classes": training.classes,
            "cases": files[: len(training.cases)],
            "validation": files[len(training.cases) :],
            "fingerprint": training.fingerprint,
            "resume": resume,
        }
        write_json(self._task, task)

    def read(self) -> dict[str, Any]:
        """Return the task's fields as they were written."""
        task: dict[str, Any] = json.loads(self._task.read_text(encoding="utf-8"))
        return task

    def training(self, task: dict[str, Any]) -> Training:
        """Return the task, its cases mapped from their files."""
        return Training(
            Plan.from_json(task["plan"]),
            TrainSettings.from_json(task["settings"]),
            task["device"],
            task["classes"],
            [self._read_case(one) for one in task["cases"]],
            [self._read_case(one) for one in task["validation"]],
            self.root.parent,
            task["fingerprint"],
        )

    def report(self, kind: str, values: dict[str, Any]) -> None:
        """Note something for the progress of the process that began this one."""
        with self._progress.open("a", encoding="utf-8") as file:
            file.write(json.dumps([kind, values]) + "\n")

    def new_reports(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what was reported since the last call."""
        if not self._progress.exists():
            return
        with self._progress.open("rb") as file:
            file.seek(self._heard)
            for line in file:
                if not line.endswith(b"\n"):  # it is being written
                    return
                self._heard += len(line)
                kind, values = json.loads(line)
                yield kind, values

    def ask_to_stop(self) -> None:
        """Have the processes keep a checkpoint and end."""
        self._stop.touch()

    def is_stopping(self) -> bool:
        """Return whether the processes are asked to stop."""
        return self._stop.exists()

    def record_error(self, rank: int, error: BaseException) -> None:
        """Note why a process ends early."""
        kind = "memory" if is_out_of_memory(error) else "other"
        if isinstance(error, ActiveSeedError):
            kind = "input" if isinstance(error, InputError) else "known"
        text = str(error).strip() or type(error).__name__
        write_json(self.root / f"error-{rank}.json", {"kind": kind, "text": text})

    def record_outcome(self, trained: Trained) -> None:
        """Note what the training gave."""
        content = {"epoch": trained.epoch, "history": json.dumps(trained.history)}
        save_tensors(self._outcome, {"weights": trained.weights, **content})

    def outcome(self) -> Trained:
        """Return what the training gave, or raise why it gave nothing."""
        if not self._outcome.exists():
            raise self._error()
        content = read_tensors(self._outcome, "a training", missing="", remedy="train again")
        return Trained(content["weights"], content["epoch"], json.loads(content["history"]))

    def _error(self) -> Exception:
        """Return why the processes ended early: what one failed with, not what that did to all."""
        paths = sorted(self.root.glob("error-*.json"), key=lambda path: path.stat().st_mtime_ns)
        found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        for kind in ("memory", "input", "known"):
            for one in found:
                if one["kind"] == kind:
                    return {"memory": MemoryError, "input": InputError}.get(kind, ActiveSeedError)(
                        one["text"]
                    )
        words = found[0]["text"] if found else last_line(self.log)
        return ActiveSeedError(
            f"A process of the training ended early ({words or 'it left no word'}): train again, "
            "and it goes on from the last checkpoint."
        )

    def _write_case(self, case: Prepared, number: int) -> dict[str, Any]:
        kept = getattr(case.image, "filename", None)  # beyond the limit of what memory holds
        image = Path(kept) if kept else self.root / f"{number}-image.npy"
        if not kept:
            np.save(image, case.image)
        np.save(self.root / f"{number}-labels.npy", case.labels)
        for value, places in enumerate(case.foreground):
            np.save(self.root / f"{number}-foreground-{value}.npy", places)
        return {
            "key": case.key,
            "patient": case.patient,
            "label_hash": case.label_hash,
            "image": str(image),
            "number": number,
            "values": len(case.foreground),
        }

    def _read_case(self, files: dict[str, Any]) -> Prepared:
        number, values = files["number"], range(files["values"])
        return Prepared(
            files["key"],
            files["patient"],
            _mapped(Path(files["image"])),
            _mapped(self.root / f"{number}-labels.npy"),
            files["label_hash"],
            tuple(_mapped(self.root / f"{number}-foreground-{value}.npy") for value in values),
        )


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
