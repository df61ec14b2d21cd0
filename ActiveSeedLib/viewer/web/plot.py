"""A plot on the page: Plotly comes with trame, the component that drives it is `static/plot.js`."""

from typing import Any

import trame_plotly.module
from trame_client.widgets.core import AbstractElement

from ActiveSeedLib.viewer.web.assets import module

MODULE = module("plot.js", vue_use=["activeseed_plot"])


class Plot(AbstractElement):  # type: ignore[misc]
    """A figure whose parts are sent one by one; fills the element around it.

    Trame's own widget sends a figure as a whole, and cannot change its layout alone.

    Args:
        properties: `traces`, `layout`, `points`, `words`, `mark` (expressions of the page),
            `file` (name of an exported picture) and `pick` (called with [version of the points,
            number of the point] on a click).
    """

    def __init__(self, **properties: Any) -> None:
        super().__init__("activeseed-plot", **properties)
        self._attr_names += ["traces", "layout", "points", "words", "mark", "file"]
        self._event_names += ["pick"]
        if self.server:
            self.server.enable_module(trame_plotly.module)
            self.server.enable_module(MODULE)
