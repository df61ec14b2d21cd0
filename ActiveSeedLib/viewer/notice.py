"""What is said to the user: one message at a time, and what can be done about it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ActiveSeedLib.errors import ActiveSeedError, CancelledError
from ActiveSeedLib.signals import Signal

Action = tuple[str, Callable[[], None]]
KINDS = ("info", "warning", "error")


class Notice:
    """The message that stands on top of the page; nothing waits for an answer.

    Attributes:
        changed: emitted whenever there is another message, or none any more.
        number: another one for every message, so that a late click on the one before does nothing.
        text: what is said; empty when nothing is.
        kind: "info", "warning" or "error".
        actions: titles of the buttons, and what they do.
    """

    def __init__(self) -> None:
        self.changed = Signal()
        self.number = 0
        self.text = ""
        self.kind = "info"
        self.actions: tuple[Action, ...] = ()

    def show(self, text: str, kind: str = "info", actions: Sequence[Action] = ()) -> None:
        """Say `text` in place of what was said before."""
        assert kind in KINDS, kind
        self.number += 1
        self.text, self.kind, self.actions = text, kind, tuple(actions)
        self.changed.emit()

    def clear(self) -> None:
        """Put the message away."""
        if self.text:
            self.show("")

    def press(self, number: int, place: int) -> None:
        """Do what the button at `place` of the message `number` does, if it still stands there."""
        if number != self.number or not 0 <= place < len(self.actions):
            return
        _, action = self.actions[place]
        self.clear()  # first, because the action may say the next thing
        action()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what goes wrong inside into a sentence on top of the page."""
        try:
            yield
        except CancelledError:
            self.show("Stopped.")
        except ActiveSeedError as error:
            self.show(str(error), "error")
        except Exception as error:
            logging.exception("ActiveSeed")
            self.show(
                f"Something unexpected happened ({type(error).__name__}: {error}). Nothing that "
                "was saved is lost; the terminal of the server holds the details.",
                "error",
            )
