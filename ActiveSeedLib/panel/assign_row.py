"""The question which structure of the schema a segment belongs to that the user added."""

from collections.abc import Iterable
from typing import Any

from ActiveSeedLib.project import Segment
from ActiveSeedLib.scene.front import Answer


class AssignRow:
    """A row of the Label section that is shown while there is such a question."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._name = ""
        self._answer: Answer | None = None
        ui.assignButton.clicked.connect(self._on_assign)
        ui.assignCancelButton.clicked.connect(self.hide)
        self.hide()

    def ask(self, name: str, segments: Iterable[Segment], answer: Answer) -> None:
        """Ask which of `segments` the segment `name` is; `answer` gets its name and the value."""
        self._name, self._answer = name, answer
        self._ui.assignComboBox.clear()
        for segment in segments:
            self._ui.assignComboBox.addItem(segment.name, segment.value)
        self._ui.assignLabel.setText(f"Which structure is the segment {name}?")
        self._ui.assignFrame.setVisible(True)

    def hide(self, *_args: Any) -> None:
        """Ask no more."""
        self._answer = None
        self._ui.assignFrame.setVisible(False)

    def _on_assign(self, *_args: Any) -> None:
        answer = self._answer
        value = self._ui.assignComboBox.itemData(self._ui.assignComboBox.currentIndex)
        self.hide()
        if answer is not None and value is not None:
            answer(self._name, int(value))
