"""What the open case needs of the front end that shows it: Slicer's panel, or a browser."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.scene.opening import Opened

Action = tuple[str, Callable[[], None]]
"""The title of a button, and what it does."""
Answer = Callable[[str, int], None]
"""Takes the name of a segment and the value that it stands for."""


class Front(Protocol):
    """A front end as the `Desk` knows it."""

    @property
    def session(self) -> Session | None:
        """The open project, or None."""

    @property
    def scene(self) -> Any:
        """The vtkMRMLScene that cases are opened in."""

    # -- what is said to the user -----------------------------------------------------------------

    def guarded(self) -> AbstractContextManager[None]:
        """Return a context that tells the user what goes wrong within, and goes on."""

    def say(self, text: str, actions: Sequence[Action] = ()) -> None:
        """Say something about the open case, with buttons; it goes with the case."""

    def notice(self, text: str) -> None:
        """Say something that stays true when another case is open."""

    def clear_notice(self) -> None:
        """Put the message away."""

    def ask_for_value(self, name: str, answer: Answer) -> None:
        """Ask which structure of the schema the segment `name` is, and pass it to `answer`."""

    def cases_changed(self) -> None:
        """Statuses, the queue or the schema may have changed."""

    # -- where the case is seen and drawn on ------------------------------------------------------

    def show_case(self, opened: Opened) -> None:
        """Show the image in the slice views, and let its segments be edited."""

    def finish_stroke(self) -> None:
        """Let the segments hold what is being drawn: they are about to be kept or saved."""

    def let_go(self) -> None:
        """Let go of the nodes, which are about to vanish, and of what was said about the case."""

    def save_state(self) -> None:
        """Let the user undo what is about to change in the segments."""

    def later(self, act: Callable[[], None]) -> None:
        """Call `act` as soon as the events that are under way are through."""
