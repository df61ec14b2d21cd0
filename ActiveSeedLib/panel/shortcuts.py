"""Keys that work in the slice views too, while the module is open."""

from collections.abc import Callable
from typing import Any

import qt
import slicer


class Shortcuts:
    """Keys of Slicer's main window that are ours while the user is in the module.

    A key that Slicer's own menu has as well would be ambiguous, and Qt would do neither: the menu's
    action gives its key up meanwhile, and gets it back.

    Args:
        widget: who has the keys when there is no main window.
        keys: key sequence, such as "Ctrl+S" → what to do.
    """

    def __init__(self, widget: Any, keys: dict[str, Callable[..., None]]) -> None:
        self._widget = widget
        self._keys = keys
        self._shortcuts: list[Any] = []
        self._lent: list[tuple[Any, Any]] = []

    def enable(self) -> None:
        """Take the keys."""
        if not self._shortcuts:
            parent = slicer.util.mainWindow() or self._widget
            for key, slot in self._keys.items():
                shortcut = qt.QShortcut(qt.QKeySequence(key), parent)
                shortcut.activated.connect(slot)
                self._shortcuts.append(shortcut)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(True)
        self._borrow()

    def disable(self) -> None:
        """Leave the keys to Slicer."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
        for action, key in self._lent:
            action.setShortcut(key)
        self._lent = []

    def close(self) -> None:
        """Leave the keys for good."""
        self.disable()
        for shortcut in self._shortcuts:
            shortcut.deleteLater()
        self._shortcuts = []

    def _borrow(self) -> None:
        window = slicer.util.mainWindow()
        if window is None or self._lent:
            return
        for action in _menu_actions(window):
            key = qt.QKeySequence(action.shortcut)
            if key.toString() in self._keys:
                self._lent.append((action, key))
                action.setShortcut(qt.QKeySequence())


def _menu_actions(window: Any) -> list[Any]:
    """Return the actions in the menus of the main window."""
    found = []
    for top in window.menuBar().actions():
        if top.menu() is not None:
            found += top.menu().actions()
    return found
