"""What the mouse does in a view comes before whatever the page asks for next."""

from collections.abc import Iterable
from typing import Any

from ActiveSeedLib.viewer.web.assets import module

MODULE = module("strokes.js")
_FIRST = 10.0  # a tool that deals with an event keeps it from those that come later


class Strokes:
    """Tells the page which of its strokes have arrived; see `static/strokes.js`.

    A stroke is whatever the left button does in a view, with or without a tool.

    Args:
        server: trame's.
        interactors: those of the views.
    """

    def __init__(self, server: Any, interactors: Iterable[Any]) -> None:
        self._is_down = False
        self._ended = 0
        server.enable_module(MODULE)
        server.trigger("strokes_arrived")(self._arrived)
        for interactor in interactors:
            interactor.AddObserver("LeftButtonPressEvent", self._on_press, _FIRST)
            interactor.AddObserver("LeftButtonReleaseEvent", self._on_release, _FIRST)

    def _arrived(self, strokes: int) -> bool:
        """Return whether so many have ended since they last had."""
        if self._ended < int(strokes):
            return False
        self._ended = 0
        return True

    def _on_press(self, *_args: Any) -> None:
        self._is_down = True

    def _on_release(self, *_args: Any) -> None:
        self._ended += self._is_down
        self._is_down = False
