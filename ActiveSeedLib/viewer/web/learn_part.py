"""Training: its curves while it runs, what an unfinished one was, and what each round brought."""

from typing import TYPE_CHECKING, Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.app.advice import advise, scores_csv
from ActiveSeedLib.app.history import describe_unfinished, training_history
from ActiveSeedLib.app.learning import (
    BY_EPOCH,
    BY_ROUND,
    COLUMNS,
    CURVES,
    EMPTY,
    TRAIN,
    JobNotes,
    score_cells,
)
from ActiveSeedLib.files import csv_text
from ActiveSeedLib.viewer.figures import learning_curve, training_curve
from ActiveSeedLib.viewer.viewer import Viewer
from ActiveSeedLib.viewer.web.looks import FIELD, button, named
from ActiveSeedLib.viewer.web.plot import Plot
from ActiveSeedLib.worker.stream import JobState

if TYPE_CHECKING:
    import asyncio

DRAW_EVERY = 0.35
"""Seconds between two looks of the live curves; a small training has many epochs a second."""


class LearnPart:
    """Trains, shows how it goes, and says what the rounds brought.

    Args:
        server: trame's.
        viewer: whose models they are.
    """

    def __init__(self, server: Any, viewer: Viewer) -> None:
        self._state = server.state
        self._viewer = viewer
        self._measured: tuple[str, int] = ("", 0)  # the training, and how much of it was seen
        self._notes = JobNotes(viewer.session.project)
        self._due: asyncio.TimerHandle | None = None
        state = self._state
        state.learn_advice, state.learn_rows = "", []
        state.learn_can_train, state.learn_unfinished, state.learn_can_resume = False, "", False
        state.learn_notes = self._notes.texts
        state.learn_curve = BY_ROUND
        state.learn_figure, state.learn_empty = {"data": [], "layout": {}}, EMPTY[BY_ROUND]
        server.trigger("learn_csv")(self.table)
        state.change("learn_curve")(self._on_curve)
        viewer.cases_changed.connect(self.show)
        viewer.job_changed.connect(self._on_job)

    # -- widgets ----------------------------------------------------------------------------------

    def build(self) -> None:
        """Make the buttons, the table and the plot."""
        with html.Div(classes="pa-2", **named("learn")):
            html.Div("{{ learn_advice }}", classes="text-body-2 mb-2", **named("learn-advice"))
            self._build_buttons()
            self._build_plot()
            self._build_table()
            with html.Div(v_if=("learn_notes.length",), classes="text-caption mt-1"):
                html.Div("What the last jobs noted:", classes="text-medium-emphasis")
                with html.Div(style="max-height: 90px; overflow: auto;", **named("learn-notes")):
                    html.Div("{{ note }}", v_for="note in learn_notes", key="note")

    def _build_buttons(self) -> None:
        viewer = self._viewer
        button(
            "Retrain",
            viewer.retrain,
            "retrain",
            "Train a model on all labelled cases, let it predict the others, and suggest the next "
            "ones. You can go on labelling meanwhile.",
            v_if=("job_running || !learn_unfinished",),
            disabled=("job_running || !learn_can_train",),
            color="primary",
        )
        html.Span(
            "This takes a label map: save one first.",
            v_if=("!job_running && !learn_can_train && !learn_unfinished",),
            classes="text-caption text-medium-emphasis ml-2",
            **named("learn-why"),
        )
        with html.Div(v_if=("!job_running && learn_unfinished",)):
            html.Div(
                "{{ learn_unfinished }}", classes="text-body-2 mb-1", **named("learn-unfinished")
            )
            with html.Div(classes="d-flex", style="gap: 6px;"):
                button(
                    "Resume",
                    viewer.retrain,
                    "resume",
                    "Go on with the training that was stopped, from where it was.",
                    v_if=("learn_can_resume",),
                    color="primary",
                )
                button(
                    "Start anew",
                    viewer.start_anew,
                    "start-anew",
                    "Give the stopped training up and train a new model from the beginning.",
                )

    def _build_table(self) -> None:
        with v3.VTable(
            v_if=("learn_rows.length",),
            density="compact",
            classes="my-2 text-caption",
            style="max-height: 180px; overflow: auto;",
            **named("learn-table", "What the model of each round reached."),
        ):
            with html.Thead(), html.Tr():
                for title in COLUMNS:
                    html.Th(title, classes="px-1")
            with html.Tbody(), html.Tr(v_for="row in learn_rows", key="row.model"):
                html.Td(
                    "{{ cell }}",
                    v_for="cell in row.cells",
                    classes="px-1 text-no-wrap",
                    raw_attrs=[':title="row.model"'],
                )

    def _build_plot(self) -> None:
        with html.Div(classes="d-flex align-center my-1", style="gap: 6px;"):
            titles = [{"title": title, "value": which} for which, title in enumerate(CURVES)]
            v3.VSelect(
                v_model=("learn_curve",),
                items=("learn_curves", titles),
                style="min-width: 150px; flex: 1;",
                **FIELD,
                **named("learn-curve", "Which curves are shown below."),
            )
            seen = {"v_if": ("!learn_empty",)}
            button(
                "",
                "trame.refs.learn_plot.save()",
                "learn-picture",
                "Download the curves as they are shown, on white (PNG).",
                icon="mdi-image-outline",
                density="comfortable",
                **seen,
            )
            button(
                "",
                "utils.download('curves.csv', trigger('learn_csv', [learn_curve]), 'text/csv')",
                "learn-csv",
                "Download the numbers behind these curves as a table (CSV).",
                icon="mdi-table-arrow-down",
                density="comfortable",
                **seen,
            )
        html.Div("{{ learn_empty }}", v_if=("learn_empty",), classes="text-caption")
        with html.Div(v_show=("!learn_empty",), style="height: 230px;", **named("learn-plot")):
            Plot(
                ref="learn_plot",
                traces=("learn_figure.data",),
                layout=("learn_figure.layout",),
                file="curves",
            )

    # -- what is shown ----------------------------------------------------------------------------

    def show(self) -> None:
        """Say what the rounds brought, and what was left unfinished."""
        project = self._viewer.session.project
        with self._viewer.guarded(), self._state as state:
            advice = advise(project)
            state.learn_advice = advice.sentence
            state.learn_rows = [
                {"model": score.model, "cells": score_cells(score)} for score in advice.scores
            ]
            labels = project.training_labels()
            state.learn_can_train = bool(labels)
            unfinished = project.unfinished_model()
            same = unfinished is not None and unfinished.provenance.get("labels") == labels
            state.learn_can_resume = same
            state.learn_unfinished = describe_unfinished(unfinished, same) if unfinished else ""
            self._draw()

    def table(self, which: int) -> str:
        """Return the numbers behind curves (`BY_ROUND`, `BY_EPOCH`) as CSV."""
        project = self._viewer.session.project
        with self._viewer.guarded():
            if which == BY_ROUND:
                return scores_csv(project)
            return csv_text(training_history(project))
        return ""

    def _draw(self) -> None:
        """Draw the chosen curves."""
        project, state = self._viewer.session.project, self._state
        which = BY_EPOCH if state.learn_curve == BY_EPOCH else BY_ROUND
        if which == BY_ROUND:
            state.learn_figure = learning_curve(advise(project).scores)
        else:
            state.learn_figure = training_curve(training_history(project))
        state.learn_empty = "" if state.learn_figure["data"] else EMPTY[which]

    # -- what happens -----------------------------------------------------------------------------

    def _on_curve(self, **_state: Any) -> None:
        with self._viewer.guarded():
            self._draw()

    def _on_job(self, job: JobState | None) -> None:
        """Follow a training, and whatever any job notes."""
        if job is None:
            self._look()
            return
        if self._notes.take(job):
            with self._state as state:
                state.learn_notes = self._notes.texts
        measured = (job.id, len(job.metrics))
        if job.job == TRAIN and job.metrics and measured != self._measured:
            if job.id != self._measured[0]:  # it has begun, and there is something to see now
                with self._state as state:
                    state.learn_curve = BY_EPOCH
            self._measured = measured
            if self._due is None:
                self._due = self._viewer.later(DRAW_EVERY, self._look)

    def _look(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._state.learn_curve == BY_EPOCH:
            with self._viewer.guarded(), self._state:
                self._draw()
