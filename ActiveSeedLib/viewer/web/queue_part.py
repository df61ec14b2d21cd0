"""The left column: which cases wait for a label map, why, and what has become of the others."""

from typing import Any

from aiohttp import web
from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.app import queue as queues
from ActiveSeedLib.app.session import CaseRow
from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.viewer.viewer import Viewer
from ActiveSeedLib.viewer.web.assets import module
from ActiveSeedLib.viewer.web.looks import FIELD, button, named

MODULE = module("queue.js")
PAGE = 60
"""Cases in the list at a time; more on a click, so that 10,000 do not weigh the page down."""
WORTH_TELLING = 3.0
"""Seconds of annotation; fewer would read as 0.0 min."""
THUMBNAILS = "/thumbnail/{key}"
CHIPS = {  # status words → colour
    "suggested": "blue",
    "in progress": "light-blue",
    "labelled": "green",
    "skipped": "amber",
    "excluded": "grey",
    "test": "orange",
    "test, labelled": "orange",
    "unusable": "red",
    "file missing": "red",
}


class QueuePart:
    """Suggests cases, lists them, and opens, skips, excludes or brings them back.

    Args:
        server: trame's.
        viewer: whose cases they are.
    """

    def __init__(self, server: Any, viewer: Viewer) -> None:
        self._state = server.state
        self._viewer = viewer
        self._rows: list[CaseRow] = []
        self._length = PAGE
        state = self._state
        state.queue_lines, state.queue_more = [], 0
        state.queue_filters = [{"title": t, "value": which} for which, t in queues.TITLES.items()]
        state.queue_filter, state.queue_search = queues.TO_LABEL, ""
        state.queue_empty = ""
        state.queue_budget = viewer.choices.budget
        state.queue_chips = CHIPS
        state.change("queue_filter", "queue_search")(self._on_filter)
        server.enable_module(MODULE)
        viewer.cases_changed.connect(self._on_cases)
        viewer.case_changed.connect(self.show)

    async def thumbnail(self, request: web.Request) -> web.StreamResponse:
        """Answer with the small picture of a case of this project, and of nothing else."""
        try:
            row = self._viewer.session.row(request.match_info["key"])
        except ActiveSeedError as error:
            raise web.HTTPNotFound from error
        path = self._viewer.session.thumbnail(row.key)
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})

    # -- what is shown ----------------------------------------------------------------------------

    def _on_cases(self) -> None:
        self._rows = self._viewer.session.rows()
        self.show()

    def _on_filter(self, **_state: Any) -> None:
        self._length = PAGE
        self.show()

    def show(self) -> None:
        """Show the cases that are wanted."""
        state, session = self._state, self._viewer.session
        search = (state.queue_search or "").strip()
        which = state.queue_filter if state.queue_filter in queues.FILTERS else queues.TO_LABEL
        opened = self._viewer.desk.key
        lines = queues.shown_lines(self._rows, which, search, opened)
        by_key = {row.key: row for row in self._rows}
        shown = lines[: self._length]
        with state:
            state.queue_lines = [self._line(line, by_key[line.key], session) for line in shown]
            state.queue_more = len(lines) - len(shown)
            state.queue_empty = "" if lines else queues.nothing_words(which, search)

    def _line(self, line: Any, row: CaseRow, session: Any) -> dict[str, Any]:
        can = queues.can_do(row)
        return {
            "key": line.key,
            "title": line.title,
            "status": line.status,
            "slices": line.slices,
            "minutes": line.minutes if row.seconds >= WORTH_TELLING else "",
            "open": line.is_open,
            "reason": queues.reason_words(session, row),
            "picture": session.thumbnail(line.key) is not None,
            "can": can._asdict(),
        }

    # -- what the user does -----------------------------------------------------------------------

    def _on_suggest(self, budget: Any) -> None:
        try:
            number = int(budget)
        except (TypeError, ValueError):
            number = 0
        if number < 1:
            self._viewer.notice.show("Suggest how many cases? Write a number from 1.", "warning")
            return
        self._viewer.suggest(number)

    def _on_more(self) -> None:
        self._length += 5 * PAGE
        self.show()

    # -- widgets ----------------------------------------------------------------------------------

    def build(self) -> None:
        """Make the column."""
        with html.Div(classes="d-flex flex-column fill-height"):
            self._build_top()
            with html.Div(classes="flex-grow-1", style="overflow-y: auto; min-height: 0;"):
                self._build_list()

    def _build_top(self) -> None:
        noun = self._viewer.session.noun
        with html.Div(classes="pa-2 d-flex flex-column", style="gap: 6px;"):
            with html.Div(classes="d-flex align-center", style="gap: 6px;"):
                v3.VTextField(
                    v_model=("queue_budget",),
                    type="number",
                    min=1,
                    label=noun.capitalize(),
                    style="flex: 0 0 78px;",
                    **FIELD,
                    **named("budget", f"How many {noun} Suggest adds to the queue."),
                )
                button(
                    "Suggest",
                    (self._on_suggest, "[queue_budget]"),  # what is typed now, told or not
                    "suggest",
                    "Choose the next cases to label, and say why.",
                    disabled=("job_running",),
                    prepend_icon="mdi-lightbulb-on-outline",
                )
                v3.VSpacer()
                button(
                    "Next",
                    self._viewer.open_next,
                    "next",
                    "Open the next case of the queue (Ctrl+Return).",
                    append_icon="mdi-skip-next",
                    color="primary",
                )
            with html.Div(classes="d-flex", style="gap: 6px;"):
                v3.VSelect(
                    v_model=("queue_filter",),
                    items=("queue_filters",),
                    style="flex: 0 0 184px;",
                    **FIELD,
                    **named("filter", "Which cases are listed below."),
                )
                v3.VTextField(
                    v_model=("queue_search",),
                    placeholder="Search",
                    clearable=True,
                    **FIELD,
                    **named("search", "Show only the cases whose name holds this text."),
                )

    def _build_list(self) -> None:
        html.Div(
            "{{ queue_empty }}",
            v_if=("queue_empty",),
            classes="pa-4 text-medium-emphasis text-body-2",
            **named("empty"),
        )
        with html.Div(
            v_if=("queue_lines.length",),
            raw_attrs=['role="grid"', 'aria-label="Cases"', 'tabindex="0"', 'data-name="lines"'],
        ):
            self._build_line()
        button(
            "{{ queue_more }} more",
            self._on_more,
            "more",
            "Show more cases.",
            v_if=("queue_more > 0",),
            block=True,
        )

    def _build_line(self) -> None:
        with html.Div(
            v_for="line in queue_lines",
            key="line.key",
            classes=(
                "['queue-line d-flex pa-2', line.open && 'queue-open', "
                "!line.can.open && 'queue-off']",
            ),
            click=(self._viewer.open, "[line.key]"),
            raw_attrs=[
                ':data-key="line.key"',
                ':title="line.reason"',
                'data-name="line"',
                'role="row"',
                'tabindex="-1"',
                ':aria-selected="line.open"',
            ],
        ):
            with html.Div(classes="queue-words d-flex flex-grow-1", raw_attrs=['role="gridcell"']):
                html.Img(
                    v_if="line.picture",
                    src=("`/thumbnail/${line.key}`",),
                    classes="queue-picture",
                    raw_attrs=['loading="lazy"', 'alt=""'],
                )
                html.Div(v_if="!line.picture", classes="queue-picture")
                self._build_words()
            with html.Div(raw_attrs=['role="gridcell"']):
                self._build_menu()

    @staticmethod
    def _build_words() -> None:
        with html.Div(classes="flex-grow-1", style="min-width: 0;"):
            html.Div(
                "{{ line.title }}",
                classes="queue-title text-body-2",
                raw_attrs=[':title="line.title"'],
            )
            with html.Div(classes="d-flex align-center", style="gap: 6px;"):
                v3.VChip(
                    "{{ line.status }}",
                    size="x-small",
                    color=("queue_chips[line.status] || 'grey'",),
                )
                html.Span(
                    "{{ line.slices }}",
                    v_if="line.slices",
                    classes="text-caption text-truncate",
                    raw_attrs=[':title="line.slices"'],
                )
                html.Span(
                    "{{ line.minutes }} min",
                    v_if="line.minutes",
                    classes="text-caption text-medium-emphasis",
                )
            html.Div("{{ line.reason }}", classes="queue-reason text-caption")

    def _build_menu(self) -> None:
        viewer = self._viewer
        with v3.VMenu():
            with v3.Template(v_slot_activator="{ props }"):
                v3.VBtn(
                    icon="mdi-dots-vertical",
                    v_bind="props",
                    size="x-small",
                    variant="text",
                    raw_attrs=[
                        '@click.stop=""',
                        'tabindex="-1"',  # the arrow to the right leads there
                        'title="Skip, exclude, bring back"',
                        'data-name="line-menu"',
                    ],
                )
            with v3.VList(density="compact"):
                for title, can, does in (
                    ("Skip", "skip", (viewer.put_aside, "[line.key, 'skip']")),
                    ("Exclude", "exclude", (viewer.put_aside, "[line.key, 'exclude']")),
                    ("Bring back", "bring_back", (viewer.bring_back, "[line.key]")),
                    ("Add to queue", "queue", (viewer.queue_by_hand, "[line.key]")),
                ):
                    v3.VListItem(title, v_if=f"line.can.{can}", click=does)
