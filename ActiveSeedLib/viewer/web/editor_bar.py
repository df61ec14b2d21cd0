"""The widgets of the segment editor: the row of tools, and the list of segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.viewer.web.looks import FIELD, button, named
from ActiveSeedLib.viewer.web.tools_edits import SIZES

if TYPE_CHECKING:
    from ActiveSeedLib.viewer.web.editor import SegmentEditor

# Tool → icon and tooltip; the keys are those of `viewer.keys`.
_TOOLS = {
    "none": ("mdi-contrast-circle", "No tool: dragging changes brightness and contrast (Esc)"),
    "paint": ("mdi-brush", "Paint (1)"),
    "draw": ("mdi-draw", "Draw an outline that is filled (2)"),
    "erase": ("mdi-eraser", "Erase (3)"),
    "threshold": ("mdi-tune-vertical", "Threshold: choose a range of intensities (4)"),
    "scissors": ("mdi-content-cut", "Scissors: cut through all slices (5)"),
    "islands": ("mdi-island", "Islands: deal with separate pieces (6)"),
}
_SCISSORS = (
    {"title": "Erase inside", "value": "erase_inside"},
    {"title": "Erase outside", "value": "erase_outside"},
    {"title": "Fill inside", "value": "fill_inside"},
    {"title": "Fill outside", "value": "fill_outside"},
)
_BRUSHES = "['paint', 'erase'].includes(editor_effect)"
_SELECT = "max-width: 170px; min-width: 150px;"


class EditorBar:
    """Makes the widgets of a `SegmentEditor`.

    Args:
        server: trame's.
        editor: what they work on.
    """

    def __init__(self, server: Any, editor: SegmentEditor) -> None:
        self._editor = editor
        server.controller.trigger("editor_show")(editor.show_segment)
        server.controller.trigger("editor_mask")(self._use_mask)

    def build_bar(self) -> None:
        """Make the row of tools, with the options of the chosen one beside them."""
        with html.Div(
            v_if="editor_ready",
            classes="d-flex align-center px-2",
            style="gap: 4px; min-height: 40px; flex-wrap: wrap;",
            **named("editor-bar"),
        ):
            for tool, (icon, tip) in _TOOLS.items():
                self._icon(
                    icon,
                    (self._editor.choose, f"['{tool}']"),
                    f"tool-{tool}",
                    tip,
                    color=(f"editor_effect === '{tool}' ? 'primary' : undefined",),
                    variant=(f"editor_effect === '{tool}' ? 'flat' : 'text'",),
                )
            v3.VDivider(vertical=True, classes="mx-1")
            self._icon(
                "mdi-undo",
                self._editor.undo,
                "undo",
                "Undo (Ctrl+Z)",
                disabled=("!editor_can_undo",),
            )
            self._icon(
                "mdi-redo",
                self._editor.redo,
                "redo",
                "Redo (Ctrl+Y)",
                disabled=("!editor_can_redo",),
            )
            v3.VDivider(vertical=True, classes="mx-1")
            self._build_brush()
            self._build_threshold()
            self._build_scissors()
            self._build_islands()
            self._build_limits()

    def build_segments(self) -> None:
        """Make the list of segments, with how they are shown."""
        with html.Div(v_if="editor_ready", **named("segments")):
            with html.Div(
                v_for="segment in editor_segments",
                key="segment.id",
                classes="d-flex align-center px-2",
                style=(
                    "{gap: '8px', cursor: 'pointer', minHeight: '28px', "
                    "background: segment.id === editor_segment ? 'rgba(86,180,233,.2)' : ''}",
                ),
                click=(self._editor.choose_segment, "[segment.id]"),
                raw_attrs=['data-name="segment"', ':data-value="segment.id"'],
            ):
                html.Span(
                    style=(
                        "{background: segment.color, width: '14px', height: '14px', "
                        "borderRadius: '3px', flex: 'none'}",
                    )
                )
                html.Span("{{ segment.name }}", classes="text-body-2 text-truncate flex-grow-1")
                v3.VBtn(
                    icon=("segment.shown ? 'mdi-eye' : 'mdi-eye-off'",),
                    size="x-small",
                    variant="text",
                    raw_attrs=[
                        'data-name="segment-eye"',
                        'title="Show or hide this segment"',
                        "@click.stop=\"trigger('editor_show', [segment.id, !segment.shown])\"",
                    ],
                )
            with html.Div(classes="d-flex align-center px-2", style="gap: 8px;"):
                self._icon(
                    ("editor_filled ? 'mdi-square-opacity' : 'mdi-square-outline'",),
                    (self._editor.set_filled, "[!editor_filled]"),
                    "filled",
                    "Show the segments filled, or as outlines",
                )
                self._slider("editor_opacity", self._editor.set_opacity, 0, 1, 0.05, "opacity")

    def _build_brush(self) -> None:
        editor = self._editor
        with html.Div(v_if=(_BRUSHES,), classes="d-flex align-center", style="gap: 6px;"):
            for is_relative in (True, False):
                low, high = SIZES[is_relative]
                self._slider(
                    "editor_diameter",
                    editor.set_diameter,
                    low,
                    high / 2,
                    0.1,
                    "diameter",
                    v_if=("editor_relative" if is_relative else "!editor_relative",),
                )
            html.Span(
                "{{ editor_diameter.toFixed(1) }}{{ editor_relative ? ' %' : ' mm' }}",
                classes="text-caption",
                style="width: 54px;",
            )
            button(
                "{{ editor_relative ? 'mm' : '%' }}",
                (editor.set_relative, "[!editor_relative]"),
                "relative",
                "Measure the brush in mm, or on the screen (Shift + wheel changes its size)",
            )
            self._switch(
                "mdi-sphere",
                "is_sphere",
                "editor_sphere",
                "Sphere: paint on the neighbouring slices, too",
            )

    def _build_threshold(self) -> None:
        editor = self._editor
        with html.Div(
            v_if="editor_effect === 'threshold'", classes="d-flex align-center", style="gap: 6px;"
        ):
            for place, name in enumerate(("low", "high")):
                v3.VTextField(
                    model_value=(f"editor_range[{place}]",),
                    type="number",
                    step=("editor_step",),
                    style="width: 100px;",
                    change=(
                        editor.set_range,
                        "[Number($event.target.value), editor_range[1]]"
                        if place == 0
                        else "[editor_range[0], Number($event.target.value)]",
                    ),
                    **FIELD,
                    **named(f"threshold-{name}"),
                )
                if place == 0:
                    v3.VRangeSlider(
                        model_value=("editor_range",),
                        min=("editor_limits[0]",),
                        max=("editor_limits[1]",),
                        step=("editor_step",),
                        update_modelValue=(editor.set_range, "$event"),
                        density="compact",
                        hide_details=True,
                        style="width: 180px;",
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
            style=_SELECT,
            **FIELD,
            **named("scissors"),
        )

    def _build_islands(self) -> None:
        editor = self._editor
        with html.Div(
            v_if="editor_effect === 'islands'", classes="d-flex align-center", style="gap: 6px;"
        ):
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
                style="width: 130px;",
                **FIELD,
                **named("min-size"),
            )
            v3.VSelect(
                model_value=("editor_islands",),
                items=(
                    "editor_islands_items",
                    [
                        {"title": "Click keeps", "value": "keep"},
                        {"title": "Click removes", "value": "remove"},
                    ],
                ),
                update_modelValue=(self._set_islands, "[$event]"),
                style=_SELECT,
                **FIELD,
                **named("islands-click"),
            )

    def _build_limits(self) -> None:
        self._switch(
            "mdi-layers",
            "over_others",
            "editor_over_others",
            "Paint over other segments; if off, they keep what they have",
            v_if="editor_effect !== 'none'",
        )
        v3.VChip(
            "{{ editor_range[0].toFixed(0) }} to {{ editor_range[1].toFixed(0) }} only",
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
        if islands in ("keep", "remove"):
            self._editor.edits.change(islands=islands)

    def _switch(self, icon: str, setting: str, variable: str, tip: str, **more: Any) -> None:
        def toggle(is_on: bool) -> None:
            self._editor.edits.change(**{setting: bool(is_on)})

        self._icon(
            icon,
            (toggle, f"[!{variable}]"),
            setting.replace("_", "-"),
            tip,
            color=(f"{variable} ? 'primary' : undefined",),
            **more,
        )

    def _slider(
        self,
        variable: str,
        change: Any,
        low: float,
        high: float,
        step: float,
        name: str,
        **more: Any,
    ) -> None:
        v3.VSlider(
            model_value=(variable,),
            min=low,
            max=high,
            step=step,
            update_modelValue=(change, "[$event]"),
            density="compact",
            hide_details=True,
            style="width: 120px;",
            thumb_size=12,
            **more,
            **named(name),
        )

    @staticmethod
    def _icon(icon: Any, click: Any, name: str, tip: str, **more: Any) -> None:
        looks = {"size": "small", "variant": "text", "density": "comfortable", **more}
        v3.VBtn(icon=icon, click=click, **looks, **named(name, tip))
