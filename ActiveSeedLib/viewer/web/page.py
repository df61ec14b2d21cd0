"""The page: the queue on the left, views and editor in the middle, map and curves on the right."""

from typing import Any, Protocol

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import client, html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.viewer.viewer import Viewer
from ActiveSeedLib.viewer.web.connection import Connection
from ActiveSeedLib.viewer.web.looks import STYLE, named
from ActiveSeedLib.worker.stream import JobState

WIDE = "$vuetify.display.width >= 1250"
RIGHT = f"(page_right ?? {WIDE})"
"""Whether the right column is open: as the user said, and at first where it leaves room enough."""


class Part(Protocol):
    """Makes its widgets where it is asked to."""

    def build(self) -> None:
        """Make the widgets."""


class Page:
    """Puts the parts together.

    Args:
        server: trame's.
        viewer: what is shown.
        connection: which tab works, and what a lost connection looks like.
        parts: by name; see `build`.
    """

    def __init__(
        self, server: Any, viewer: Viewer, connection: Connection, parts: dict[str, Any]
    ) -> None:
        self._server = server
        self._viewer = viewer
        self._connection = connection
        self._parts = parts
        state = server.state
        state.page_project = viewer.session.root.name
        state.page_folder = str(viewer.session.root)
        state.page_left, state.page_right = True, None  # None: where there is room for it
        state.page_next = ""
        viewer.cases_changed.connect(self._show_next)
        viewer.job_changed.connect(self._on_job)

    def build(self) -> Any:
        """Make the layout and return it."""
        parts = self._parts
        with VAppLayout(self._server, theme="dark") as layout:
            client.Style(STYLE)
            with self._connection.wrap():
                self._build_top()
                with v3.VNavigationDrawer(
                    v_model=("page_left",),
                    location="left",
                    width=(f"{WIDE} ? 300 : 270",),
                    permanent=("page_left",),
                ):
                    parts["queue"].build()
                with v3.VNavigationDrawer(
                    model_value=(RIGHT,),
                    update_modelValue="page_right = $event",
                    location="right",
                    width=(f"{WIDE} ? 390 : 330",),
                    permanent=(RIGHT,),
                ):
                    parts["map"].build()
                    v3.VDivider()
                    parts["learn"].build()
                with (
                    v3.VMain(style="height: 100vh;"),
                    html.Div(classes="work d-flex flex-column fill-height"),
                ):
                    parts["label"].build()
                    self._build_stage()
                parts["keys"].build()
                parts["settings"].build()
        return layout

    def _build_stage(self) -> None:
        """Make the segment editor's bar and column, and the slice views."""
        editor, views = self._parts["editor"], self._parts["views"]
        with html.Div(v_show=("case_name",), classes="editor-row"):
            editor.build_bar()
        with html.Div(classes="d-flex flex-grow-1", style="min-height: 0;"):
            with html.Div(v_show=("case_name",), classes="segment-column"):
                editor.build_side()
            with html.Div(classes="flex-grow-1", style="min-width: 0; position: relative;"):
                views.build()
                # Above the views, not beside them: they must not move while somebody draws.
                self._parts["notice"].build()

    def _build_top(self) -> None:
        with v3.VAppBar(density="compact", flat=True):
            v3.VBtn(
                icon="mdi-format-list-bulleted",
                click="page_left = !page_left",
                size="small",
                **named("toggle-left", "Cases"),
            )
            html.Img(src="/favicon.png", width=24, height=24, classes="mr-2", raw_attrs=['alt=""'])
            html.Span("ActiveSeed", classes="text-subtitle-1 font-weight-bold mr-3")
            html.Span(
                "{{ page_project }}",
                classes="text-body-2 text-medium-emphasis mr-4",
                raw_attrs=[':title="page_folder"'],
            )
            html.Span(
                "{{ page_next }}",
                v_if=("!job_running",),
                classes="text-body-2 text-truncate",
                **named("next-step"),
            )
            self._parts["job"].build()
            v3.VSpacer()
            for icon, click, name, tip in (
                ("mdi-cog-outline", self._parts["settings"].open, "open-settings", "Settings"),
                (
                    "mdi-file-document-outline",
                    self._parts["settings"].open_provenance,
                    "open-provenance",
                    "How every selection so far came about",
                ),
                ("mdi-help", "keys_shown = true", "open-keys", "Keys (?)"),
                ("mdi-chart-scatter-plot", f"page_right = !({RIGHT})", "toggle-right", "Plots"),
            ):
                v3.VBtn(icon=icon, click=click, size="small", **named(name, tip))

    def _show_next(self) -> None:
        """Say what is next; not while it may be what runs just now."""
        viewer = self._viewer
        with self._server.state as state:
            state.page_next = "" if viewer.is_busy else viewer.session.what_next().sentence

    def _on_job(self, job: JobState | None) -> None:
        if job is not None and self._server.state.page_next:
            self._show_next()
