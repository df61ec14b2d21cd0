"""Shards of cases and what comes of them, as files that several machines see.

The folder of one work holds:

    work.json             what is done
    shards/<key>.json     the cases of a shard, and where their images are
    done/<key>.json       what came of a case
    errors/<shard>.json   why a shard ended early, if it could say so
    verified/<shard>.json what it learnt of the image files
    kept/<shard>/         what a shard keeps of the parts of a case
    logs/                 what the tasks said

Every file is written atomically; no file has two writers.
"""

import json
import shutil
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ActiveSeedLib import errors
from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.executor.work import Item, Outcome, Place, Reader, Work, digest
from ActiveSeedLib.files import needing_disk, write_json
from ActiveSeedLib.progress import Progress

KEPT_SECONDS = 7 * 24 * 3600.0
"""So long the outcomes of work that nobody goes on with are kept."""

WORKS = Path("cache", "shards")
"""Where a project's works have their folders."""

_FOLDERS = ("shards", "done", "errors", "verified", "kept", "logs")

Images = dict[str, Any]
"""Where the images of a shard's cases are; plain values."""


@dataclass(frozen=True)
class Shard:
    """Some cases that one task works on, one after another."""

    items: tuple[Item, ...]
    tries: int = 0

    @property
    def key(self) -> str:
        """32 hexadecimal digits that stand for its cases."""
        return digest([item.key for item in self.items])


def cut(items: Sequence[Item], count: int) -> list[Shard]:
    """Return `items`, in their order, as `count` shards of about equal size, or fewer."""
    count = max(1, min(count, len(items)))
    edges = [round(number * len(items) / count) for number in range(count + 1)]
    return [Shard(tuple(items[start:end])) for start, end in pairwise(edges)]


class Folder:
    """The files of one work.

    Args:
        root: the folder; made when it is first written to.

    Attributes:
        project: the folder of the project that it is of.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root.parents[2]
        self.logs = root / "logs"
        self.verified = root / "verified"
        self._seen: set[str] = set()

    # -- of whoever asks for the work -------------------------------------------------------------

    def write_work(self, work: Work) -> None:
        """Make the folders, below that of the project, and write down what is done."""
        with needing_disk(self.root):
            for folder in reversed(self.root.relative_to(self.project).parents[:-1]):
                (self.project / folder).mkdir(exist_ok=True)
            for folder in (self.root, *(self.root / name for name in _FOLDERS)):
                folder.mkdir(exist_ok=True)
        write_json(self.root / "work.json", {"kind": work.kind, "values": work.to_json()})

    def write_shard(self, shard: Shard, images: Images) -> None:
        """Write down a shard, and forget why it ended earlier."""
        items = [item.to_json() for item in shard.items]
        self._error(shard.key).unlink(missing_ok=True)
        write_json(self.root / "shards" / f"{shard.key}.json", {"items": items, "images": images})

    def new_outcomes(self, wanted: Collection[str]) -> list[tuple[str, Outcome]]:
        """Return those outcomes of items, by key, that are wanted and were not returned before."""
        try:
            names = [path.name for path in (self.root / "done").iterdir()]
        except FileNotFoundError:
            return []
        new = {name[:-5] for name in names if name.endswith(".json")} - self._seen
        keys = sorted(key for key in new if key in wanted)
        self._seen.update(keys)
        return [(key, _read_outcome(self._done(key))) for key in keys]

    def forget_problems(self) -> None:
        """Let cases that could not be worked on be tried again."""
        for path in (self.root / "done").glob("[!.]*.json"):
            if _read_outcome(path).problem is not None:
                path.unlink(missing_ok=True)

    def error_of(self, shard: Shard) -> ActiveSeedError | str | None:
        """Return why a shard ended early: an error that another try would meet too, or words."""
        try:
            found = json.loads(self._error(shard.key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        kind = getattr(errors, found["kind"], None)
        if isinstance(kind, type) and issubclass(kind, ActiveSeedError):
            return kind(found["message"])
        return f"{found['kind']}: {found['message']}"

    def remove(self) -> None:
        """Remove all files: every outcome is kept elsewhere."""
        shutil.rmtree(self.root, ignore_errors=True)

    def remove_old_neighbours(self) -> None:
        """Remove the files of other work that nobody has gone on with for a week."""
        for other in self.root.parent.glob("*"):
            with suppress(OSError):
                if other != self.root and time.time() - other.stat().st_mtime > KEPT_SECONDS:
                    shutil.rmtree(other, ignore_errors=True)

    @classmethod
    def of_work(cls, project: Path, key: str) -> "Folder":
        """Return the files of the work `key` in the folder of a project."""
        return cls(project / WORKS / key)

    def kept(self) -> list[Path]:
        """Return the folders of what shards kept of the parts of cases."""
        return sorted((self.root / "kept").glob("*/*"))

    # -- of a task --------------------------------------------------------------------------------

    def read_work(self) -> tuple[str, dict[str, Any]]:
        """Return the kind of the work and the values that make it."""
        found = json.loads((self.root / "work.json").read_text(encoding="utf-8"))
        return found["kind"], found["values"]

    def read_shard(self, key: str) -> tuple[Shard, Images]:
        """Return a shard, and where its images are."""
        text = (self.root / "shards" / f"{key}.json").read_text(encoding="utf-8")
        found = json.loads(text)
        return Shard(tuple(Item.from_json(one) for one in found["items"])), found["images"]

    def do(self, shard: Shard, work: Work, load: Reader) -> None:
        """Work on those cases of a shard that nothing came of yet, and write what comes of each."""
        left = [item for item in shard.items if not self._done(item.key).exists()]
        keys = {item.case.key: item.key for item in left}
        if left:
            kept = self.root / "kept" / shard.key
            with needing_disk(kept):
                kept.mkdir(exist_ok=True)
            place = Place(load, Progress(), self.project, kept)
            for outcome in work.do(left, place):
                write_json(self._done(keys[outcome.key]), outcome.to_json())

    def record_error(self, key: str, error: BaseException) -> None:
        """Write down why a shard ended early."""
        words = str(error) or "no reason given"
        write_json(self._error(key), {"kind": type(error).__name__, "message": words})

    def _done(self, key: str) -> Path:
        return self.root / "done" / f"{key}.json"

    def _error(self, key: str) -> Path:
        return self.root / "errors" / f"{key}.json"


def _read_outcome(path: Path) -> Outcome:
    return Outcome.from_json(json.loads(path.read_text(encoding="utf-8")))
