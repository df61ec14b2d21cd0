"""The slice views: what they show, where they are, and that they listen to nobody but the user."""

import asyncio
from typing import Any

import numpy as np
import pytest
import slicer
import vtk

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.scene.overlay import jump_to, set_uncertainty_visible
from Testing.scene.conftest import GEOMETRIES
from Testing.viewer.stage import SIZE, Looped, Stage, grey, shared_stage, stage

__all__ = ["shared_stage", "stage"]

FLAT = Geometry((90, 60, 1))
DEEP = Geometry((40, 30, 20), (1.0, 1.0, 2.0))
VOLUMES = {name: geometry for name, geometry in GEOMETRIES.items() if name != "one slice"}


def test_the_scene_is_slicers_and_has_no_3d_view(stage: Stage) -> None:
    assert slicer.mrmlScene is stage.scene
    assert stage.scene.GetNumberOfNodesByClass("vtkMRMLViewNode") == 0
    assert stage.scene.GetNumberOfNodesByClass("vtkMRMLSliceNode") == 3


@pytest.mark.parametrize("name", VOLUMES)
def test_slices_go_through_the_middle_of_the_voxels(stage: Stage, name: str) -> None:
    geometry = VOLUMES[name]
    stage.open(grey(geometry))
    numbers = set()
    for view in ("Red", "Green", "Yellow"):
        described = stage.state[f"view_{view.lower()}"]
        numbers.add(described["count"])
        for number in (1, described["count"], 2):
            stage.views.pane(view).go_to(number)
            assert stage.state[f"view_{view.lower()}"]["number"] == number
            voxel = ijk(stage, stage.ras(SIZE / 2, SIZE / 2, view))
            axis = geometry.size.index(described["count"])
            assert voxel[axis] == pytest.approx(number - 1, abs=1e-6)
    assert numbers == set(geometry.size), "each view cuts across another axis"


def ijk(stage: Stage, ras: Any) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    stage.case.volume.GetRASToIJKMatrix(matrix)
    return np.array(matrix.MultiplyPoint((*ras, 1.0))[:3])


def test_words_name_orientation_slice_and_place(stage: Stage) -> None:
    stage.open(grey(Geometry((40, 30, 20), (1.0, 1.0, 2.0), (0.0, 0.0, -10.0))))
    stage.views.pane("Red").go_to(3)
    described = stage.state.view_red
    assert described["words"] == "Axial 3 of 20, I 6.0 mm"
    sides = [described[side] for side in ("left", "right", "top", "bottom")]
    assert sides == ["R", "L", "A", "P"]
    stage.views.pane("Yellow").go_to(40)
    assert stage.state.view_yellow["words"] == "Sagittal 40 of 40, L 39.0 mm"


def test_a_2d_image_leaves_the_terminal_quiet(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    stage.open(grey(FLAT))
    before = stage.picture().astype(int)
    stage.editor.choose("paint")
    stage.editor.edits.change(low=125.0, high=200.0)
    stage.editor.choose("threshold")
    after = stage.picture().astype(int)
    assert np.ptp(before, axis=2).max() == 0, "grey"
    assert np.ptp(after, axis=2).max() > 10, "the range is shown in the segment's colour"
    assert "ERR" not in "".join(capfd.readouterr())


def test_a_2d_image_gets_one_view_the_right_way_up(stage: Stage) -> None:
    stage.open(grey(FLAT))
    assert stage.state.view_shown == ["Red"]
    assert stage.state.view_red["words"] == ""
    picture = stage.picture().mean(axis=2)
    above, below = (
        picture[SIZE // 2 - 60 : SIZE // 2 - 30],
        picture[SIZE // 2 + 30 : SIZE // 2 + 60],
    )
    assert below[:, 150:250].mean() > above[:, 150:250].mean() + 50
    stage.open(grey(DEEP))
    assert stage.state.view_shown == ["Red", "Green", "Yellow"]
    assert stage.state.view_red["words"].startswith("Axial 11 of 20")


def test_a_volume_fits_whatever_the_size_of_the_view(stage: Stage) -> None:
    stage.open(grey(DEEP))

    def width() -> int:
        return int((stage.picture().max(axis=(0, 2)) > 20).sum())

    assert width() == pytest.approx(SIZE, abs=3)
    stage.resize(900, 300)
    assert width() == pytest.approx(300 * 40 / 30, abs=3), "it fits again after a resize"
    stage.views.pane("Red").go_to(3)
    stage.resize(SIZE, SIZE)
    assert stage.state.view_red["number"] == 3, "and stays at its slice"
    stage.drag([(200, 200), (200, 220), (200, 240)], button="Right")
    zoomed = stage.node().GetFieldOfView()[1]
    stage.resize(900, 300)
    assert stage.node().GetFieldOfView()[1] == pytest.approx(zoomed), "what was zoomed stays so"
    stage.views.fit()
    assert width() == pytest.approx(300 * 40 / 30, abs=3)


def test_the_mouse_scrolls_zooms_moves_and_windows(stage: Stage) -> None:
    stage.open(grey(DEEP))
    touched: list[int] = []
    count = lambda: touched.append(1)  # noqa: E731
    stage.views.touched.connect(count)
    stage.mouse("MouseMove", 200, 200)
    assert touched, "moving the mouse in a view is work"
    for act, read in (
        (lambda: wheel(stage, 1), lambda: stage.state.view_red["number"]),
        (
            lambda: stage.drag([(9, 9), (9, 60)], button="Right"),
            lambda: stage.node().GetFieldOfView(),
        ),
        (
            lambda: stage.drag([(9, 9), (9, 60)], button="Middle"),
            lambda: stage.node().GetXYZOrigin(),
        ),
        (lambda: stage.drag([(9, 9), (90, 60), (99, 99)]), lambda: window(stage)),
    ):
        before = read()
        touched.clear()
        act()
        assert read() != before
        assert touched
    stage.views.touched.disconnect(count)
    stage.editor.choose("paint")
    before = window(stage)
    stage.drag([(9, 9), (90, 60), (99, 99)])
    assert window(stage) == before, "the left button belongs to the tool"
    stage.views.reset_window()
    assert window(stage) != before


def wheel(stage: Stage, by: int, **keys: int) -> None:
    for what in ("StartMouseWheel", "MouseWheel", "EndMouseWheel"):
        none = {"shiftKey": 0, "ctrlKey": 0, "altKey": 0, "metaKey": 0}
        place = {"x": 200, "y": 200, "w": SIZE, "h": SIZE, "spinY": by}
        stage.adapter().on_interaction("test", {"type": what, **place, **none, **keys})


def window(stage: Stage) -> tuple[float, float]:
    display = stage.case.volume.GetScalarVolumeDisplayNode()
    return display.GetWindow(), display.GetLevel()


def test_one_view_is_enlarged_and_back(stage: Stage) -> None:
    stage.open(grey(DEEP))
    stage.views.enlarge("Green")
    assert stage.state.view_shown == ["Green"]
    assert stage.views.pane("Red").view.is_render_blocked, "a hidden view is not rendered"
    stage.views.enlarge("Green")
    assert stage.state.view_shown == ["Red", "Green", "Yellow"]
    assert not stage.views.pane("Red").view.is_render_blocked
    stage.views.enlarge("Green")
    stage.close()
    assert stage.state.view_shown == []
    stage.open(grey(DEEP))
    assert stage.state.view_shown == ["Red", "Green", "Yellow"], "for each case anew"


def test_segments_lie_over_the_image_in_their_colours(stage: Stage) -> None:
    array = np.zeros(DEEP.shape, np.uint8)
    array[:, 5:20, 5:20] = 3
    stage.open(Image(np.full(DEEP.shape, 100, np.float32), DEEP), Image(array, DEEP))
    stage.editor.set_opacity(1)
    row, column = pixel_of(stage, (12, 12, 10))
    assert stage.picture()[row, column].tolist() == [0xE6, 0x9F, 0x00]
    grey_value = int(stage.picture()[pixel_of(stage, (30, 25, 10))][0])
    stage.editor.set_opacity(0.5)
    mixed = [(channel + grey_value) / 2 for channel in (0xE6, 0x9F, 0x00)]
    assert stage.picture()[row, column].tolist() == pytest.approx(mixed, abs=2)
    stage.editor.show_segment("ActiveSeed_3", False)
    assert stage.picture()[row, column].tolist() == [grey_value] * 3


def pixel_of(stage: Stage, voxel: tuple[int, int, int]) -> tuple[int, int]:
    """Return row and column in the picture of the axial view."""
    to_ras, to_xy = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    stage.case.volume.GetIJKToRASMatrix(to_ras)
    vtk.vtkMatrix4x4.Invert(stage.node().GetXYToRAS(), to_xy)
    x, y, *_ = to_xy.MultiplyPoint(to_ras.MultiplyPoint((*voxel, 1.0)))
    return SIZE - 1 - round(y), round(x)


def test_jumping_and_the_uncertainty_work_in_these_views(stage: Stage) -> None:
    case = stage.open(Image(np.full(DEEP.shape, 100, np.float32), DEEP))
    plain = stage.picture().copy()
    entropy = np.zeros(DEEP.shape, np.float32)
    entropy[4, 10:20, 10:20] = 0.69
    case.add_uncertainty(Image(entropy, DEEP))
    set_uncertainty_visible(stage.scene, True)
    assert np.array_equal(stage.picture(), plain), "nothing is uncertain on this slice"
    jump_to(stage.scene, (-15.0, -15.0, 8.0))  # L, P, S 15, 15, 8: voxel 15, 15, 4
    assert stage.state.view_red["number"] == 5
    assert stage.state.view_yellow["number"] == 16
    assert stage.state.view_green["number"] == 16
    row, column = pixel_of(stage, (15, 15, 4))
    red, _green, blue = stage.picture()[row, column].tolist()
    assert red > blue, "the uncertain voxels glow"
    set_uncertainty_visible(stage.scene, False)
    red, _green, blue = stage.picture()[row, column].tolist()
    assert red == blue


def test_nothing_is_rendered_while_nothing_changes(shared_stage: Looped, stage: Stage) -> None:
    stage.open(grey(DEEP))
    pictures: list[str] = []
    for name in ("Red", "Green", "Yellow"):
        view = stage.views.pane(name).view
        view.render_window().AddObserver("EndEvent", lambda *_, n=name: pictures.append(n))

    def wait(seconds: float) -> list[str]:
        pictures.clear()
        shared_stage.loop.run_until_complete(asyncio.sleep(seconds))
        return list(pictures)

    def rests() -> bool:
        """Whether the views come to rest: nothing is drawn for half a second."""
        return any(wait(0.5) == [] for _ in range(40))

    assert rests()
    stage.editor.choose("threshold")
    assert rests(), "the preview of the threshold does not blink"
    stage.editor.choose("paint")
    assert rests()
    stage.mouse("MouseMove", 100, 100)
    stage.mouse("LeftButtonPress", 100, 100)
    stage.mouse("MouseMove", 120, 100)
    assert set(wait(0.3)) == {"Red"}, "the other views wait for the end of the stroke"
    stage.mouse("LeftButtonRelease", 120, 100)
    drawn = set(wait(0.5))
    while one_more := wait(0.5):
        drawn.update(one_more)
    assert drawn == {"Red", "Green", "Yellow"}
