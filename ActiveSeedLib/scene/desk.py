"""The case that is worked on: opened, kept as a draft, saved, closed; the same in every front end.

Nothing here may lose what the user drew: a case goes only after its draft was written, or by force.
"""

import time
from contextlib import nullcontext
from functools import partial

import numpy as np

from ActiveSeedLib.app.clock import Clock
from ActiveSeedLib.app.queue import slice_words
from ActiveSeedLib.app.session import StartingLabel
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_file
from ActiveSeedLib.pool.slices import slice_key, split_key
from ActiveSeedLib.scene.case import SceneCase
from ActiveSeedLib.scene.drafting import EVERY, DraftKeeper, Write
from ActiveSeedLib.scene.drafts import snapshot
from ActiveSeedLib.scene.front import Front
from ActiveSeedLib.scene.node_watch import NodeWatch
from ActiveSeedLib.scene.opening import (
    SOURCES,
    Opened,
    newer_prediction,
    open_case,
    starting_label,
)
from ActiveSeedLib.scene.overlay import (
    jump_to,
    remove_uncertainty,
    set_uncertainty_visible,
    slice_offset_ras,
)
from ActiveSeedLib.scene.saving import Saving, Then
from ActiveSeedLib.scene.segments import set_label
from ActiveSeedLib.scene.volumes import geometry_of, ijk_to_ras
from ActiveSeedLib.signals import Signal


class Desk:
    """Opens a case, keeps what the user draws, and saves it.

    Args:
        front: the front end that shows the case.
        draft_seconds: between two drafts of what was changed and not saved.

    Attributes:
        front: as above.
        opened: what is known about the open case, or None.
        clock: counts the time that the user works on the case.
        drafts: writes drafts; the front end calls its `poll` as often as that asks for.
        draft_words: when the last draft was written, in words; empty if none is of this case.
        is_uncertainty_shown: whether the uncertainty lies over the image.
        slice: the one (from 0) that was jumped to last, of those that are to be labelled; or None.
        opened_changed: emits (key of the case that is open now or None, key of the one before or
            None).
        changed: emitted when there may be something new to know about the open case.
    """

    def __init__(self, front: Front, *, draft_seconds: float = EVERY) -> None:
        self.front = front
        self.opened: Opened | None = None
        self.clock = Clock()
        self.draft_words = ""
        self.is_uncertainty_shown = False
        self.slice: int | None = None
        self.opened_changed, self.changed = Signal(), Signal()
        self.drafts = DraftKeeper(
            self._take_draft, self.touch, self._draft_written, front.guarded, draft_seconds
        )
        self._watch = NodeWatch(front.scene, self.lose, self._on_node_goes)
        self._lost: str | None = None  # the case whose nodes are being removed
        self._rest: SceneCase | None = None  # what is left of it

    @property
    def key(self) -> str | None:
        """The open case, or None."""
        return self.opened.case.key if self.opened is not None else None

    @property
    def unit(self) -> str | None:
        """The open case or, of one whose slices are to be labelled, the slice that is shown."""
        if self.key is None or self.slice is None:
            return self.key
        return slice_key(self.key, self.slice)

    @property
    def case(self) -> SceneCase | None:
        """The nodes of the open case, or None."""
        return self.opened.case if self.opened is not None else None

    # -- opening and leaving ----------------------------------------------------------------------

    def open(self, key: str, image: Image | None = None) -> None:
        """Open a case in place of the present one, whose changes are kept as a draft.

        Args:
            key: of the case, or of a slice of it, which is shown then. A case that is open already
                is not opened again, nor one that was skipped or excluded since its image was read.
            image: what `session.load_image` gave for it, if that was read before.

        Raises:
            ActiveSeedError: the image cannot be read, or the draft of the present case cannot be
                written: the present case stays open. Or the case cannot be used: none is open.
        """
        session, before = self.front.session, self.key
        key, at = split_key(key)
        if session is None or key == before:
            if at is not None:
                self._jump_to_slice(at)
            return
        if image is None:
            image = session.load_image(key)
        elif session.is_turned_away(key):
            return
        self._close_case()
        try:
            self._begin(open_case(self.front.scene, session, key, image))
        except BaseException:
            self._give_up()
            self._tell_opened(before)
            raise
        self.changed.emit()
        if at is not None or (self.opened is not None and self.opened.slices):
            self._jump_to_slice(at)
        else:
            self.jump_to_uncertain()
        self._tell_opened(before)
        if self.opened is not None and self.opened.note:
            self.front.say(self.opened.note)

    def _begin(self, opened: Opened) -> None:
        """Show the nodes of a case, and watch what happens to them."""
        self.opened, case = opened, opened.case
        self.draft_words = ""
        self.front.show_case(opened)
        self.clock.start(case.key)
        self.drafts.start(case.segmentation)
        self._watch.start([case.volume, case.segmentation])

    def _give_up(self) -> None:
        """Leave nothing of a case that cannot be shown."""
        case = self.case
        self._forget()
        if case is not None:
            case.close()
        self.changed.emit()

    def leave(self, *, force: bool = False) -> None:
        """Close the case, if one is open; changes are kept as a draft.

        Args:
            force: close it even if the draft cannot be written, which is then said.

        Raises:
            ActiveSeedError: the draft cannot be written; the case stays open.
        """
        before = self.key
        if before is not None:
            self._close_case(force)
            self.changed.emit()
            self._tell_opened(before)

    def lose(self) -> None:
        """Keep the work and let go of the nodes, which are being removed by somebody else."""
        self._lost = self.key
        self._settle()
        with self.front.guarded():
            self.keep()
        self._forget()
        self.front.later(self._on_lost)

    def keep(self) -> None:
        """Write the draft if there are changes, and the time of work.

        Raises:
            ActiveSeedError: the draft cannot be written; it stays due.
        """
        session, opened = self.front.session, self.opened
        if session is None or opened is None:
            return
        self.drafts.write_now()
        if opened.is_reset and not self.drafts.is_changed:
            session.discard_draft(opened.case.key)
        self._keep_time()

    def touch(self) -> None:
        """Count the time; work on the case after `clock.stop` counts from its first touch on."""
        if self.clock.key is None and self.key is not None:
            self.clock.start(self.key)
        self.clock.touch()

    def _keep_time(self) -> None:
        session, key = self.front.session, self.key
        seconds = self.clock.take()
        if session is not None and key is not None and seconds:
            session.add_seconds(key, seconds)

    def _close_case(self, force: bool = False) -> None:
        if self.opened is not None:
            self._settle()
            with self.front.guarded() if force else nullcontext():
                self.keep()
            case = self.opened.case
            self._forget()
            case.close()

    def _settle(self) -> None:
        """Let the segments hold what is being drawn; whatever goes wrong, they are kept."""
        with self.front.guarded():
            self.front.finish_stroke()

    def _forget(self) -> None:
        """Let go of the nodes of the case; they may be about to vanish."""
        self._watch.stop()
        self.drafts.stop()
        self.clock.stop()
        self.front.let_go()
        self.opened = None
        self.draft_words = ""
        self.is_uncertainty_shown = False
        self.slice = None

    def _tell_opened(self, before: str | None) -> None:
        if self.key != before:
            self.opened_changed.emit(self.key, before)
        self.front.cases_changed()

    def _on_node_goes(self) -> None:
        """Close the case whose image or segments the user deletes; the work is kept."""
        case = self.case
        self.lose()
        self._rest = case

    def _on_lost(self) -> None:
        case, self._rest = self._rest, None
        if case is not None:
            case.close()
        if self.key is None:
            self.changed.emit()
            self._tell_opened(self._lost)

    # -- saving -----------------------------------------------------------------------------------

    def save(self, then: Then | None = None) -> None:
        """Save the label map; what must be asked or told before is said by the front end.

        Args:
            then: called once the case counts as done.
        """
        self.touch()
        self._settle()
        Saving(self, then).go_on()

    def saved(self) -> None:
        """Note that the label map was saved as it is now."""
        self.drafts.saved()
        session = self.front.session
        if self.opened is not None and session is not None:
            self.opened.is_reset = False
            self.opened.instead = None
            self.opened.words = f"Saved at {time.strftime('%H:%M')}."
            self.opened.slices = session.slices_to_label(self.opened.case.key)
        self._keep_time()
        self._show_anew()
        self.front.cases_changed()

    def _take_draft(self) -> Write:
        """Copy what the segments hold, and return what writes it."""
        session, case = self.front.session, self.case
        assert session is not None
        assert case is not None
        return partial(snapshot(case.segmentation).write, session.draft_path(case.key))

    def _draft_written(self) -> None:
        self.draft_words = f"Draft kept at {time.strftime('%H:%M')}."
        self.changed.emit()

    def _show_anew(self) -> None:
        """Show what is known; an earlier draft says nothing any more."""
        self.draft_words = ""
        self.changed.emit()

    # -- beginning with something else ------------------------------------------------------------

    @property
    def has_newer_prediction(self) -> bool:
        """Whether a model has predicted the case since it was opened."""
        session, opened = self.front.session, self.opened
        return session is not None and opened is not None and newer_prediction(session, opened)

    def start_over(self) -> None:
        """Give up the draft for what the work would have begun with otherwise; undo brings it back.

        Raises:
            ActiveSeedError: that does not fit; the segments are as before.
        """
        session, opened = self.front.session, self.opened
        if session is None or opened is None:
            return
        start = starting_label(session, opened.case.key)
        self._replace(start)
        opened.words = SOURCES[start.source]
        opened.instead, opened.is_reset = None, True
        self.drafts.saved()  # it is what was saved, or predicted, again
        self._show_anew()

    def take_prediction(self) -> None:
        """Go on with what the latest model makes of the case; undo brings the segments back.

        Raises:
            ActiveSeedError: there is no prediction, or it cannot be used; nothing has changed.
        """
        session, opened = self.front.session, self.opened
        if session is None or opened is None:
            return
        start = session.predicted_label(opened.case.key)
        if start.note is not None:
            raise InputError(start.note)
        self._replace(start)
        opened.words, opened.model = SOURCES[start.source], start.model
        opened.uncertainty = session.uncertainty(opened.case.key)
        remove_uncertainty(self.front.scene)
        opened.case.uncertainty = None
        self.is_uncertainty_shown = False
        self._show_anew()

    def _replace(self, start: StartingLabel) -> None:
        """Let the segments hold `start`; undo brings back what they hold now."""
        session, case = self.front.session, self.case
        assert session is not None
        assert case is not None
        image = start.image
        if image is None:
            geometry = geometry_of(case.volume)
            image = Image(np.zeros(geometry.shape, np.uint8), geometry)
        self._settle()
        self.front.save_state()
        set_label(case.segmentation, case.volume, session.schema, image)

    # -- going about the case ---------------------------------------------------------------------

    def jump_to_voxel(self, ijk: tuple[int, int, int]) -> None:
        """Show a voxel of the image in all slice views."""
        case = self.case
        if case is not None:
            r, a, s, _ = ijk_to_ras(geometry_of(case.volume)) @ (*ijk, 1.0)
            jump_to(self.front.scene, (r, a, s))

    def next_slice(self) -> None:
        """Go to the next slice that is to be labelled; from the last one to the first again."""
        opened = self.opened
        if opened is not None and opened.slices:
            later = [one for one in opened.slices if self.slice is not None and one > self.slice]
            self._jump_to_slice(later[0] if later else opened.slices[0])

    def _jump_to_slice(self, index: int | None) -> None:
        """Show a slice of the open case; with None the first that is to be labelled, if any is."""
        opened = self.opened
        if opened is None:
            return
        wanted = index if index is not None else next(iter(opened.slices), None)
        if wanted is None:
            return
        self.touch()
        _, position = slice_offset_ras(opened.case.volume, opened.slice_axis, wanted)
        jump_to(self.front.scene, position)
        self.slice = wanted
        self.changed.emit()

    @property
    def slice_words(self) -> str:
        """Which slices are to be labelled, in words; empty where the whole case is."""
        opened = self.opened
        if opened is None or not opened.slices:
            return ""
        of = len(opened.slices)
        if of > 1 and self.slice in opened.slices:
            place = opened.slices.index(self.slice) + 1
            return f"To label: {slice_words(opened.slices)} ({place} of {of} is shown)."
        return f"To label: {slice_words(opened.slices)}."

    def jump_to_uncertain(self) -> None:
        """Go to the slice that the model is least sure about, if a model has seen the case."""
        opened = self.opened
        if opened is None or opened.uncertainty is None:
            return
        self.touch()
        axis, index = opened.uncertainty.axis, opened.uncertainty.slice
        _, position = slice_offset_ras(opened.case.volume, axis, index)
        jump_to(self.front.scene, position)

    def show_uncertainty(self, shown: bool, image: Image | None = None) -> None:
        """Show or hide how unsure the model is; nothing happens if no model has seen the case.

        Args:
            shown: whether it shall lie over the image.
            image: what `read_file` gave for `opened.uncertainty.path`, if that was read before.

        Raises:
            ActiveSeedError: the file cannot be read, or does not fit.
        """
        opened = self.opened
        if opened is None or opened.uncertainty is None:
            return
        self.touch()
        if shown and opened.case.uncertainty is None:
            if image is None:
                image = read_file(opened.uncertainty.path)
            opened.case.add_uncertainty(image)
        set_uncertainty_visible(self.front.scene, shown)
        self.is_uncertainty_shown = shown
        self.changed.emit()
