"""A small work without images: it counts how often each case is worked on, in real processes."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.executor.shards import Folder
from ActiveSeedLib.executor.work import Item, Outcome, Place
from ActiveSeedLib.pool.case import Case, Geometry

NAME = "Testing.executor.counting"


def item(number: int) -> Item:
    """Return the case of that number."""
    name = f"case-{number:03d}"
    return Item(Case(f"{number:032x}", name, f"{name}.nii", "nifti", (f"{name}.nii",), GEOMETRY))


GEOMETRY = Geometry((3, 4, 5), (1.0, 0.1, 1 / 3), (-1e-3, 2.0, 1e9))


@dataclass(frozen=True)
class Counting:
    """Writes a line a case to a file for each process.

    Attributes:
        folder: where the lines go.
        deadly: names of cases that end their process.
        once: names of cases that end their process when they are first met.
        refused: why no case can be worked on; "" if they can.
    """

    folder: str
    deadly: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    refused: str = ""
    kind: ClassVar[str] = "count"
    doing: ClassVar[str] = "Counting"
    device: ClassVar[str] = "cpu"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def decides(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def do(self, items: Sequence[Item], place: Place) -> Iterator[Outcome]:
        if self.refused:
            raise InputError(self.refused)
        for one in items:
            name = one.case.name
            with (Path(self.folder) / name).open("a") as file:
                file.write(f"{os.getpid()}\n")
            if name in self.deadly or (name in self.once and self.times(name) == 1):
                print(f"{name} is too much for me", flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            number = int(one.case.key, 16)
            if number % 5 == 4:
                yield Outcome(one.case.key, problem=f"{name} is blank.")
            else:
                vector = np.array([number / 3, np.float32(1e-30)], dtype=np.float32)
                gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "")
                yield Outcome(one.case.key, {"third": number / 3, "gpus": gpus}, vector)

    def times(self, name: str) -> int:
        """Return how often a case was begun."""
        path = Path(self.folder) / name
        return len(path.read_text().splitlines()) if path.exists() else 0


def main() -> None:
    folder, key = Folder(Path(sys.argv[1])), sys.argv[2]
    try:
        _, values = folder.read_work()
        folder.do(folder.read_shard(key)[0], Counting(**values), lambda case: None)  # type: ignore[arg-type,return-value]
    except Exception as error:
        folder.record_error(key, error)
        raise


if __name__ == "__main__":
    main()
