"""One slice view of the page: where its slice lies, in words, and whether it still fits."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from trame.widgets import client, html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.scene.volumes import matrix_array
from ActiveSeedLib.viewer.web.looks import named

_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))  # below and above 0 of each axis of RAS
_SIDES = ("left", "right", "top", "bottom")
_BEFORE, _AFTER = 1.0, -1.0  # as priorities of an observer: trame-slicer resizes the slice at 0


@dataclass(frozen=True)
class Place:
    """Where a slice lies within the voxels of a volume.

    Attributes:
        axis: I, J or K (0, 1, 2), the one that the slice is across.
        index: along that axis, in voxels; whole where the slice goes through their centres.
        count: of voxels along that axis.
        step: from one index to the next in mm along the slice's normal; may be negative.
    """

    axis: int
    index: float
    count: int
    step: float


def place_of(slice_node: Any, volume_node: Any) -> Place:
    """Return which slice of a volume a view shows."""
    from vtk import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    to_ras = matrix_array(matrix)
    to_view = matrix_array(slice_node.GetSliceToRAS())
    along = to_view[:3, 2] @ to_ras[:3, :3]
    axis = int(np.argmax(np.abs(along) / np.linalg.norm(to_ras[:3, :3], axis=0)))
    index = np.linalg.solve(to_ras, to_view[:, 3])[axis]
    count = volume_node.GetImageData().GetDimensions()[axis]
    return Place(axis, float(index), count, float(along[axis]))


def _letter(direction: NDArray[np.float64]) -> str:
    """Return the side of the patient that a direction, R, A, S, leads to."""
    axis = int(np.argmax(np.abs(direction)))
    return _LETTERS[axis][int(direction[axis] > 0)]


def _paint_image_first(view: Any) -> None:
    """Let segments and overlays lie over the image.

    What came to the view first is painted first, and trame-slicer adds the image when it has one.
    """
    actor = view._render_manager.image_actor
    actor.VisibilityOff()
    view.first_renderer().AddViewProp(actor)


class Page(Protocol):
    """What concerns more than one view."""

    def enlarge(self, name: str) -> None:
        """Show one view alone; if it is alone already, all of them again."""

    def reset_window(self) -> None:
        """Show the grey values as when the case was opened."""


class Pane:
    """A slice view with its slider.

    Args:
        server: trame's.
        view: the SliceView of trame-slicer.
        orientation: "Axial", "Coronal" or "Sagittal".
        page: all the views.

    Attributes:
        name: of the view: "Red", "Green", "Yellow".
        view: the SliceView.
    """

    def __init__(self, server: Any, view: Any, orientation: str, page: Page) -> None:
        self.view = view
        self.name: str = view.get_singleton_tag()
        self._orientation = orientation
        self._page = page
        self._state = server.state
        self._variable = f"view_{self.name.lower()}"
        self._volume: Any = None
        self._told: dict[str, Any] = {}
        self._fitted: tuple[Any, ...] | None = None
        self._was_fitted = False
        view.get_view_node().SetDefaultOrientation(orientation)
        _paint_image_first(view)
        view.render_window().SetMultiSamples(
            0
        )  # smooths nothing in a slice, and takes half the time
        view.interactor().AddObserver("WindowResizeEvent", self._on_resizing, _BEFORE)
        view.interactor().AddObserver("WindowResizeEvent", self._on_resized, _AFTER)
        view.modified.connect(self._tell)
        self._tell()

    def show(self, volume_node: Any | None) -> None:
        """Show a volume along its own axes, as large as it fits; None shows nothing."""
        self._volume = volume_node
        view, node = self.view, self.view.get_view_node()
        view.set_foreground_volume_id(None)
        view.set_background_volume_id(None if volume_node is None else volume_node.GetID())
        node.SetOrientationToDefault()  # a 2-D image may have turned the view its way
        if volume_node is not None:
            # A segment drawn across the voxels would be striped.
            node.RotateToVolumePlane(volume_node)
            self.fit()
        self._tell()

    def fit(self, *, keep_slice: bool = False) -> None:
        """Show the whole slice, as large as the view allows; the middle slice unless kept."""
        offset = self.view.get_slice_value()
        self.view.fit_view_to_content()
        if keep_slice:
            self.view.set_slice_value(offset)
        self._fitted = self._frame()

    def go_to(self, number: float) -> None:
        """Show a slice by its number, from 1."""
        if self._volume is not None:
            place = place_of(self.view.get_view_node(), self._volume)
            index = min(max(round(number), 1), place.count) - 1
            moved = (index - place.index) * place.step
            self.view.set_slice_value(self.view.get_slice_value() + moved)

    def build(self) -> None:
        """Make the view with what belongs to it."""
        name, variable = self.name, self._variable
        with html.Div(
            style="position: relative; flex: 1; min-height: 0; background: #000;",
            # While a tool is chosen two clicks are two strokes.
            dblclick=(self._toggle, f"[editor_effect === 'none', '{name}']"),
            raw_attrs=[f'data-name="view-{name}"'],
        ):
            client.ServerTemplate(name=name)
            for side in _SIDES:
                html.Span(
                    f"{{{{ {variable}.{side} }}}}",
                    classes=f"slice-letter slice-{side} text-caption",
                )
            with html.Div(classes="slice-buttons"):
                self._button("mdi-fit-to-page-outline", self._on_fit, "Fit the slice to the view")
                self._button(
                    "mdi-contrast-box",
                    self._page.reset_window,
                    "Brightness and contrast as at first",
                )
                self._button(
                    "mdi-arrow-expand",
                    (self._page.enlarge, f"['{name}']"),
                    "Enlarge this view, and back (double click)",
                    v_if="view_number > 1",
                )
        with html.Div(
            v_if=(f"{variable}.words",),
            classes="slice-row px-2",
        ):
            with html.Span(
                classes="text-caption text-truncate",
                style="min-width: 0;",
                raw_attrs=[f'data-name="position-{name}"', f':title="{variable}.words"'],
            ):
                html.Span(f"{{{{ '{self._orientation} ' }}}}", classes="slice-name")
                html.Span(f"{{{{ {variable}.place }}}}")
            v3.VSlider(
                v_if=(f"{variable}.count > 1",),
                model_value=(f"{variable}.number",),
                min=1,
                max=(f"{variable}.count",),
                step=1,
                update_modelValue=(self.go_to, "[$event]"),
                density="compact",
                hide_details=True,
                style="flex: 1 0 44px;",
                thumb_size=12,
                track_size=2,
                raw_attrs=[f'data-name="slider-{name}"'],
            )

    def _button(self, icon: str, click: Any, tip: str, **more: Any) -> None:
        v3.VBtn(icon=icon, click=click, size="x-small", variant="text", **more, **named(icon, tip))

    def _toggle(self, free: bool, name: str) -> None:
        if free:
            self._page.enlarge(name)

    def _on_fit(self) -> None:
        self.fit(keep_slice=True)

    # -- fitting -----------------------------------------------------------------------------------

    def _frame(self) -> tuple[Any, ...]:
        node = self.view.get_view_node()
        return (*node.GetFieldOfView()[:2], *node.GetXYZOrigin()[:2])

    def _on_resizing(self, *_args: Any) -> None:
        self._was_fitted = self._volume is not None and self._frame() == self._fitted

    def _on_resized(self, *_args: Any) -> None:
        """Fit again what fitted before; what the user zoomed or moved stays as it is."""
        if self._was_fitted:
            self.fit(keep_slice=True)

    # -- words -------------------------------------------------------------------------------------

    def _tell(self, *_args: Any) -> None:
        described = self._described()
        if described != self._told:
            self._told = described
            with self._state as state:
                state[self._variable] = described

    def _described(self) -> dict[str, Any]:
        node = self.view.get_view_node()
        if self._volume is None or node is None:
            return {"number": 1, "count": 1, **self._unsaid()}
        place = place_of(node, self._volume)
        found: dict[str, Any] = {"number": round(place.index) + 1, "count": place.count}
        if place.count == 1 and 1 in self._volume.GetImageData().GetDimensions():
            return {**found, **self._unsaid()}
        to_ras = matrix_array(node.GetSliceToRAS())
        right, up, normal = to_ras[:3, 0], to_ras[:3, 1], to_ras[:3, 2]
        axis = int(np.argmax(np.abs(normal)))
        mm = float(to_ras[axis, 3])
        side = _LETTERS[axis][int(mm > 0)]
        where = f"{found['number']} of {place.count}, {side} {abs(mm):.1f} mm"
        return {
            **found,
            "words": f"{self._orientation} {where}",
            "place": where,
            "left": _letter(-right),
            "right": _letter(right),
            "top": _letter(up),
            "bottom": _letter(-up),
        }

    @staticmethod
    def _unsaid() -> dict[str, str]:
        return dict.fromkeys(("words", "place", *_SIDES), "")
