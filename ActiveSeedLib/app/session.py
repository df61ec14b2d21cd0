"""One open project as a front end uses it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ActiveSeedLib.app.choices import Choices
from ActiveSeedLib.app.label_check import Finding, check_label, check_slices
from ActiveSeedLib.app.next_step import NextStep, next_step
from ActiveSeedLib.app.provenance import describe_rounds
from ActiveSeedLib.app.starting import (
    StartingLabel,
    Uncertainty,
    predicted_label,
    starting_label,
    uncertainty_of,
)
from ActiveSeedLib.errors import ImagesGoneError, InputError
from ActiveSeedLib.files import needing_disk
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.readers import read_image
from ActiveSeedLib.pool.slices import split_key
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import CaseRow, SavedLabel, Status
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.project.slices import SliceState

__all__ = ["CaseRow", "OpenCase", "Session", "StartingLabel", "Uncertainty"]

SETTINGS = "panel"
SET_ASIDE = "set aside"
OPEN_CASE = "open case"


@dataclass(frozen=True)
class OpenCase:
    """A case that somebody works on; `modality` is the scanner's word ("MR"), if it is known."""

    row: CaseRow
    geometry: Geometry
    reason: str
    modality: str | None


class Session:
    """A project that this front end holds, so that no other one writes to it.

    Every call is short, but for those that read or write an image (`load_image`, `starting_label`,
    `predicted_label`, `check` and `save`) and `provenance`, which grows with the rounds.

    Attributes:
        project: what it is made of.
        root: the project's folder.
        notes: sentences for the user about what was found when it was opened.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.root = project.root
        self.notes = list(project.notes)
        self._turned_away: set[str] = set()

    @classmethod
    def open(cls, root: Path) -> "Session":
        """Open the project in the folder `root`.

        An images folder that is not there is a note, not an error: lists, label maps and the map
        can be seen without it.

        Raises:
            ProjectLockedError: another program writes to it.
            InputError: there is no such folder, or it holds no project that can be opened.
        """
        root = Path(root)
        if not root.is_dir():
            what = "is a file" if root.is_file() else "is not there"
            raise InputError(
                f"The project folder {root} {what}: connect its disk, or choose another folder."
            )
        return cls(Project.open(root))

    def close(self) -> None:
        """Let others write to the project."""
        self.project.close()

    @property
    def schema(self) -> LabelSchema:
        """The segments to label."""
        return self.project.schema

    def job_params(self, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the parameters of a job on this project, which may join this session."""
        return {"project": str(self.root), "session": self.project.session, **(params or {})}

    def rows(self) -> list[CaseRow]:
        """Return all cases: the queue in its order, then the others in the pool's order."""
        rows = self.project.rows()
        if self.project.takes_slices:
            slices = self.project.slices_to_label()
            rows = [row._replace(slices=tuple(slices.get(row.key, ()))) for row in rows]
        queued = {row.key: row for row in rows if row.queued}
        first = [queued[key] for key in self.project.queue_order() if key in queued]
        return first + [row for row in rows if not row.queued]

    def row(self, key: str) -> CaseRow:
        """Return one case; `InputError` if there is none with this key."""
        return self.project.row(key)

    @property
    def noun(self) -> str:
        """What is suggested, in the plural: "cases" or "slices"."""
        return "slices" if self.project.takes_slices else "cases"

    def slices_to_label(self, key: str) -> tuple[int, ...]:
        """Return the slices of a case (from 0) that are to be labelled; () for a whole case."""
        return self._slices(key, SliceState.SUGGESTED)

    def _slices(self, key: str, state: SliceState) -> tuple[int, ...]:
        return tuple(one.slice_index for one in self.project.slices(key, state))

    def counts(self) -> dict[str, int]:
        """Return how many cases have each status, those without any included."""
        return self.project.counts()

    def reason(self, key: str) -> str:
        """Return why a case, or slice, is or was suggested; or where it stands, in words."""
        key, index = split_key(key)
        if index is not None:
            known = self.project.slices(key)
            return next((s.reason for s in known if s.slice_index == index), "Not suggested yet.")
        slices = self.project.slice_reasons(key)
        if slices:
            return slices
        pick = self.project.pick(key)
        if pick is not None:
            return pick.reason
        row = self.row(key)
        if row.held_out:
            return "Kept for testing: it scores the models and is never trained on."
        if row.queued:
            return "Chosen by hand."
        return "Labelled without a suggestion." if row.labelled else "Not suggested yet."

    def thumbnail(self, key: str) -> Path | None:
        """Return the case's small picture (PNG), if there is one yet."""
        path = self.project.thumbnail_path(key)
        return path if path.is_file() else None

    def next_case(self, after: str | None) -> str | None:
        """Return the case of the queue that comes after `after`, then from the top again.

        Cases whose image is missing or cannot be used are passed over. `after` need not be in the
        queue any more; it is returned only if it is, and alone. None where the queue is empty.
        """
        order = self.project.queue_order(also=after, usable=True)
        if after not in order:
            return order[0] if order else None
        place = order.index(after)
        others = order[place + 1 :] + order[:place]
        if others:
            return others[0]
        row = self.row(after)
        return after if row.queued and row.usable else None

    def load_image(self, key: str) -> Image:
        """Return the image of a case: KJI, finite.

        Raises:
            ImagesGoneError: the images folder is not there.
            UnreadableImageError: the file is gone, damaged, or has changed.
        """
        return self.reading(key)()

    def reading(self, key: str) -> Callable[[], Image]:
        """Return what reads the image of a case as `load_image` does, in any thread.

        The project is asked here; the returned function reads the file and nothing else.

        Raises:
            ImagesGoneError: the images folder is not there.
        """
        root = self.project.images_root
        if not root.is_dir():
            raise ImagesGoneError(
                f"The images folder {root} is not there: connect its disk, or choose the folder "
                "where the images are now."
            )
        self._turned_away.discard(key)
        return partial(read_image, root, self.project.case(key).case)

    def is_turned_away(self, key: str) -> bool:
        """Return whether a case was skipped or excluded after its image was asked for last.

        Reading takes a while; what the user wishes later counts.
        """
        return key in self._turned_away

    def start(self, key: str) -> OpenCase:
        """Note that somebody works on a case whose image is open now; return what is to know.

        A case that was not labelled yet is in progress from here on; one that has its label map
        keeps its status until it is saved anew, and so do excluded and test cases.
        """
        record = self.project.case(key)
        if record.status in (Status.SUGGESTED, Status.UNLABELLED, Status.SKIPPED):
            self.project.set_status(record.case.key, Status.IN_PROGRESS)
        return OpenCase(
            self.row(record.case.key),
            record.case.geometry,
            self.reason(record.case.key),
            record.case.facts.get("modality"),
        )

    def starting_label(self, key: str) -> StartingLabel:
        """Return what the work begins with; see `starting.starting_label`."""
        return starting_label(self.project, self.project.case(key))

    def predicted_label(self, key: str) -> StartingLabel:
        """Return what the latest model makes of a case, whether or not it has a label map."""
        return predicted_label(self.project, self.project.case(key))

    def predicting_model(self, key: str) -> str | None:
        """Return the latest model if the work on a case can begin with its prediction."""
        model = self.project.latest_model()
        if model is None or self.row(key).held_out:
            return None
        return model.id if self.project.prediction_path(key, model.id).is_file() else None

    def uncertainty(self, key: str) -> Uncertainty | None:
        """Return how unsure the latest model is about a case, if it has predicted it."""
        return uncertainty_of(self.project, self.project.case(key))

    def check(self, key: str, image: Image) -> list[Finding]:
        """Return what is odd about a label map before it counts as done.

        A structure is missed if more than half of the project's other label maps hold it; as long
        as there are none, every structure of the schema is. Where slices are to be labelled, only
        these are looked at.
        """
        case = self.project.case(key).case
        # Saved once more, they wait no longer; still nothing is missed elsewhere in the volume.
        slices = self.slices_to_label(key) or self._slices(key, SliceState.LABELLED)
        if slices:
            axis = self.project.slice_axis(case)
            return check_slices(image, case.geometry, self.schema, axis, slices)
        maps, uses = self.project.value_uses(besides=key)
        usual = {v for v in self.schema.values if not maps or uses.get(v, 0) > maps / 2}
        return check_label(image, case.geometry, self.schema, usual)

    def save(self, key: str, image: Image, seconds: float, done: bool) -> SavedLabel:
        """Save a label map at once; a different earlier one is backed up, the draft goes.

        Args:
            key: the case.
            image: KJI whole numbers on the case's own voxels.
            seconds: annotation time to add.
            done: whether it is finished; the case is in progress otherwise.
        """
        saved = self.project.save_label(key, image, seconds=seconds, source="user", done=done)
        self.discard_draft(key)
        return saved

    def draft_path(self, key: str) -> Path:
        """Return where unsaved work on a case is kept (`.seg.nrrd`); it need not exist."""
        return self.project.draft_path(key)

    def has_draft(self, key: str) -> bool:
        """Return whether there is unsaved work on a case."""
        return self.draft_path(key).is_file()

    def discard_draft(self, key: str) -> None:
        """Remove the unsaved work on a case, if there is any."""
        path = self.draft_path(key)
        with needing_disk(path):
            path.unlink(missing_ok=True)

    def skip(self, key: str) -> None:
        """Take a case out of the queue for now.

        One that has labelled slices keeps them; its other suggested slices are not asked for again.
        """
        key = self.row(key).key
        if self.project.give_up_slices(key):
            self._turned_away.add(key)
        else:
            self._set_aside(key, Status.SKIPPED)

    def exclude(self, key: str) -> None:
        """Take a case out of everything: it is not suggested, trained on or scored with."""
        self._set_aside(key, Status.EXCLUDED)

    def bring_back(self, key: str) -> None:
        """Put a skipped or excluded case back to where it was; others stay where they are."""
        row = self.row(key)
        if row.status not in (Status.SKIPPED, Status.EXCLUDED):
            return
        event = self.project.last_event(SET_ASIDE, row.key)
        before = Status(event.facts["from"]) if event else Status.LABELLED
        if row.held_out:
            before = Status.TEST
        elif before is Status.LABELLED and not row.labelled:
            before = Status.UNLABELLED
        self.project.set_status(row.key, before)
        self._turned_away.discard(row.key)

    def queue_by_hand(self, key: str) -> None:
        """Put a case at the end of the queue."""
        self.project.set_status(key, Status.SUGGESTED)

    def add_seconds(self, key: str, seconds: float) -> None:
        """Add annotation time to a case."""
        self.project.add_seconds(key, seconds)

    def remember_open_case(self, key: str | None) -> None:
        """Keep with the project which case is open (None: none is), for the next time."""
        self.project.change_settings({OPEN_CASE: key})

    def remembered_case(self) -> str | None:
        """Return the case that was open when the project was closed; it may be gone by now."""
        key = self.project.settings.get(OPEN_CASE)
        return key if isinstance(key, str) else None

    def what_next(self) -> NextStep:
        """Return what to do next."""
        return next_step(self.project)

    def choices(self) -> Choices:
        """Return what the user chose for the loop, or the defaults."""
        return Choices.from_json(self.project.settings.get(SETTINGS))

    def keep_choices(self, choices: Choices) -> None:
        """Keep what the user chose with the project."""
        self.project.change_settings({SETTINGS: choices.to_json()})

    def provenance(self, round_number: int | None = None) -> str:
        """Return where a round (by default: every round) came from, as text."""
        return describe_rounds(self.project, round_number)

    def _set_aside(self, key: str, status: Status) -> None:
        """Change the status and remember the one before, skipped and excluded apart."""
        row = self.row(key)
        self.project.set_status(row.key, status)
        self._turned_away.add(row.key)
        if row.status not in (Status.SKIPPED, Status.EXCLUDED):
            facts = {"key": row.key, "from": str(row.status), "to": str(status)}
            self.project.log(SET_ASIDE, facts)
