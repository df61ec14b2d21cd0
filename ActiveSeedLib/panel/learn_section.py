"""Training: its curves while it runs, what an unfinished one was, and what each round brought."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer

from ActiveSeedLib.app.advice import Advice, RoundScore, advise, write_scores_csv
from ActiveSeedLib.app.history import describe_unfinished, round_finished, training_history
from ActiveSeedLib.app.learning import (
    BY_ROUND,
    COLUMNS,
    CURVES,
    EMPTY,
    TRAIN,
    JobNotes,
    score_cells,
)
from ActiveSeedLib.app.steps import retrain_steps
from ActiveSeedLib.panel import export
from ActiveSeedLib.panel.plots import NO_WINDOW
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.scene.curve_plot import CurvePlot, LearningCurve

if TYPE_CHECKING:
    from ActiveSeedLib.project.records import ModelRecord
    from ActiveSeedLib.worker.stream import JobState

DRAW_EVERY = 300
"""Milliseconds between two looks of the live curves; a small training has many epochs a second."""
ROW_HEIGHT, ROWS_SHOWN = 24, 6  # pixels; rows without scrolling


class LearnSection(Section):
    """Trains, shows how it goes, and says what the rounds brought."""

    NAME = "Learn"

    def build(self) -> None:
        """Connect the widgets."""
        ui = self.ui
        self.advice: Advice | None = None
        self._unfinished: ModelRecord | None = None
        self._has_labels = False
        self._live: CurvePlot | None = None
        self._rounds: LearningCurve | None = None
        self._rounds_drawn: tuple[RoundScore, ...] = ()
        self._training: JobState | None = None
        self._drawn = 0
        self._waiting = False
        self._notes: JobNotes | None = None
        ui.scoresTable.setColumnCount(len(COLUMNS))
        ui.scoresTable.setHorizontalHeaderLabels(list(COLUMNS))
        ui.scoresTable.verticalHeader().setVisible(False)
        ui.scoresTable.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = ui.scoresTable.horizontalHeader()
        header.setFixedHeight(ROW_HEIGHT)
        header.setStretchLastSection(True)
        for column in range(len(COLUMNS) - 1):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        # In a narrow panel it would lie on the only row; the tooltip has what is cut.
        ui.scoresTable.setHorizontalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        for title in CURVES:
            ui.curveComboBox.addItem(title)
        ui.retrainButton.clicked.connect(self._on_retrain)
        ui.resumeButton.clicked.connect(self._on_retrain)
        ui.anewButton.clicked.connect(self._on_anew)
        ui.showButton.clicked.connect(self._on_show)
        ui.hideButton.clicked.connect(self._on_hide)
        ui.pictureButton.clicked.connect(self._on_picture)
        ui.csvButton.clicked.connect(self._on_csv)
        self._observed = slicer.mrmlScene
        self._observer = self._observed.AddObserver(
            slicer.vtkMRMLScene.EndCloseEvent, self._on_scene_closed
        )

    # -- what the panel tells ---------------------------------------------------------------------

    def show_project(self) -> None:
        """Show the rounds of another project."""
        self._training, self._drawn = None, 0
        self._remove_plots()
        session = self.panel.session
        self._notes = JobNotes(session.project) if session is not None else None
        self._show_notes()
        self.widget.setVisible(session is not None)

    def show_cases(self) -> None:
        """Say what the rounds brought, and what was left unfinished."""
        session = self.panel.session
        if session is None:
            self.advice, self._unfinished, self._has_labels = None, None, False
        else:
            self.advice = advise(session.project)
            self._has_labels = bool(session.project.training_labels())
            self._unfinished = session.project.unfinished_model()
        self.ui.adviceLabel.setText(self.advice.sentence if self.advice else "")
        self._show_table(self.advice.scores if self.advice else ())
        self._show_buttons()
        if self._rounds is not None and self.advice is not None:
            self._draw_rounds(self.advice.scores)

    def show_job(self, state: "JobState | None") -> None:
        """Follow a training: its curves, and whatever any job notes."""
        self._show_buttons()
        if state is None:
            self._draw()
            return
        if self._notes is not None and self._notes.take(state):
            self._show_notes()
        if state.job == TRAIN:
            if state is not self._training:
                self._training, self._drawn = state, 0
            if len(state.metrics) > self._drawn and not self._waiting:
                self._waiting = True
                qt.QTimer.singleShot(DRAW_EVERY, self._on_draw)

    def close(self) -> None:
        """Let go of the scene."""
        self._remove_plots()
        self._observed.RemoveObserver(self._observer)
        self._training = None

    # -- what the user does -----------------------------------------------------------------------

    def retrain(self) -> None:
        """Train, or go on with a training that was stopped; then predict and suggest."""
        session = self.panel.session
        if session is None:
            return
        with self.panel.guarded():
            steps = retrain_steps(session, self.panel.choices)
            self.panel.run(steps, "Retraining", self._on_finished, near=self)

    def start_anew(self) -> None:
        """Give up the training that was stopped, and train from the beginning."""
        session = self.panel.session
        if session is None or self.panel.is_busy:
            return
        with self.panel.guarded():
            unfinished = session.project.unfinished_model()
            if unfinished is not None:
                session.project.abandon_model(unfinished.id)
            self.retrain()

    def show_curves(self, which: int) -> bool:
        """Show the curve of the rounds, or those of the latest training; False if it cannot."""
        if self.panel.session is None:
            return False
        with self.panel.guarded():
            self.ui.curveComboBox.setCurrentIndex(which)
            chart = self._rounds_chart() if which == BY_ROUND else self._epochs_chart()
            if chart is None:
                self.panel.notice(EMPTY[which])
            elif self.panel.plots.show(chart):
                return True
            else:
                self.panel.notice(NO_WINDOW, "warning")
        return False

    def export_picture(self, path: Path) -> None:
        """Write the chosen curves as they look in the plot view."""
        if self.show_curves(int(self.ui.curveComboBox.currentIndex)):
            export.save(self, path, partial(self.panel.plots.save_picture, path), "picture")

    def export_csv(self, path: Path) -> None:
        """Write the numbers behind the chosen curves."""
        session = self.panel.session
        if session is None:
            return
        export.save(self, path, partial(self._write_csv, path, session.project), "table")

    def _write_csv(self, path: Path, project: Project) -> None:
        if int(self.ui.curveComboBox.currentIndex) == BY_ROUND:
            write_scores_csv(path, project)
        else:
            export.write_table(path, training_history(project))

    def _on_retrain(self, *_args: Any) -> None:
        self.retrain()

    def _on_anew(self, *_args: Any) -> None:
        self.start_anew()

    def _on_show(self, *_args: Any) -> None:
        self.show_curves(int(self.ui.curveComboBox.currentIndex))

    def _on_hide(self, *_args: Any) -> None:
        self.panel.plots.hide()

    def _on_picture(self, *_args: Any) -> None:
        path = export.ask_in_project(self, "Export the curves", "curves.png", export.PNG)
        if path is not None:
            self.export_picture(path)

    def _on_csv(self, *_args: Any) -> None:
        path = export.ask_in_project(self, "Export the numbers", "curves.csv", export.CSV)
        if path is not None:
            self.export_csv(path)

    def _on_finished(self, done: bool) -> None:
        session = self.panel.session
        if not done or session is None:
            return
        words = round_finished(session.project, self.panel.results)
        opened = self.panel.label.key
        is_more = session.next_case(opened) not in (None, opened)
        actions = [("Open next", self.panel.queue.open_next)] if is_more else []
        self.panel.notice(words, actions=actions)

    # -- the curves -------------------------------------------------------------------------------

    def _on_draw(self) -> None:
        self._waiting = False
        with self.panel.guarded():
            self._draw()

    def _draw(self) -> None:
        """Add what the training has measured since the last look."""
        state, session = self._training, self.panel.session
        if state is None or session is None or len(state.metrics) <= self._drawn:
            return
        fresh = state.metrics[self._drawn :]
        begins = self._drawn == 0
        self._drawn = len(state.metrics)
        plot = self._live_plot()
        if begins:  # one that goes on begins where it was stopped
            plot.reset()
            first = fresh[0].get("epoch", 1)
            fresh = training_history(session.project, before=first) + fresh
        for one in fresh:
            plot.add_metric(one)
        # Not before there is something to see: Slicer's view of an empty chart is black.
        if begins and self.ui.liveCheckBox.checked:
            self.panel.plots.show(plot.chart)

    def _live_plot(self) -> CurvePlot:
        if self._live is None:
            self._live = CurvePlot(slicer.mrmlScene, "Training")
        return self._live

    def _epochs_chart(self) -> Any:
        """Return the chart of the training that runs, or of the latest one; None without any."""
        session = self.panel.session
        if session is None:
            return None
        if self._training is None or self._live is None:
            history = training_history(session.project)
            if not history:
                return None
            plot = self._live_plot()
            plot.reset()
            for one in history:
                plot.add_metric(one)
        return self._live_plot().chart

    def _rounds_chart(self) -> Any:
        if self.advice is None or not self.advice.scores:
            return None
        if self._rounds is None:
            self._rounds, self._rounds_drawn = LearningCurve(slicer.mrmlScene), ()
        self._draw_rounds(self.advice.scores)
        return self._rounds.chart

    def _draw_rounds(self, scores: tuple[RoundScore, ...]) -> None:
        if self._rounds is not None and scores != self._rounds_drawn:
            self._rounds.show(scores)
            self._rounds_drawn = scores

    def _remove_plots(self) -> None:
        for plot in (self._live, self._rounds):
            if plot is not None:
                plot.remove()
        self._live, self._rounds = None, None

    def _on_scene_closed(self, *_args: Any) -> None:
        """Make new nodes when they are asked for: the old ones are gone."""
        self._live, self._rounds, self._drawn = None, None, 0

    # -- what is shown ----------------------------------------------------------------------------

    def _show_buttons(self) -> None:
        ui, session, busy = self.ui, self.panel.session, self.panel.is_busy
        ui.retrainButton.setEnabled(self._has_labels and not busy)
        unfinished = self._unfinished if not busy else None
        ui.unfinishedFrame.setVisible(unfinished is not None)
        ui.retrainButton.setVisible(unfinished is None)
        if unfinished is not None and session is not None:
            same = unfinished.provenance.get("labels") == session.project.training_labels()
            ui.unfinishedLabel.setText(describe_unfinished(unfinished, same))
            ui.resumeButton.setVisible(same)
        ui.plotLabel.setText("" if self.panel.plots.is_possible else NO_WINDOW)
        ui.plotLabel.setVisible(not self.panel.plots.is_possible)

    def _show_table(self, scores: Sequence[RoundScore]) -> None:
        table = self.ui.scoresTable
        table.setVisible(bool(scores))
        table.setRowCount(len(scores))
        table.setFixedHeight(ROW_HEIGHT * (min(len(scores), ROWS_SHOWN) + 1) + 6)
        for row, score in enumerate(scores):
            for column, text in enumerate(score_cells(score)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(f"{text} ({score.model})")
                table.setItem(row, column, item)

    def _show_notes(self) -> None:
        texts = self._notes.texts if self._notes is not None else []
        self.ui.notesFrame.setVisible(bool(texts))
        self.ui.notesEdit.setPlainText("\n".join(texts))
