"""The keyboard of the page: every key is caught by the page and done by the server."""

import inspect
from collections.abc import Callable
from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.viewer.keys import KEYS
from ActiveSeedLib.viewer.web.assets import module
from ActiveSeedLib.viewer.web.looks import named

MODULE = module("keys.js")


class Keys:
    """Does what the keys say.

    Args:
        server: trame's.
        actions: what each action of `viewer.keys.KEYS` does; called with the key's value if it
            has one.
    """

    def __init__(self, server: Any, actions: dict[str, Callable[..., Any]]) -> None:
        missing = {key.action for key in KEYS} - {*actions, "help"}
        assert not missing, missing
        self._state = server.state
        self._actions = {**actions, "help": self._help}
        self._keys = {key.press: key for key in KEYS}
        self._state.keys_shown = False
        self._state.keys_presses = list(self._keys)
        self._state.keys_while_typing = [key.press for key in KEYS if key.while_typing]
        server.enable_module(MODULE)
        server.controller.trigger("key")(self.press)

    def build(self) -> None:
        """Make the list of the keys."""
        with (
            v3.VDialog(v_model=("keys_shown",), max_width=460),
            v3.VCard(title="Keys", **named("keys")),
            v3.VTable(density="compact", classes="keys-table"),
            html.Tbody(),
        ):
            for shown, words in [(key.shown, key.words) for key in KEYS] + list(OTHERS):
                with html.Tr():
                    html.Td(shown, classes="font-weight-bold", style="white-space: nowrap;")
                    html.Td(words)

    async def press(self, press: str) -> None:
        """Do what the key does."""
        key = self._keys.get(press)
        if key is None:
            return
        done: Any = self._actions[key.action](*([key.value] if key.value else []))
        if inspect.isawaitable(done):
            await done

    def _help(self) -> None:
        self._state.keys_shown = not self._state.keys_shown


OTHERS = (
    ("Tab, arrows, Enter", "Go through the cases, and open one"),
    ("Wheel", "Go through the slices"),
    ("Shift + wheel", "Size of the brush"),
    ("Ctrl + wheel, right button", "Zoom"),
    ("Middle button", "Move the image"),
    ("Shift + move", "Show the place in the other views"),
    ("Double click", "Enlarge a view, and back"),
)
