"""The plainest front end that a desk can have: it notes what it is told, and does what it must."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.scene.desk import Desk
from ActiveSeedLib.scene.front import Action, Answer
from ActiveSeedLib.scene.opening import Opened
from Testing.labelling import draw_segment, drawn_on


class PlainFront:
    """A front end without windows.

    Attributes:
        desk: the open case.
        text: what is said now; empty when nothing is.
        actions: the buttons of that message.
        errors: what went wrong, in words.
        events: (key that is open, key before) of every change of the open case.
        shown: the case that can be drawn on, or None.
        states: what the segments held each time before something replaced it.
        stroke: (value, mask) of a stroke under way.
        question: the name of the segment that is asked about, and who wants to know.
        broken: the name of a method that fails.
    """

    def __init__(self, scene: Any, session: Session | None) -> None:
        self.scene = scene
        self.session = session
        self.text = ""
        self.actions: dict[str, Callable[[], None]] = {}
        self.errors: list[str] = []
        self.events: list[tuple[str | None, str | None]] = []
        self.shown: Opened | None = None
        self.states: list[NDArray[np.uint8]] = []
        self.stroke: tuple[int, NDArray[np.bool_]] | None = None
        self.question: tuple[str, Answer] | None = None
        self.broken = ""
        self._acts: list[Callable[[], None]] = []
        self.desk = Desk(self, draft_seconds=30.0)
        self.desk.opened_changed.connect(self._on_opened)

    def press(self, title: str) -> None:
        """Press a button of the message."""
        self.actions[title]()

    def pass_events(self) -> None:
        """Let the next turn of the event loop come."""
        acts, self._acts = self._acts, []
        for act in acts:
            act()

    @property
    def drawn(self) -> NDArray[np.uint8]:
        """What the segments of the open case hold."""
        assert self.session is not None
        return drawn_on(self.desk.case, self.session.schema)

    # -- what the desk asks for -------------------------------------------------------------------

    @contextmanager
    def guarded(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.errors.append(str(error))

    def say(self, text: str, actions: Sequence[Action] = ()) -> None:
        self.text, self.actions = text, dict(actions)

    def notice(self, text: str) -> None:
        self.say(text)

    def clear_notice(self) -> None:
        self.say("")

    def ask_for_value(self, name: str, answer: Answer) -> None:
        self.question = (name, answer)

    def cases_changed(self) -> None:
        self._may_fail("cases_changed")

    def show_case(self, opened: Opened) -> None:
        self._may_fail("show_case")
        self.shown = opened

    def finish_stroke(self) -> None:
        self._may_fail("finish_stroke")
        if self.stroke is not None and self.shown is not None:
            draw_segment(self.shown.case, *self.stroke)
        self.stroke = None

    def let_go(self) -> None:
        assert self.shown is None or self.shown.case.is_open, "the nodes are gone already"
        self.shown = None
        self.clear_notice()

    def save_state(self) -> None:
        self.states.append(self.drawn)

    def later(self, act: Callable[[], None]) -> None:
        self._acts.append(act)

    def _may_fail(self, name: str) -> None:
        if name == self.broken:
            raise RuntimeError(f"{name} is broken")

    def _on_opened(self, key: str | None, before: str | None) -> None:
        self.events.append((key, before))
