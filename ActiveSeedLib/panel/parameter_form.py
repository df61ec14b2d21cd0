"""Widgets for the fields of a dataclass: a method's parameters, whatever they are."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import qt

from ActiveSeedLib.signals import Signal

DECIMALS = 3
WIDEST = 1_000_000


class ParameterForm:
    """Shows the parameters of one dataclass in a form layout, and reads them back.

    A field's metadata may hold "help" (the tooltip), "minimum" and "maximum".

    Attributes:
        changed: emitted when the user has changed a value.
    """

    def __init__(self, layout: Any) -> None:
        self.changed = Signal()
        self._layout = layout
        self._kind: type[Any] | None = None
        self._hints: dict[str, Any] = {}
        self._widgets: dict[str, Any] = {}
        self._showing = False

    @property
    def widgets(self) -> dict[str, Any]:
        """The widget of each parameter, by its name."""
        return dict(self._widgets)

    def show(self, kind: type[Any], values: Mapping[str, Any]) -> None:
        """Show the fields of `kind` with `values`; what is left out has its default."""
        self._showing = True
        if kind is not self._kind:
            self._build(kind)
        for one in dataclasses.fields(kind):
            default = None if one.default is dataclasses.MISSING else one.default
            self._write(one.name, values.get(one.name, default))
        self._showing = False

    def values(self) -> dict[str, Any]:
        """Return the parameters that differ from their defaults."""
        if self._kind is None:
            return {}
        found = {one.name: self._read(one.name) for one in dataclasses.fields(self._kind)}
        defaults = {one.name: one.default for one in dataclasses.fields(self._kind)}
        return {name: value for name, value in found.items() if value != defaults[name]}

    def _build(self, kind: type[Any]) -> None:
        while self._layout.rowCount():
            self._layout.removeRow(0)
        self._kind, self._hints, self._widgets = kind, get_type_hints(kind), {}
        for one in dataclasses.fields(kind):
            widget = self._make(self._hints[one.name], one.metadata)
            words = one.name.replace("_", " ")
            widget.setObjectName(one.name)
            widget.setToolTip(one.metadata.get("help", words))
            self._widgets[one.name] = widget
            if self._hints[one.name] is bool:
                widget.setText(words.capitalize())
                self._layout.addRow(widget)
            else:
                self._layout.addRow(f"{words.capitalize()}:", widget)

    def _make(self, hint: Any, metadata: Mapping[str, Any]) -> Any:
        if hint is bool:
            widget = qt.QCheckBox()
            widget.toggled.connect(self._on_changed)
        elif get_origin(hint) is Literal:
            widget = qt.QComboBox()
            for choice in get_args(hint):
                widget.addItem(str(choice), choice)
            widget.currentIndexChanged.connect(self._on_changed)
        elif hint in (int, float):
            widget = qt.QSpinBox() if hint is int else qt.QDoubleSpinBox()
            widget.setMinimum(metadata.get("minimum", -WIDEST))
            widget.setMaximum(metadata.get("maximum", WIDEST))
            if hint is float:
                widget.setDecimals(DECIMALS)
                widget.setSingleStep(0.05)
            widget.valueChanged.connect(self._on_changed)
        else:
            widget = qt.QLineEdit()
            widget.textChanged.connect(self._on_changed)
        return widget

    def _write(self, name: str, value: Any) -> None:
        hint, widget = self._hints[name], self._widgets[name]
        if hint is bool:
            widget.setChecked(bool(value))
        elif get_origin(hint) is Literal:
            widget.setCurrentIndex(max(0, widget.findText(str(value))))
        elif hint in (int, float):
            widget.setValue(hint(value or 0))
        else:
            plain = value if isinstance(value, str) else json.dumps(value)
            widget.setText("" if value is None else plain)

    def _read(self, name: str) -> Any:
        hint, widget = self._hints[name], self._widgets[name]
        if hint is bool:
            return bool(widget.checked)
        if get_origin(hint) is Literal:
            return get_args(hint)[widget.currentIndex]
        if hint is int:
            return int(widget.value)
        if hint is float:
            return round(float(widget.value), DECIMALS)
        text = str(widget.text).strip()
        try:
            return json.loads(text)
        except ValueError:
            return text or None

    def _on_changed(self, *_args: Any) -> None:
        if not self._showing:
            self.changed.emit()
