"""The open case: its image in the slice views, its segments in the Segment Editor, and saving."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import qt
import slicer

from ActiveSeedLib.app.clock import Clock
from ActiveSeedLib.app.session import StartingLabel
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.panel import views
from ActiveSeedLib.panel.assign_row import Answer, AssignRow
from ActiveSeedLib.panel.autosave import MINUTES, AutoSave, Write
from ActiveSeedLib.panel.editor import Editor
from ActiveSeedLib.panel.node_watch import NodeWatch
from ActiveSeedLib.panel.notice import Action
from ActiveSeedLib.panel.opening import (
    REPLACE,
    SOURCES,
    Opened,
    newer_prediction,
    open_case,
    starting_label,
)
from ActiveSeedLib.panel.saving import Saving, Then
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.panel.shortcuts import Shortcuts
from ActiveSeedLib.panel.uncertainty_row import UncertaintyRow
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.scene.case import SceneCase
from ActiveSeedLib.scene.drafts import snapshot
from ActiveSeedLib.scene.overlay import jump_to
from ActiveSeedLib.scene.segments import set_label
from ActiveSeedLib.scene.volumes import geometry_of, ijk_to_ras
from ActiveSeedLib.signals import Signal

DRAFT_MINUTES = "ActiveSeed/DraftMinutes"


class LabelSection(Section):
    """Opens a case, keeps what the user draws, and saves it.

    Attributes:
        opened: emits (key of the case that is open now or None, key of the one before or None).
        clock: counts the time that the user works on the case.
    """

    NAME = "Label"

    def build(self) -> None:
        """Connect the widgets; nothing is open."""
        ui = self.ui
        self.opened = Signal()
        self.opened.connect(self.panel.queue.case_opened)
        self.clock = Clock()
        self._opened: Opened | None = None
        self._active = False
        self._said = ""
        self._assign_row = AssignRow(ui)
        self._uncertainty = UncertaintyRow(ui, self._touch, self.panel.guarded)
        self._lost: str | None = None  # the case whose nodes are being removed
        self._rest: SceneCase | None = None  # what is left of it
        self.editor = Editor(ui.editorWidget)
        self.autosave = AutoSave(
            self._take_draft, self._touch, self._draft_written, self.panel.guarded
        )
        self._view_watch = views.ViewWatch(self._touch)
        self._node_watch = NodeWatch(self._on_scene_closes, self._on_node_goes)
        ui.startButton.clicked.connect(self._on_start_over)
        ui.predictionButton.clicked.connect(self._on_new_prediction)
        ui.saveButton.clicked.connect(self._on_save)
        ui.saveNextButton.clicked.connect(self._on_save_next)
        ui.closeCaseButton.clicked.connect(self._on_close_case)
        minutes = float(qt.QSettings().value(DRAFT_MINUTES, MINUTES))
        ui.draftMinutesSpinBox.setValue(round(minutes))
        self.autosave.set_minutes(minutes)
        ui.draftMinutesSpinBox.valueChanged.connect(self._on_minutes)
        self._shortcuts = Shortcuts(
            self.widget,
            {
                "Ctrl+S": self._on_save,
                "Ctrl+Shift+S": self._on_save_next,
                "U": self._uncertainty.toggle,
            },
        )
        self._show_case()

    @property
    def key(self) -> str | None:
        """The open case, or None."""
        return self._opened.case.key if self._opened is not None else None

    @property
    def case(self) -> SceneCase | None:
        """The nodes of the open case, or None."""
        return self._opened.case if self._opened is not None else None

    # -- what the panel tells ---------------------------------------------------------------------

    def show_project(self) -> None:
        """Show that nothing is open, or nothing at all without a project."""
        self.widget.setVisible(self.panel.session is not None)
        self._show_case()

    def show_cases(self) -> None:
        """Offer a prediction that is newer than the one the work began with."""
        session, opened = self.panel.session, self._opened
        newer = opened is not None and session is not None and newer_prediction(session, opened)
        self.ui.predictionButton.setVisible(bool(newer))

    def enter(self) -> None:
        """Take the keys and the mouse."""
        self._active = True
        self.editor.enter()
        if self._opened is not None:
            self._view_watch.start()
            self._touch()
        self._shortcuts.enable()

    def exit(self) -> None:
        """Keep a draft, and leave keys and mouse to the other module."""
        self._active = False
        self._shortcuts.disable()
        self._view_watch.stop()
        self.editor.exit()
        with self.panel.guarded():
            self._keep()
        self.clock.stop()

    def close(self) -> None:
        """Let go; the panel has closed the project, and with it the case."""
        self._shortcuts.close()
        self._forget()
        self._node_watch.stop()

    # -- opening and leaving ----------------------------------------------------------------------

    def open(self, key: str) -> None:
        """Open a case in place of the present one, whose changes are kept as a draft.

        Raises:
            ActiveSeedError: the image cannot be read, or the draft of the present case cannot be
                written; the present case stays open.
        """
        session, before = self.panel.session, self.key
        if session is None or key == before:
            return
        image = session.load_image(key)
        self._close_case()
        try:
            with slicer.util.RenderBlocker():
                self._begin(open_case(session, key, image))
        finally:
            self._show_case()
            self._uncertainty.show(self._opened)
        self._uncertainty.jump()
        self.panel.remember_open_case(key)
        self.opened.emit(key, before)
        self.panel.cases_changed()

    def _begin(self, opened: Opened) -> None:
        """Show the nodes of a case, and watch what happens to them."""
        self._opened, case = opened, opened.case
        views.show_volume(case.volume)
        self.editor.show(case.segmentation, case.volume)
        self.clock.start(case.key)
        self.autosave.start(case.segmentation)
        self._node_watch.start([case.volume, case.segmentation])
        if self._active:
            self._view_watch.start()
        if opened.note:
            self.say(opened.note)

    def leave(self, *, force: bool = False) -> None:
        """Close the case, if one is open; changes are kept as a draft.

        Args:
            force: close it even if the draft cannot be written, which is then said.

        Raises:
            ActiveSeedError: the draft cannot be written; the case stays open.
        """
        before = self.key
        if before is None:
            return
        self._close_case(force)
        self._show_case()
        self.opened.emit(None, before)
        self.panel.cases_changed()

    def _close_case(self, force: bool = False) -> None:
        if self._opened is not None:
            with self.panel.guarded() if force else nullcontext():
                self._keep()
            case = self._opened.case
            self._forget()
            case.close()

    def _keep(self) -> None:
        """Write the draft if there are changes, and the time of work."""
        session, key = self.panel.session, self.key
        if session is None or key is None:
            return
        self.autosave.write_now()
        if self._opened is not None and self._opened.is_reset and not self.autosave.is_changed:
            session.discard_draft(key)
        self._keep_time()

    def _touch(self) -> None:
        """Count the time; work on the case in another module counts from its first stroke on."""
        if self.clock.key is None and self.key is not None:
            self.clock.start(self.key)
        self.clock.touch()

    def _keep_time(self) -> None:
        session, key = self.panel.session, self.key
        seconds = self.clock.take()
        if session is not None and key is not None and seconds:
            session.add_seconds(key, seconds)

    def _forget(self) -> None:
        """Let go of the nodes of the case; they may be about to vanish."""
        self._node_watch.stop()
        self._view_watch.stop()
        self.autosave.stop()
        self.clock.stop()
        self.editor.clear()
        self._opened = None
        self._uncertainty.show(None)
        self._assign_row.hide()
        if self.panel.notice_text == self._said:
            self.panel.clear_notice()

    # -- saving -----------------------------------------------------------------------------------

    def save(self, then: Then | None = None) -> None:
        """Save the label map; questions and oddities are said on top of the panel."""
        self._touch()
        self._assign_row.hide()
        Saving(self, then).go_on()

    def save_and_next(self) -> None:
        """Save, and open the next case once this one counts as done."""
        self.save(self.panel.queue.open_next)

    def saved(self) -> None:
        """Note that the label map was saved as it is now."""
        self.autosave.saved()
        if self._opened is not None:
            self._opened.is_reset = False
            self._opened.instead = None
        self._keep_time()
        self._show_case()
        self.panel.cases_changed()

    def say(self, text: str, actions: Sequence[Action] = ()) -> None:
        """Say something about the open case on top of the panel; it goes with the case."""
        self._said = text
        self.panel.notice(text, "warning", actions)

    def ask_for_value(self, name: str, answer: Answer) -> None:
        """Ask which structure of the schema the segment `name` is; `answer` gets name and value."""
        if self.panel.session is not None:
            self._assign_row.ask(name, self.panel.session.schema.segments, answer)

    def _take_draft(self) -> Write:
        """Copy what the segments hold, and return what writes it."""
        session, case = self.panel.session, self.case
        assert session is not None
        assert case is not None
        return partial(snapshot(case.segmentation).write, session.draft_path(case.key))

    def _draft_written(self) -> None:
        self.ui.draftLabel.setText(f"Draft kept at {time.strftime('%H:%M')}.")

    # -- going about the case ---------------------------------------------------------------------

    def jump_to_voxel(self, ijk: tuple[int, int, int]) -> None:
        """Show a voxel of the image in all slice views."""
        case = self.case
        if case is not None:
            r, a, s, _ = ijk_to_ras(geometry_of(case.volume)) @ (*ijk, 1.0)
            jump_to(slicer.mrmlScene, (r, a, s))

    def _replace(self, start: StartingLabel) -> None:
        """Let the segments hold `start`; undo brings back what they hold now."""
        session, case = self.panel.session, self.case
        if session is None or case is None:
            return
        image = start.image
        if image is None:
            geometry = geometry_of(case.volume)
            image = Image(np.zeros(geometry.shape, np.uint8), geometry)
        self.editor.save_state()
        set_label(case.segmentation, case.volume, session.schema, image)

    def _show_case(self) -> None:
        """Show what is to know about the open case, or that none is open."""
        ui, opened = self.ui, self._opened
        ui.noCaseLabel.setVisible(opened is None)
        ui.caseWidget.setVisible(opened is not None)
        self._assign_row.hide()
        ui.draftLabel.setText("")
        if opened is None:
            return
        ui.caseLabel.setText(opened.name)
        ui.reasonLabel.setText(opened.reason)
        ui.sourceLabel.setText(opened.words)
        ui.startButton.setVisible(opened.instead is not None)
        if opened.instead is not None:
            ui.startButton.setText(REPLACE[opened.instead])

    # -- slots ------------------------------------------------------------------------------------

    def _on_start_over(self, *_args: Any) -> None:
        session, opened = self.panel.session, self._opened
        if session is None or opened is None:
            return
        with self.panel.guarded():
            start = starting_label(session, opened.case.key)
            self._replace(start)
            opened.words = SOURCES[start.source]
            opened.instead, opened.is_reset = None, True
            self.autosave.saved()  # it is what was saved, or predicted, again
            self._show_case()

    def _on_new_prediction(self, *_args: Any) -> None:
        session, opened = self.panel.session, self._opened
        if session is None or opened is None:
            return
        with self.panel.guarded():
            start = session.predicted_label(opened.case.key)
            if start.note is not None:
                raise InputError(start.note)
            self._replace(start)
            opened.words, opened.model = SOURCES[start.source], start.model
            opened.uncertainty = session.uncertainty(opened.case.key)
            self._uncertainty.show(opened)
            self._show_case()
            self.show_cases()

    def _on_save(self, *_args: Any) -> None:
        self.save()

    def _on_save_next(self, *_args: Any) -> None:
        self.save_and_next()

    def _on_close_case(self, *_args: Any) -> None:
        with self.panel.guarded():
            self.leave()
            self.panel.remember_open_case(None)

    def _on_minutes(self, *_args: Any) -> None:
        minutes = float(self.ui.draftMinutesSpinBox.value)
        qt.QSettings().setValue(DRAFT_MINUTES, minutes)
        self.autosave.set_minutes(minutes)

    def _on_scene_closes(self) -> None:
        """Keep the work while the nodes are still there."""
        self._lose()
        self.editor.scene_closes()

    def _on_node_goes(self) -> None:
        """Close the case whose image or segments the user deletes; the work is kept."""
        case = self.case
        self._lose()
        self._rest = case

    def _lose(self) -> None:
        """Keep the work and let go of the nodes; the rest follows when they are gone."""
        self._lost = self.key
        with self.panel.guarded():
            self._keep()
        self._forget()
        qt.QTimer.singleShot(0, self._on_lost)

    def _on_lost(self, *_args: Any) -> None:
        case, self._rest = self._rest, None
        if case is not None:
            case.close()
        if self.key is None:
            self._show_case()
            self.opened.emit(None, self._lost)
            self.panel.cases_changed()
