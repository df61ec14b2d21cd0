"""The bar on top of the panel: one message at a time, and what can be done about it."""

from collections.abc import Callable, Sequence
from typing import Any

Action = tuple[str, Callable[[], None]]

COLOURS = {"info": "#2a6f97", "warning": "#b07000", "error": "#b3261e"}
BUTTONS = 4


class NoticeBar:
    """Says one sentence and offers up to four buttons; nothing waits for an answer.

    Attributes:
        text: what it says now; empty when it is hidden.
        kind: "info", "warning" or "error".
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._actions: tuple[Action, ...] = ()
        self.text = ""
        self.kind = "info"
        ui.noticeCloseButton.clicked.connect(self.clear)
        ui.noticeButton1.clicked.connect(self._on_first)
        ui.noticeButton2.clicked.connect(self._on_second)
        ui.noticeButton3.clicked.connect(self._on_third)
        ui.noticeButton4.clicked.connect(self._on_fourth)
        self.clear()

    @property
    def actions(self) -> tuple[str, ...]:
        """What the buttons say."""
        return tuple(title for title, _ in self._actions)

    def show(self, text: str, kind: str = "info", actions: Sequence[Action] = ()) -> None:
        """Show `text` in place of what was there."""
        assert kind in COLOURS, kind
        assert len(actions) <= BUTTONS, "the bar has four buttons"
        self.text, self.kind, self._actions = text, kind, tuple(actions)
        self._ui.noticeLabel.setText(text)
        self._ui.noticeFrame.setStyleSheet(
            f"QFrame#noticeFrame {{ border: 1px solid {COLOURS[kind]}; "
            f"border-left: 5px solid {COLOURS[kind]}; }}"
        )
        for number, button in enumerate(self._buttons()):
            used = number < len(actions)
            button.setVisible(used)
            if used:
                button.setText(actions[number][0])
        self._ui.noticeFrame.setVisible(True)

    def offer(self, title: str, action: Callable[[], None]) -> None:
        """Add a button to what is said."""
        self.show(self.text, self.kind, [*self._actions, (title, action)])

    def clear(self, *_args: Any) -> None:
        """Hide the bar."""
        self.text, self._actions = "", ()
        self._ui.noticeFrame.setVisible(False)

    def press(self, title: str) -> None:
        """Do what the button called `title` does."""
        self._act(self.actions.index(title))

    def _buttons(self) -> tuple[Any, ...]:
        ui = self._ui
        return (ui.noticeButton1, ui.noticeButton2, ui.noticeButton3, ui.noticeButton4)

    def _on_first(self, *_args: Any) -> None:
        self._act(0)

    def _on_second(self, *_args: Any) -> None:
        self._act(1)

    def _on_third(self, *_args: Any) -> None:
        self._act(2)

    def _on_fourth(self, *_args: Any) -> None:
        self._act(3)

    def _act(self, number: int) -> None:
        if number < len(self._actions):
            _, action = self._actions[number]
            self.clear()  # first, because the action may show the next message
            action()
