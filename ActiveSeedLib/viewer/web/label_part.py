"""The strip above the slice views: the open case, where it starts from, and saving."""

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.app import queue as queues
from ActiveSeedLib.scene.opening import REPLACE
from ActiveSeedLib.scene.overlay import SCALE
from ActiveSeedLib.viewer.viewer import Viewer
from ActiveSeedLib.viewer.web.looks import button, css_color, named

_SCALE = f"linear-gradient(to right, {', '.join(css_color(color) for color in SCALE)})"


class LabelPart:
    """Says which case is open, and saves, skips, excludes and closes it.

    Args:
        server: trame's.
        viewer: whose open case it is.
    """

    def __init__(self, server: Any, viewer: Viewer) -> None:
        self._state = server.state
        self._viewer = viewer
        self.show()
        viewer.case_changed.connect(self.show)
        viewer.cases_changed.connect(self.show)

    def show(self) -> None:
        """Show what is to know about the open case."""
        viewer, opened = self._viewer, self._viewer.desk.opened
        row = viewer.session.row(opened.case.key) if opened else None
        with self._state as state:
            state.case_opening = viewer.opening
            state.case_back = viewer.can_go_back
            state.case_key = viewer.desk.key or ""
            state.case_name = opened.name if opened else ""
            state.case_can = queues.can_do(row)._asdict()
            state.case_reason = opened.reason if opened else ""
            state.case_source = opened.words if opened else ""
            state.case_instead = REPLACE[opened.instead] if opened and opened.instead else ""
            state.case_newer = bool(opened) and viewer.desk.has_newer_prediction
            state.case_uncertain = bool(opened and opened.uncertainty)
            state.case_shown = bool(opened) and viewer.desk.is_uncertainty_shown
            state.case_draft = viewer.desk.draft_words
            state.case_slices = viewer.desk.slice_words
            state.case_many_slices = opened is not None and len(opened.slices) > 1

    def build(self) -> None:
        """Make the strip."""
        with (
            html.Div(classes="case-strip"),
            html.Div(classes="case-inner px-2 py-1"),
        ):
            html.Div(
                "No case is open. {{ page_next }}",
                v_if=("!case_name && !case_opening",),
                classes="text-body-2 text-medium-emphasis py-1",
                **named("no-case"),
            )
            html.Div(
                "Opening {{ case_opening }}…",
                v_if=("case_opening",),
                classes="text-body-2 py-1",
                **named("opening"),
            )
            with html.Div(v_if=("case_name && !case_opening",)):
                self._build_buttons()
                self._build_words()

    def _build_buttons(self) -> None:
        viewer = self._viewer
        with html.Div(classes="case-buttons"):
            html.Div(
                "{{ case_name }}",
                classes="case-name text-subtitle-2 mr-2 text-truncate",
                raw_attrs=['data-name="case-name"', ':title="case_name"'],
            )
            button(
                "Save and next",
                viewer.save_and_next,
                "save-next",
                "Save the label map and open the next case of the queue (Ctrl+Shift+S).",
                color="primary",
                prepend_icon="mdi-content-save-move-outline",
            )
            button(
                "Save",
                viewer.save,
                "save",
                "Save the label map to the project (Ctrl+S). The version before is kept.",
                prepend_icon="mdi-content-save-outline",
            )
            button(
                "",
                viewer.open_previous,
                "previous",
                "Back to the case that was open before.",
                disabled=("!case_back",),
                icon="mdi-skip-previous",
                size="x-small",
            )
            aside = "[case_key, '{}']"
            button(
                "Skip",
                (viewer.put_aside, aside.format("skip")),
                "skip",
                "Take the case out of the queue for now.",
                disabled=("!case_can.skip",),
            )
            button(
                "Exclude",
                (viewer.put_aside, aside.format("exclude")),
                "exclude",
                "Never suggest it, train on it or score with it.",
                disabled=("!case_can.exclude",),
            )
            button(
                "",
                viewer.close_case,
                "close",
                "Close the case; changes that were not saved are kept as a draft.",
                icon="mdi-close",
                size="x-small",
            )
            v3.VSpacer()
            button(
                "Next slice",
                viewer.next_slice,
                "next-slice",
                "Show the next of the slices that are to be labelled (N).",
                v_if=("case_slices",),
                disabled=("!case_many_slices",),
                prepend_icon="mdi-layers-outline",
            )
            button(
                "Uncertainty",
                viewer.toggle_uncertainty,
                "uncertainty",
                "Colour the voxels by how unsure the model is about them: the brighter, the less "
                "sure (U).",
                v_if=("case_uncertain",),
                active=("case_shown",),
                prepend_icon="mdi-blur",
            )
            button(
                "",
                viewer.jump_to_uncertain,
                "uncertain-slice",
                "Jump to the slice that the model is least sure about.",
                v_if=("case_uncertain",),
                icon="mdi-crosshairs-question",
                size="x-small",
            )

    def _build_words(self) -> None:
        viewer = self._viewer
        with html.Div(classes="case-words text-caption text-medium-emphasis"):
            with html.Span(v_if=("case_shown",), **named("uncertainty-scale")):
                html.Span("Sure")
                html.Span(classes="uncertainty-colours mx-1", style=f"background: {_SCALE};")
                html.Span("unsure")
            html.Span("{{ case_slices }}", v_if=("case_slices",), **named("slices"))
            html.Span("{{ case_source }}", **named("source"))
            html.A(
                "{{ case_instead }}",
                v_if=("case_instead",),
                click=viewer.start_over,
                classes="case-link",
                **named("instead", "Replace what the segments hold. Undo brings it back."),
            )
            html.A(
                "Use the new prediction",
                v_if=("case_newer",),
                click=viewer.take_prediction,
                classes="case-link",
                **named(
                    "newer",
                    "Replace what the segments hold by what the newest model predicts. "
                    "Undo brings it back.",
                ),
            )
            html.Span("{{ case_draft }}", **named("draft"))
            html.Span(
                "{{ case_reason }}",
                raw_attrs=['data-name="reason"', ':title="case_reason"'],
            )
