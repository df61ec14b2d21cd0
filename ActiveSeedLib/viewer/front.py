"""The viewer as the open case knows it, and where that case is seen."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.scene.opening import Opened

if TYPE_CHECKING:
    from ActiveSeedLib.viewer.notice import Action
    from ActiveSeedLib.viewer.viewer import Viewer


class Stage(Protocol):
    """Where the open case is seen and drawn on: the slice views and the segment editor."""

    def show_case(self, opened: Opened) -> None:
        """Show the image in the views, and let its segments be edited."""

    def finish_stroke(self) -> None:
        """Let the segments hold what is being drawn."""

    def let_go(self) -> None:
        """Let go of the nodes: they are about to vanish."""

    def save_state(self) -> None:
        """Let the user undo what is about to change."""


class DeskFront:
    """What the desk needs of its front end."""

    def __init__(self, viewer: "Viewer", stage: Stage) -> None:
        self._viewer = viewer
        self._stage = stage
        self.show_case = stage.show_case
        self.finish_stroke = stage.finish_stroke
        self.save_state = stage.save_state
        self.say = viewer.say
        self.guarded = viewer.guarded
        self.cases_changed = viewer.tell_cases
        self.clear_notice = viewer.notice.clear
        self.scene = viewer.scene

    @property
    def session(self) -> Session | None:
        """The open project."""
        return self._viewer.session

    def let_go(self) -> None:
        """Let go of the nodes, and of what was said about the case."""
        self._stage.let_go()
        self._viewer.unsay()

    def later(self, act: Callable[[], None]) -> None:
        """Call `act` in the next turn of the event loop."""
        self._viewer.later(0, act)

    def notice(self, text: str) -> None:
        """Say something that stays true when another case is open."""
        self._viewer.notice.show(text)

    def ask_for_value(self, name: str, answer: Callable[[str, int], None]) -> None:
        """Ask which structure of the schema the segment `name` is."""
        viewer = self._viewer
        choices: list[Action] = [
            (segment.name, partial(answer, name, segment.value))
            for segment in viewer.session.schema.segments
        ]
        choices.append(("Go on editing", viewer.notice.clear))
        viewer.say(f"Which structure of the label schema is {name}? Nothing is saved yet.", choices)
