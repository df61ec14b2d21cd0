"""Where the open case is seen and drawn on: the slice views and the Segment Editor of Slicer."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import qt
import slicer

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.panel import views
from ActiveSeedLib.panel.assign_row import AssignRow
from ActiveSeedLib.panel.editor import Editor
from ActiveSeedLib.scene.desk import Desk
from ActiveSeedLib.scene.front import Action, Answer
from ActiveSeedLib.scene.opening import Opened

if TYPE_CHECKING:
    from ActiveSeedLib.panel.panel import Panel


class Stage:
    """The panel as the desk knows it; see `scene.front.Front`.

    Args:
        panel: says what there is to say.
        ui: the widgets of the Label section.

    Attributes:
        desk: the open case.
        editor: the Segment Editor.
        assign_row: asks which structure a segment is.
    """

    def __init__(self, panel: "Panel", ui: Any) -> None:
        self._panel = panel
        self._active = False
        self._said = ""
        self._acts: list[Callable[[], None]] = []
        self.editor = Editor(ui.editorWidget)
        self.assign_row = AssignRow(ui)
        self.desk = Desk(self)
        self._view_watch = views.ViewWatch(self.desk.touch)

    @property
    def session(self) -> Session | None:
        """The open project, or None."""
        return self._panel.session

    @property
    def scene(self) -> Any:
        """Slicer's scene."""
        return slicer.mrmlScene

    def enter(self) -> None:
        """Take the keys and the mouse."""
        self._active = True
        self.editor.enter()
        if self.desk.key is not None:
            self._view_watch.start()
            self.desk.touch()

    def exit(self) -> None:
        """Leave keys and mouse to the other module."""
        self._active = False
        self._view_watch.stop()
        self.editor.exit()

    # -- what is said to the user -----------------------------------------------------------------

    def guarded(self) -> AbstractContextManager[None]:
        """Return a context that says on top of the panel what goes wrong within."""
        return self._panel.guarded()

    def say(self, text: str, actions: Sequence[Action] = ()) -> None:
        """Say something about the open case on top of the panel; it goes with the case."""
        self._said = text
        self._panel.notice(text, "warning", actions)

    def notice(self, text: str) -> None:
        """Say something on top of the panel."""
        self._panel.notice(text)

    def clear_notice(self) -> None:
        """Put the message away."""
        self._panel.clear_notice()

    def ask_for_value(self, name: str, answer: Answer) -> None:
        """Ask which structure of the schema the segment `name` is; `answer` gets name and value."""
        if self._panel.session is not None:
            self.assign_row.ask(name, self._panel.session.schema.segments, answer)

    def cases_changed(self) -> None:
        """Tell every section of the panel."""
        self._panel.cases_changed()

    # -- the open case ----------------------------------------------------------------------------

    def show_case(self, opened: Opened) -> None:
        """Show the image in the slice views, and its segments in the Segment Editor."""
        case = opened.case
        views.show_volume(case.volume)
        self.editor.show(case.segmentation, case.volume)
        if self._active:
            self._view_watch.start()

    def finish_stroke(self) -> None:
        """Do nothing: a stroke of the Segment Editor ends before anything else begins."""

    def let_go(self) -> None:
        """Let go of the nodes, which are about to vanish, and of what was said about the case."""
        self._view_watch.stop()
        if slicer.mrmlScene.IsClosing():
            self.editor.scene_closes()
        else:
            self.editor.clear()
        self.assign_row.hide()
        if self._panel.notice_text == self._said:
            self._panel.clear_notice()

    def save_state(self) -> None:
        """Let the user undo what is about to change in the segments."""
        self.editor.save_state()

    def later(self, act: Callable[[], None]) -> None:
        """Call `act` in the next turn of the event loop."""
        self._acts.append(act)
        qt.QTimer.singleShot(0, self._on_later)

    def _on_later(self, *_args: Any) -> None:
        acts, self._acts = self._acts, []
        for act in acts:
            act()
