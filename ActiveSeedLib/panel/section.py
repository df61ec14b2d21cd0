"""What the sections of the panel have in common."""

from typing import TYPE_CHECKING, Any, ClassVar

import slicer

if TYPE_CHECKING:
    from ActiveSeedLib.panel.panel import Panel
    from ActiveSeedLib.worker.stream import JobState


class Section:
    """One part of the panel: a widget made by a `.ui` file, and what happens in it.

    Attributes:
        NAME: of the section; `Resources/UI/<NAME>.ui` makes its widget.
        panel: the whole.
        widget: the section's widget.
        ui: its children by name.
    """

    NAME: ClassVar[str]

    def __init__(self, panel: "Panel") -> None:
        self.panel = panel
        self.widget: Any = slicer.util.loadUI(panel.resource(f"UI/{self.NAME}.ui"))
        self.ui: Any = slicer.util.childWidgetVariables(self.widget)
        self.build()

    def build(self) -> None:
        """Connect the widgets; called once."""

    def show_project(self) -> None:
        """Show the project that was opened; `panel.session` is None if it was closed."""

    def show_cases(self) -> None:
        """Show what may have changed in the project: statuses, the queue, models, the map."""

    def show_job(self, state: "JobState | None") -> None:
        """Show the job that runs; None when nothing runs any more."""

    def enter(self) -> None:
        """Take up the work: the user came to the module."""

    def exit(self) -> None:
        """Pause: the user went to another module."""

    def close(self) -> None:
        """Let go of everything: the panel goes."""
