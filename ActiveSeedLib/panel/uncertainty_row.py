"""How unsure the model is about the open case: the overlay, its key, and the way to the slice."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import slicer

from ActiveSeedLib.panel.opening import Opened
from ActiveSeedLib.pool.readers import read_file
from ActiveSeedLib.scene.overlay import (
    jump_to,
    remove_uncertainty,
    set_uncertainty_visible,
    slice_offset_ras,
)


class UncertaintyRow:
    """The check box and the button of the Label section.

    Args:
        ui: the section's widgets.
        touched: called when the user does something here.
        guarded: a context that tells the user what goes wrong within.
    """

    def __init__(
        self,
        ui: Any,
        touched: Callable[[], None],
        guarded: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._ui = ui
        self._touched = touched
        self._guarded = guarded
        self._opened: Opened | None = None
        ui.uncertaintyCheckBox.toggled.connect(self._on_box)
        ui.uncertainButton.clicked.connect(self._on_button)

    def show(self, opened: Opened | None) -> None:
        """Serve another case, or the same one after a new prediction; the overlay is hidden."""
        self._opened = None
        self._ui.uncertaintyCheckBox.setChecked(False)
        if opened is not None and opened.case.uncertainty is not None:
            remove_uncertainty(slicer.mrmlScene)
            opened.case.uncertainty = None
        known = opened is not None and opened.uncertainty is not None
        self._ui.uncertaintyCheckBox.setEnabled(known)
        self._ui.uncertainButton.setEnabled(known)
        self._opened = opened

    def jump(self) -> None:
        """Go to the slice that the model is least sure about, if a model has seen the case."""
        opened = self._opened
        if opened is not None and opened.uncertainty is not None:
            axis, index = opened.uncertainty.axis, opened.uncertainty.slice
            _, position = slice_offset_ras(opened.case.volume, axis, index)
            jump_to(slicer.mrmlScene, position)

    def toggle(self, *_args: Any) -> None:
        """Show the overlay if it was hidden, and the other way round."""
        if self._opened is not None and self._ui.uncertaintyCheckBox.enabled:
            self._ui.uncertaintyCheckBox.toggle()

    def _on_box(self, *_args: Any) -> None:
        opened = self._opened
        if opened is None or opened.uncertainty is None:
            return
        self._touched()
        with self._guarded():
            shown = bool(self._ui.uncertaintyCheckBox.checked)
            if shown and opened.case.uncertainty is None:
                opened.case.add_uncertainty(read_file(opened.uncertainty.path))
            set_uncertainty_visible(slicer.mrmlScene, shown)

    def _on_button(self, *_args: Any) -> None:
        self._touched()
        with self._guarded():
            self.jump()
