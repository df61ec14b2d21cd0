"""Per-case work as plain values: what is done, to which cases, and what comes of each."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import leads_out
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.version import __version__

Reader = Callable[[Case], Image]


@dataclass(frozen=True)
class Item:
    """One case to work on.

    Attributes:
        case: a case or, where a project takes them, a slice.
        extra: what else the work needs to know of it, such as where its files belong; plain values.
    """

    case: Case
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """32 hexadecimal digits, equal where content and all else that is known are."""
        return digest([self.case.key, self.extra])

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values that go into JSON."""
        return {"case": self.case.to_json(), "extra": self.extra}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Item":
        """Return the item that `to_json` gave as `values`."""
        return cls(Case.from_json(values["case"]), values["extra"])


@dataclass(frozen=True)
class Outcome:
    """What came of one case.

    Attributes:
        key: of the case.
        facts: what was found out; plain values.
        vector: [D], where there is one.
        problem: why the case could not be worked on, in one sentence.
    """

    key: str
    facts: dict[str, Any] = field(default_factory=dict)
    vector: NDArray[np.float32] | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values that go into JSON; the numbers stay exactly what they are."""
        vector = None if self.vector is None else [float(value) for value in self.vector]
        return {"key": self.key, "facts": self.facts, "vector": vector, "problem": self.problem}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Outcome":
        """Return the outcome that `to_json` gave as `values`."""
        vector = values["vector"]
        array = None if vector is None else np.array(vector, dtype=np.float32)
        return cls(values["key"], values["facts"], array, values["problem"])


@dataclass(frozen=True)
class Place:
    """Where a work is done.

    Attributes:
        load: reads the image of a case; raises `ActiveSeedError`.
        progress: told what is done, and asked to stop between cases at least.
        root: the project's folder, which may have another path on another machine.
        kept: where results of parts of a case may be kept.
    """

    load: Reader
    progress: Progress
    root: Path
    kept: Path

    def file(self, name: str) -> Path:
        """Return a file of the project by its name below its folder; see `below`."""
        return below(self.root, name)


class Work(Protocol):
    """Something that is done to each case of a pool, whatever is done to the others.

    Attributes:
        kind: its name among all kinds of work.
        doing: what is done to a case, as "Predicting".
    """

    @property
    def kind(self) -> str:
        """Its name among all kinds of work."""

    @property
    def doing(self) -> str:
        """What is done to a case, in a word: "Predicting"."""

    @property
    def device(self) -> str:
        """Where it computes: "auto", "cpu" or "cuda"."""

    def to_json(self) -> dict[str, Any]:
        """Return what another process needs to make it again; plain values."""

    def decides(self) -> dict[str, Any]:
        """Return what decides the outcomes, such as a model's checksum; plain values."""

    def do(self, items: Sequence[Item], place: Place) -> Iterator[Outcome]:
        """Yield what comes of each item, in any order; one bad case never stops it.

        Whatever an outcome speaks of is durable when it is yielded.

        Args:
            items: each of another case.
            place: where it is done.

        Raises:
            InputError: no case can be worked on in this way.
            CancelledError: through the progress.
        """


def below(root: Path, name: str) -> Path:
    """Return the file called `name` below the folder `root`.

    Raises:
        InputError: the name leads out of it: the work's files were written by somebody else.
    """
    if leads_out(name):
        raise InputError(
            f"The work that {root} asks for names the file {name!r}, which leads out of the "
            "project; ActiveSeed writes none such, so do not trust this project."
        )
    return root / name


def digest(value: Any) -> str:
    """Return 32 hexadecimal digits that stand for a plain value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def work_key(work: Work) -> str:
    """Return 32 hexadecimal digits, equal where kind, all that decides outcomes and version are."""
    return digest([work.kind, work.decides(), __version__])
