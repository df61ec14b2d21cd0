"""How unsure the model is: the box for the overlay, and the way to the slice."""

from typing import Any

from ActiveSeedLib.scene.desk import Desk


class UncertaintyRow:
    """The check box and the button of the Label section.

    Args:
        ui: the section's widgets.
        desk: the open case.
    """

    def __init__(self, ui: Any, desk: Desk) -> None:
        self._ui = ui
        self._desk = desk
        ui.uncertaintyCheckBox.toggled.connect(self._on_box)
        ui.uncertainButton.clicked.connect(self._on_button)

    def show(self) -> None:
        """Show whether the overlay is seen, and whether there is one."""
        opened = self._desk.opened
        known = opened is not None and opened.uncertainty is not None
        self._ui.uncertaintyCheckBox.setChecked(self._desk.is_uncertainty_shown)
        self._ui.uncertaintyCheckBox.setEnabled(known)
        self._ui.uncertainButton.setEnabled(known)

    def toggle(self, *_args: Any) -> None:
        """Show the overlay if it was hidden, and the other way round."""
        if self._desk.opened is not None and self._ui.uncertaintyCheckBox.enabled:
            self._ui.uncertaintyCheckBox.toggle()

    def _on_box(self, *_args: Any) -> None:
        shown = bool(self._ui.uncertaintyCheckBox.checked)
        if shown == self._desk.is_uncertainty_shown:
            return
        with self._desk.front.guarded():
            self._desk.show_uncertainty(shown)
        self.show()

    def _on_button(self, *_args: Any) -> None:
        with self._desk.front.guarded():
            self._desk.jump_to_uncertain()
