"""What a project tells about its cases, label maps, rounds and models: plain, frozen facts."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from ActiveSeedLib.pool.case import Case


class Status(StrEnum):
    """Where a case stands."""

    UNLABELLED = "unlabelled"
    SUGGESTED = "suggested"
    IN_PROGRESS = "in_progress"
    LABELLED = "labelled"
    SKIPPED = "skipped"
    EXCLUDED = "excluded"
    TEST = "test"


@dataclass(frozen=True)
class CaseRecord:
    """One case with what the project knows about it.

    Attributes:
        case: the image.
        status: where it stands.
        round: the round that suggested it, or None.
        seconds: annotation time so far.
        available: whether the last look at the images folder found its file.
        problem: why it cannot be used, in one sentence, or None.
        note: what is odd about it, in one sentence, or None; it can be used.
        stem: the safe, unique file name (without suffix) of its label map, predictions and
            thumbnail.
        label: the version of its label map, or None if it has none (a test case may have one).
        held_out: whether it is, or was, a test case: nothing is ever trained on it.
    """

    case: Case
    status: Status
    round: int | None
    seconds: float
    available: bool
    problem: str | None
    note: str | None
    stem: str
    label: int | None
    held_out: bool


class CaseRow(NamedTuple):
    """One line of a list of cases: what a front end shows of a `CaseRecord` without its image.

    A plain tuple, because ten thousand of them are made while somebody waits.

    Attributes:
        labelled: whether it has a label map, finished or not.
        queued: whether it waits for its label map now.
        slices: those that are to be labelled (from 0), where a project takes slices.
    """

    key: str
    name: str
    status: Status
    round: int | None
    seconds: float
    problem: str | None
    note: str | None
    available: bool
    labelled: bool
    held_out: bool
    queued: bool
    slices: tuple[int, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether its image was found and can be read, as far as is known."""
        return self.available and self.problem is None


@dataclass(frozen=True)
class PoolChange:
    """What a new look at the images folder changed: the keys of the cases concerned."""

    added: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()


@dataclass(frozen=True)
class SavedLabel:
    """The label map of a case as it now lies on disk.

    Attributes:
        voxels: voxels of each value, 0 (background) included.
    """

    key: str
    version: int
    path: Path
    sha256: str
    saved: str
    source: str
    voxels: dict[int, int]


@dataclass(frozen=True)
class LabelVersion:
    """One version of a case's label map; `path` is None when no copy of it is left."""

    version: int
    saved: str
    source: str
    seconds: float | None
    sha256: str
    path: Path | None
    current: bool


@dataclass(frozen=True)
class Pick:
    """A selected case, in the order of selection (`position` from 1), and why."""

    position: int
    key: str
    reason: str
    why: dict[str, Any]


@dataclass(frozen=True)
class Round:
    """One selection with its provenance."""

    number: int
    strategy: str
    parameters: dict[str, Any]
    seed: int
    provenance: dict[str, Any]
    created: str
    size: int


@dataclass(frozen=True)
class QueueItem:
    """A case that waits for its label map; `pick` is None when the user chose it by hand."""

    record: CaseRecord
    pick: Pick | None

    @property
    def reason(self) -> str:
        """Why the case is in the queue, in one sentence."""
        return self.pick.reason if self.pick else "Chosen by hand."


@dataclass(frozen=True)
class ModelRecord:
    """A trained, or half-trained, model.

    Attributes:
        state: "training", "finished" or "abandoned".
        folder: where its weights, checkpoints and log lie.
        scores: a split ("test", …) → {"means": {...}, "cases": [{...}, ...]}.
    """

    id: str
    state: str
    settings: dict[str, Any]
    provenance: dict[str, Any]
    started: str
    finished: str | None
    metrics: dict[str, Any]
    folder: Path
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class MapRecord:
    """A 2-D map of the pool: the position of each case by key, and how it was computed."""

    name: str
    created: str
    facts: dict[str, Any]
    points: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Event:
    """One line of the project's journal."""

    at: str
    event: str
    facts: dict[str, Any]
