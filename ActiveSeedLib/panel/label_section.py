"""The Label section: the open case, its segments in the Segment Editor, and saving."""

from typing import Any

import qt
import slicer

from ActiveSeedLib.app.clock import Clock
from ActiveSeedLib.panel.autosave import MINUTES, AutoSave
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.panel.shortcuts import Shortcuts
from ActiveSeedLib.panel.stage import Stage
from ActiveSeedLib.panel.uncertainty_row import UncertaintyRow
from ActiveSeedLib.scene.case import SceneCase
from ActiveSeedLib.scene.opening import REPLACE
from ActiveSeedLib.scene.saving import Then

DRAFT_MINUTES = "ActiveSeed/DraftMinutes"


class LabelSection(Section):
    """Shows the case on the desk, and passes on what the user wants done with it.

    Attributes:
        desk: the open case.
        autosave: has its drafts written.
        opened: emits (key of the case that is open now or None, key of the one before or None).
    """

    NAME = "Label"

    def build(self) -> None:
        """Connect the widgets; nothing is open."""
        ui = self.ui
        self._stage = Stage(self.panel, ui)
        self.desk = self._stage.desk
        self.opened = self.desk.opened_changed
        self.opened.connect(self._on_opened)
        self.opened.connect(self.panel.queue.case_opened)
        self._uncertainty = UncertaintyRow(ui, self.desk)
        self.desk.changed.connect(self._show_case)
        self.autosave = AutoSave(self.desk.drafts)
        ui.startButton.clicked.connect(self._on_start_over)
        ui.predictionButton.clicked.connect(self._on_new_prediction)
        ui.saveButton.clicked.connect(self._on_save)
        ui.saveNextButton.clicked.connect(self._on_save_next)
        ui.nextSliceButton.clicked.connect(self._on_next_slice)
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
                "N": self._on_next_slice,
            },
        )
        self._show_case()

    @property
    def key(self) -> str | None:
        """The open case, or None."""
        return self.desk.key

    @property
    def case(self) -> SceneCase | None:
        """The nodes of the open case, or None."""
        return self.desk.case

    @property
    def clock(self) -> Clock:
        """Counts the time that the user works on the case."""
        return self.desk.clock

    # -- what the panel tells ---------------------------------------------------------------------

    def show_project(self) -> None:
        """Show that nothing is open, or nothing at all without a project."""
        self.widget.setVisible(self.panel.session is not None)
        self._show_case()

    def show_cases(self) -> None:
        """Offer a prediction that is newer than the one the work began with."""
        self.ui.predictionButton.setVisible(self.desk.has_newer_prediction)

    def enter(self) -> None:
        """Take the keys and the mouse."""
        self._stage.enter()
        self._shortcuts.enable()

    def exit(self) -> None:
        """Keep a draft, and leave keys and mouse to the other module."""
        self._shortcuts.disable()
        self._stage.exit()
        with self.panel.guarded():
            self.desk.keep()
        self.desk.clock.stop()

    def close(self) -> None:
        """Let go; the panel has closed the project, and with it the case."""
        self._shortcuts.close()
        self.autosave.close()
        self._stage.let_go()

    # -- what the panel and the user want ---------------------------------------------------------

    def open(self, key: str) -> None:
        """Open a case in place of the present one, whose changes are kept as a draft.

        Raises:
            ActiveSeedError: the image cannot be read, or the draft of the present case cannot be
                written; the present case stays open.
        """
        with slicer.util.RenderBlocker():
            self.desk.open(key)

    def leave(self, *, force: bool = False) -> None:
        """Close the case, if one is open; changes are kept as a draft.

        Args:
            force: close it even if the draft cannot be written, which is then said.

        Raises:
            ActiveSeedError: the draft cannot be written; the case stays open.
        """
        self.desk.leave(force=force)

    def save(self, then: Then | None = None) -> None:
        """Save the label map; questions and oddities are said on top of the panel."""
        self._stage.assign_row.hide()
        self.desk.save(then)

    def save_and_next(self) -> None:
        """Save, and open the next case once this one counts as done."""
        self.save(self.panel.queue.open_next)

    def _show_case(self) -> None:
        """Show what is to know about the open case, or that none is open."""
        ui, opened = self.ui, self.desk.opened
        ui.noCaseLabel.setVisible(opened is None)
        ui.caseWidget.setVisible(opened is not None)
        ui.draftLabel.setText(self.desk.draft_words)
        self._uncertainty.show()
        if opened is None:
            return
        ui.slicesWidget.setVisible(bool(opened.slices))
        ui.slicesLabel.setText(self.desk.slice_words)
        ui.nextSliceButton.setEnabled(len(opened.slices) > 1)
        ui.caseLabel.setText(opened.name)
        ui.reasonLabel.setText(opened.reason)
        ui.sourceLabel.setText(opened.words)
        ui.startButton.setVisible(opened.instead is not None)
        if opened.instead is not None:
            ui.startButton.setText(REPLACE[opened.instead])

    # -- slots ------------------------------------------------------------------------------------

    def _on_opened(self, key: str | None, _before: str | None) -> None:
        if key is not None:
            self.panel.remember_open_case(key)

    def _on_start_over(self, *_args: Any) -> None:
        self._stage.assign_row.hide()
        with self.panel.guarded():
            self.desk.start_over()

    def _on_new_prediction(self, *_args: Any) -> None:
        self._stage.assign_row.hide()
        with self.panel.guarded():
            self.desk.take_prediction()
            self.show_cases()

    def _on_save(self, *_args: Any) -> None:
        self.save()

    def _on_save_next(self, *_args: Any) -> None:
        self.save_and_next()

    def _on_next_slice(self, *_args: Any) -> None:
        with self.panel.guarded():
            self.desk.next_slice()

    def _on_close_case(self, *_args: Any) -> None:
        with self.panel.guarded():
            self.leave()
            self.panel.remember_open_case(None)

    def _on_minutes(self, *_args: Any) -> None:
        minutes = float(self.ui.draftMinutesSpinBox.value)
        qt.QSettings().setValue(DRAFT_MINUTES, minutes)
        self.autosave.set_minutes(minutes)
