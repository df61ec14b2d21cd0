"""The map of the pool: a click on a point opens its case."""

from typing import TYPE_CHECKING, Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.app.map_points import (
    COLOURINGS,
    PointGroup,
    colour_words,
    map_csv,
    map_groups,
    map_words,
)
from ActiveSeedLib.app.queue import status_words
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.project.records import CaseRow
from ActiveSeedLib.viewer.figures import hover_words, map_layout, map_traces, plain
from ActiveSeedLib.viewer.viewer import Viewer
from ActiveSeedLib.viewer.web.looks import FIELD, button, named
from ActiveSeedLib.viewer.web.plot import Plot

if TYPE_CHECKING:
    import asyncio

NO_MAP = (
    "There is no map yet. It shows which cases are similar, and where among them the labelled and "
    "the suggested ones lie."
)
WAIT = 0.3
"""Seconds from the first of several changes to the drawing of all: ten thousand points take time,
and a case that is being opened comes first."""


class MapPart:
    """Shows where each case lies among the others.

    The page gets the points, what the mouse is told of each, the groups of the colouring and the
    ring around the open case apart from each other, and each only when it has changed.

    Args:
        server: trame's.
        viewer: whose cases they are.
    """

    def __init__(self, server: Any, viewer: Viewer) -> None:
        self._state = server.state
        self._viewer = viewer
        self._drawn: tuple[list[tuple[str, str]], list[tuple[float, float]]] = ([], [])
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._points: dict[str, Any] = {"version": 0, "x": [], "y": [], "names": []}
        self._due: asyncio.TimerHandle | None = None
        state = self._state
        state.map_colouring = next(iter(COLOURINGS))
        state.map_points, state.map_words = self._points, hover_words(())
        state.map_traces, state.map_layout = [], {}
        state.map_mark, state.map_open, state.map_said = None, "", ""
        server.trigger("map_csv")(self.table)
        state.change("map_colouring")(self._on_colouring)
        viewer.cases_changed.connect(self._on_cases)
        viewer.case_changed.connect(self.show_open)

    def build(self) -> None:
        """Make the plot and what belongs to it."""
        with html.Div(classes="pa-2", **named("map")):
            with html.Div(classes="d-flex align-center my-1", style="gap: 6px;"):
                v3.VSelect(
                    v_model=("map_colouring",),
                    items=("map_colourings", _titles()),
                    label="Colour by",
                    style="min-width: 150px; flex: 1;",
                    **FIELD,
                    **named(
                        "map-colouring",
                        "What the colour of a point tells. Test cases are triangles.",
                    ),
                )
                self._build_buttons()
            html.Div(
                "{{ map_said }}<span v-if='map_open'> Open: <b>{{ map_open }}</b></span>",
                classes="text-caption",
                **named("map-said"),
            )
            with html.Div(
                v_show=("map_traces.length",),
                style="height: 34vh; min-height: 240px;",
                **named("map-plot"),
            ):
                Plot(
                    ref="map_plot",
                    traces=("map_traces",),
                    layout=("map_layout",),
                    points=("map_points",),
                    words=("map_words",),
                    mark=("map_mark",),
                    file="map",
                    pick=(self._on_pick, "[$event[0], $event[1]]"),
                )

    def _build_buttons(self) -> None:
        button(
            "Make the map",
            self._viewer.remake_map,
            "map-make",
            "Make the map of all cases with the chosen encoder.",
            disabled=("job_running",),
            v_if=("!map_traces.length",),
        )
        button(
            "",
            self._viewer.remake_map,
            "map-anew",
            "Map anew: with all present cases and the chosen encoder. What is encoded already is "
            "not encoded again.",
            disabled=("job_running",),
            icon="mdi-refresh",
            density="comfortable",
            v_if=("map_traces.length",),
        )
        button(
            "",
            "trame.refs.map_plot.save()",
            "map-picture",
            "Download the map as it is shown, on white (PNG).",
            icon="mdi-image-outline",
            density="comfortable",
            v_if=("map_traces.length",),
        )
        button(
            "",
            "utils.download('map.csv', trigger('map_csv'), 'text/csv')",
            "map-csv",
            "Download every case with its place on the map, status, cluster, round, entropy and "
            "Dice as a table (CSV).",
            icon="mdi-table-arrow-down",
            density="comfortable",
            v_if=("map_traces.length",),
        )

    # -- what is shown ----------------------------------------------------------------------------

    def show(self) -> None:
        """Bring the map up to date."""
        self._due = None
        session = self._viewer.session
        with self._viewer.guarded(), self._state as state:
            rows, places = session.project.mapped_rows()
            self._take_points(rows, places)
            colouring = state.map_colouring if state.map_colouring in COLOURINGS else "status"
            groups = map_groups(session.project, colouring, (rows, places))
            state.map_words = hover_words(point_words(session, rows))
            self._take_groups(groups, colouring)
            words = map_words(session.project, len(rows)), colour_words(colouring, groups)
            said = " ".join(words).rstrip()
            state.map_said = said if rows else NO_MAP
            self._show_mark()

    def show_open(self) -> None:
        """Ring the open case."""
        with self._state:
            self._show_mark()

    def table(self) -> str:
        """Return the map's numbers as CSV; empty, with a notice, if there is no map."""
        with self._viewer.guarded():
            return map_csv(self._viewer.session.project)
        return ""

    def _take_points(self, rows: list[CaseRow], places: list[tuple[float, float]]) -> None:
        """Have the points anew if they are other ones."""
        cases = [(row.key, row.name) for row in rows]
        if (cases, places) == self._drawn:
            return
        self._drawn = (cases, places)
        self._keys = [key for key, _ in cases]
        self._places = {key: number for number, key in enumerate(self._keys)}
        self._points = {
            "version": self._points["version"] + 1,
            "x": [float(f"{x:.5g}") for x, _ in places],
            "y": [float(f"{y:.5g}") for _, y in places],
            "names": [plain(name) for _, name in cases],
        }
        self._state.map_points = self._points

    def _take_groups(self, groups: list[PointGroup], colouring: str) -> None:
        self._state.map_traces = map_traces(groups, self._places, colouring)
        self._state.map_layout = map_layout(groups, self._points["version"], colouring)

    def _show_mark(self) -> None:
        key, unit = self._viewer.desk.key, self._viewer.desk.unit
        at = self._places.get(unit) if unit is not None else None
        points, state = self._points, self._state
        state.map_mark = None if at is None else [points["x"][at], points["y"][at]]
        state.map_open = "" if key is None else self._viewer.session.row(key).name

    # -- what happens -----------------------------------------------------------------------------

    def _on_cases(self) -> None:
        if self._due is None:
            self._due = self._viewer.later(WAIT, self.show)

    def _on_colouring(self, **_state: Any) -> None:
        if self._keys:
            self.show()

    async def _on_pick(self, version: int, number: int) -> None:
        """Open the case of a point, unless the map has changed since it was clicked."""
        if version == self._points["version"] and 0 <= number < len(self._keys):
            await self._viewer.open(self._keys[number])


def point_words(session: Session, rows: list[CaseRow]) -> list[str]:
    """Return where each case stands, in words; of those in the queue also why."""
    said = [status_words(row).capitalize() for row in rows]
    for number, row in enumerate(rows):
        if row.queued:
            said[number] += f": {session.reason(row.key)}"
    return said


def _titles() -> list[dict[str, str]]:
    return [{"title": title, "value": name} for name, title in COLOURINGS.items()]
