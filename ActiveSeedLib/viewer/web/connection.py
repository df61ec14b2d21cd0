"""Which of several tabs works, and what the page says when the connection is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.viewer.web.assets import module

MODULE = module("connection.js", "connection.css")


class Connection:
    """Lets one tab work, the last that was opened or asked for, and the others say so.

    Two pages would fight over the slice views' sizes, and both paint in the one scene. What a page
    says and does when the server no longer answers is in `static/connection.js`.

    Args:
        server: trame's.
    """

    def __init__(self, server: Any) -> None:
        self._state = server.state
        self._state.tab_active = ""
        # Trame's own words for a lost connection give way to ours.
        self._state.trame__template_error = "<div></div>"
        server.enable_module(MODULE)
        server.trigger("tab_open")(self._open)

    @contextmanager
    def wrap(self) -> Iterator[None]:
        """Make the widgets that are made within appear in the working tab only."""
        with html.Template(v_if="tab_active === utils.activeseed.tab"):
            yield
        with html.Div(v_else=True, classes="tab-elsewhere", raw_attrs=['data-name="elsewhere"']):
            html.H1("ActiveSeed goes on in another tab.")
            html.P("One tab works at a time; what was drawn is there.")
            v3.VBtn(
                "Go on here",
                click="utils.activeseed.claim()",
                raw_attrs=['data-name="go-on-here"'],
            )

    def _open(self, tab: str) -> None:
        self._state.tab_active = str(tab)
