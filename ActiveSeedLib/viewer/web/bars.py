"""What stands on top of the page: what runs in the background, and what is said to the user."""

import asyncio
from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.app.job_words import (
    CANCEL_TIP,
    PATIENCE_SECONDS,
    STOP_TIP,
    step_words,
    time_left,
)
from ActiveSeedLib.viewer.viewer import Viewer
from ActiveSeedLib.viewer.web.looks import button, named
from ActiveSeedLib.worker.stream import JobState

SHOW_SECONDS = 0.2
"""Between two looks at a job that runs, so that a fast one does not keep the page busy."""


class JobBar:
    """Shows the job that runs, with Cancel; hidden when nothing does."""

    def __init__(self, server: Any, viewer: Viewer) -> None:
        self._state = server.state
        self._viewer = viewer
        self._asked_at: float | None = None
        self._due: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._show()
        viewer.job_changed.connect(self._on_job)

    def build(self) -> None:
        """Make the bar."""
        with html.Div(v_if=("job_running",), classes="job-bar", **named("job")):
            with html.Div(classes="job-words"):
                html.Div("{{ job_title }}", classes="text-caption", **named("job-title"))
                v3.VProgressLinear(
                    model_value=("job_percent",),
                    indeterminate=("job_percent < 0",),
                    color="primary",
                    height=5,
                    rounded=True,
                )
                with html.Div(classes="d-flex text-caption", style="gap: 10px;"):
                    html.Span("{{ job_step }}", **named("job-step"))
                    html.Span("{{ job_left }}", classes="text-medium-emphasis")
            button(
                "Cancel",
                self._on_cancel,
                "cancel",
                CANCEL_TIP,
                v_if=("!job_deaf",),
                disabled=("job_cancelling",),
            )
            button("Stop now", self._viewer.stop_now, "stop", STOP_TIP, v_if=("job_deaf",))

    def _on_job(self, state: JobState | None) -> None:
        if state is None or self._due is None:
            self._stop(self._due)
            self._due = None
            self._show()
            if state is not None:
                self._due = self._viewer.later(SHOW_SECONDS, self._look)

    def _look(self) -> None:
        self._due = None
        self._show()

    def _show(self) -> None:
        job = self._viewer.runner.state
        if job is None:
            self._stop(self._patience)
            self._patience = None
        with self._state as state:
            state.job_running = job is not None
            state.job_title = self._viewer.runner.title
            state.job_step = step_words(job) if job else ""
            known = job is not None and (job.fraction > 0 or (job.status == "running" and job.step))
            state.job_percent = round(100 * job.fraction, 1) if job and known else -1
            left = job.seconds_left if job and job.status == "running" else None
            state.job_left = "" if left is None else time_left(left)
            state.job_cancelling = job is not None and job.status == "cancelling"
            if job is None or not state.job_cancelling:
                state.job_deaf = False

    def _on_cancel(self) -> None:
        self._viewer.cancel()
        self._stop(self._patience)
        self._patience = self._viewer.later(PATIENCE_SECONDS, self._on_patience)

    def _on_patience(self) -> None:
        job = self._viewer.runner.state
        with self._state as state:
            state.job_deaf = job is not None and job.status == "cancelling"

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


class NoticeBar:
    """Shows the message and its buttons."""

    def __init__(self, server: Any, viewer: Viewer) -> None:
        self._state = server.state
        self._notice = viewer.notice
        server.controller.trigger("notice_clear")(viewer.notice.clear)
        self._show()
        self._notice.changed.connect(self._show)

    def build(self) -> None:
        """Make the bar."""
        with v3.VAlert(
            v_if=("notice_text",),
            type=("notice_kind",),
            density="compact",
            closable=True,
            border="start",
            color=("{ info: '#17354a', warning: '#4a3a10', error: '#511d1d' }[notice_kind]",),
            classes="notice-bar",
            raw_attrs=[
                'data-name="notice"',
                ':data-kind="notice_kind"',
                "@click:close=\"trigger('notice_clear')\"",
            ],
        ):
            html.Div("{{ notice_text }}", style="white-space: pre-line;", **named("notice-text"))
            with html.Div(v_if=("notice_actions.length",), classes="notice-actions mt-1"):
                button(
                    "{{ title }}",
                    (self._notice.press, "[notice_number, place]"),
                    "notice-action",
                    "",
                    v_for="(title, place) in notice_actions",
                    key="place",
                )

    def _show(self) -> None:
        notice = self._notice
        with self._state as state:
            state.notice_text = notice.text
            state.notice_kind = notice.kind
            state.notice_number = notice.number
            state.notice_actions = [title for title, _ in notice.actions]
