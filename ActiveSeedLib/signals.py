"""Signals between the parts of a front end."""

from collections.abc import Callable
from typing import Any

Slot = Callable[..., None]


class Signal:
    """Calls every connected function with what is emitted, in the order of connection.

    Signals that Python defines on a Qt object can crash Slicer, so these are plain.
    """

    def __init__(self) -> None:
        self._slots: list[Slot] = []

    def connect(self, slot: Slot) -> None:
        """Call `slot` from now on."""
        if slot not in self._slots:
            self._slots.append(slot)

    def disconnect(self, slot: Slot) -> None:
        """Call `slot` no longer; nothing happens if it was not connected."""
        if slot in self._slots:
            self._slots.remove(slot)

    def emit(self, *values: Any) -> None:
        """Call the slots; one that disconnects another meanwhile does no harm."""
        for slot in tuple(self._slots):
            slot(*values)
