"""The options of the chosen tool, below the segments: whole in a window of any width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.viewer.web.looks import FIELD, button, named, slider, tipped
from ActiveSeedLib.viewer.web.tools_edits import SIZES

if TYPE_CHECKING:
    from ActiveSeedLib.viewer.web.editor import SegmentEditor

# Tool → its name, and what the mouse does with it.
_WORDS = {
    "none": ("No tool", "Drag over an image: brightness and contrast."),
    "paint": ("Paint", ""),
    "draw": ("Draw", "Draw an outline: it is filled when you let go."),
    "erase": ("Erase", ""),
    "threshold": ("Threshold", "What lies within the range is shown in the segment's colour."),
    "scissors": ("Scissors", "Draw an outline: it cuts through all slices."),
    "islands": ("Islands", "Click a piece of the segment."),
}
_SCISSORS = (
    {"title": "Erase inside", "value": "erase_inside"},
    {"title": "Erase outside", "value": "erase_outside"},
    {"title": "Fill inside", "value": "fill_inside"},
    {"title": "Fill outside", "value": "fill_outside"},
)
_ISLANDS = (
    {"title": "Click keeps", "value": "keep"},
    {"title": "Click removes", "value": "remove"},
)
_BRUSHES = "['paint', 'erase'].includes(editor_effect)"
_GIVERS = "['paint', 'draw', 'threshold', 'scissors'].includes(editor_effect)"


class EditorOptions:
    """Makes the widgets for the options of a `SegmentEditor`'s tools.

    Args:
        server: trame's.
        editor: whose tools they are.
    """

    def __init__(self, server: Any, editor: SegmentEditor) -> None:
        self._editor = editor
        server.state.editor_words = _WORDS
        server.controller.trigger("editor_mask")(self._use_mask)

    def build(self) -> None:
        """Make the options; those of the tools that are not chosen are hidden."""
        with html.Div(v_if="editor_ready", classes="tool-options", **named("tool-options")):
            html.Div("{{ editor_words[editor_effect][0] }}", classes="text-subtitle-2")
            html.Div(
                "{{ editor_words[editor_effect][1] }}",
                v_if="editor_words[editor_effect][1]",
                classes="text-caption text-medium-emphasis",
            )
            self._build_brush()
            self._build_threshold()
            self._build_scissors()
            self._build_islands()
            self._build_limits()

    def _build_brush(self) -> None:
        editor = self._editor
        with html.Div(v_if=(_BRUSHES,), classes="tool-group"):
            with html.Div(classes="d-flex align-center text-body-2", style="gap: 6px;"):
                html.Span("Size", classes="flex-grow-1")
                html.Span("{{ editor_diameter.toFixed(1) }}{{ editor_relative ? ' %' : ' mm' }}")
                button(
                    "{{ editor_relative ? 'mm' : '%' }}",
                    (editor.set_relative, "[!editor_relative]"),
                    "relative",
                    "Measure the brush in mm, or in percent of the view's height",
                    size="x-small",
                )
            for is_relative in (True, False):
                low, high = SIZES[is_relative]
                slider(
                    "editor_diameter",
                    editor.set_diameter,
                    (low, high / 2, 0.1),
                    "diameter",
                    "Size of the brush (Shift + wheel)",
                    v_if=("editor_relative" if is_relative else "!editor_relative",),
                )
            self._switch(
                "Sphere", "is_sphere", "editor_sphere", "Paint on the neighbouring slices, too"
            )

    def _build_threshold(self) -> None:
        editor = self._editor
        with html.Div(v_if="editor_effect === 'threshold'", classes="tool-group"):
            for place, name, label in ((0, "low", "From"), (1, "high", "To")):
                v3.VTextField(
                    model_value=(f"Number(editor_range[{place}].toPrecision(8))",),
                    type="number",
                    step=("editor_step",),
                    label=label,
                    # This end alone: what the page knows of the other one may be of before.
                    change=(editor.set_end, f"['{name}', Number($event.target.value)]"),
                    **FIELD,
                    **named(f"threshold-{name}"),
                )
            v3.VRangeSlider(
                model_value=("editor_range",),
                min=("editor_limits[0]",),
                max=("editor_limits[1]",),
                step=("editor_step",),
                update_modelValue=(editor.set_range, "$event"),
                density="compact",
                hide_details=True,
                thumb_size=12,
                **named("threshold-range"),
            )
            button(
                "Apply",
                editor.apply_threshold,
                "threshold-apply",
                "The segment becomes what lies within the range",
            )
            button(
                "Use as mask",
                (self._use_mask, "[true]"),
                "threshold-mask",
                "Paint only where the image lies within the range",
            )

    def _build_scissors(self) -> None:
        v3.VSelect(
            v_if="editor_effect === 'scissors'",
            model_value=("editor_scissors",),
            items=("editor_scissors_items", list(_SCISSORS)),
            update_modelValue=(self._set_scissors, "[$event]"),
            **FIELD,
            **named("scissors"),
        )

    def _build_islands(self) -> None:
        editor = self._editor
        with html.Div(v_if="editor_effect === 'islands'", classes="tool-group"):
            v3.VSelect(
                model_value=("editor_islands",),
                items=("editor_islands_items", list(_ISLANDS)),
                update_modelValue=(self._set_islands, "[$event]"),
                **FIELD,
                **named("islands-click"),
            )
            button("Keep largest", editor.keep_largest, "keep-largest", "Keep the largest piece")
            button(
                "Remove smaller than",
                (editor.remove_small, "[editor_min_size]"),
                "remove-small",
                "Remove the pieces that have fewer voxels",
            )
            v3.VTextField(
                v_model_number=("editor_min_size",),
                type="number",
                suffix="voxels",
                **FIELD,
                **named("min-size"),
            )

    def _build_limits(self) -> None:
        self._switch(
            "Over other segments",
            "over_others",
            "editor_over_others",
            "Other segments give way; if off, they keep what they have",
            v_if=(_GIVERS,),
        )
        v3.VChip(
            "{{ editor_range.map((end) => Number(end.toPrecision(8))).join(' to ') }} only",
            v_if="editor_masked",
            size="small",
            closable=True,
            raw_attrs=[
                'data-name="masked"',
                'title="Only voxels within this range are changed; close it to change all"',
                "@click:close=\"trigger('editor_mask', [false])\"",
            ],
        )

    # -- within ------------------------------------------------------------------------------------

    def _use_mask(self, is_masked: bool) -> None:
        self._editor.edits.change(is_masked=bool(is_masked))

    def _set_scissors(self, scissors: str) -> None:
        if scissors in {item["value"] for item in _SCISSORS}:
            self._editor.edits.change(scissors=scissors)

    def _set_islands(self, islands: str) -> None:
        if islands in {item["value"] for item in _ISLANDS}:
            self._editor.edits.change(islands=islands)

    def _switch(self, label: str, setting: str, variable: str, tip: str, **more: Any) -> None:
        def toggle(is_on: bool) -> None:
            self._editor.edits.change(**{setting: bool(is_on)})

        with tipped(tip, **more):
            v3.VCheckbox(
                model_value=(variable,),
                label=label,
                update_modelValue=(toggle, "[$event]"),
                density="compact",
                hide_details=True,
                **named(setting.replace("_", "-")),
            )
