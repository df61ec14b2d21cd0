"""The widgets of the segment editor: the row of tools, and the list of segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.viewer.web.editor_options import EditorOptions
from ActiveSeedLib.viewer.web.looks import named, slider

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


class EditorBar:
    """Makes the widgets of a `SegmentEditor`.

    Args:
        server: trame's.
        editor: what they work on.
    """

    def __init__(self, server: Any, editor: SegmentEditor) -> None:
        self._editor = editor
        self._options = EditorOptions(server, editor)
        server.controller.trigger("editor_show")(editor.show_segment)

    def build_bar(self) -> None:
        """Make the row of tools."""
        with html.Div(
            v_if="editor_ready",
            classes="d-flex align-center px-2",
            style="gap: 4px; height: 40px;",
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

    def build_side(self) -> None:
        """Make the list of segments, how they are shown, and the options of the chosen tool."""
        self._build_segments()
        self._options.build()

    def _build_segments(self) -> None:
        with html.Div(v_if="editor_ready", classes="segment-list", **named("segments")):
            with html.Div(
                v_for="segment in editor_segments",
                key="segment.id",
                classes="d-flex align-center px-2",
                style=(
                    "{gap: '8px', cursor: 'pointer', minHeight: '28px', "
                    "background: segment.id === editor_segment ? 'rgba(86,180,233,.2)' : ''}",
                ),
                click=(self._editor.choose_segment, "[segment.id]"),
                raw_attrs=[
                    'data-name="segment"',
                    ':data-value="segment.id"',
                    ':title="segment.name"',  # a long one is cut off
                ],
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
                slider(
                    "editor_opacity",
                    self._editor.set_opacity,
                    (0, 1, 0.05),
                    "opacity",
                    "How much the segments cover the image",
                )

    @staticmethod
    def _icon(icon: Any, click: Any, name: str, tip: str, **more: Any) -> None:
        looks = {"size": "small", "variant": "text", "density": "comfortable", **more}
        v3.VBtn(icon=icon, click=click, **looks, **named(name, tip))
