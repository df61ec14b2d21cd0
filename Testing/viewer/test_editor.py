"""The segment editor: what is drawn is what is saved, voxel for voxel, and can be undone."""

import itertools
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from numpy.typing import NDArray
from scipy import ndimage

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.scene.segments import set_label
from ActiveSeedLib.scene.volumes import ijk_to_ras
from ActiveSeedLib.viewer.web.editor_undo import LabelHistory
from Testing.scene.conftest import directions, rotation
from Testing.viewer.stage import SCHEMA, SIZE, Stage, grey, shared_stage, stage

__all__ = ["shared_stage", "stage"]

TILTED = directions(rotation(17.3, 0) @ rotation(-8.1, 1) @ rotation(3.7, 2))
GEOMETRIES = {
    "plain": Geometry((40, 36, 12)),
    "anisotropic": Geometry((40, 36, 12), (0.7, 0.8, 5.0), (-101.5, 33.25, -512.0)),
    "left-handed": Geometry((40, 36, 12), (1.0, 2.0, 3.0), (1, 2, 3), (1, 0, 0, 0, 1, 0, 0, 0, -1)),
    "permuted": Geometry(
        (40, 36, 12), (1.5, 0.5, 4.0), (0.1, 0.2, 0.3), (0, 0, 1, 1, 0, 0, 0, 1, 0)
    ),
    "oblique": Geometry((40, 36, 12), (0.9, 0.9, 3.3), (-87.1, 45.6, 1017.0), TILTED),
    "flat": Geometry((60, 40, 1), (0.5, 0.5, 1.0)),
}
PLAIN = GEOMETRIES["plain"]
PATH = [(150.0, 170.0), (215.0, 190.0), (230.0, 230.0), (160.0, 240.0)]


def blocks(geometry: Geometry) -> Image:
    """Return two segments side by side, so that strokes go over both and over nothing."""
    array = np.zeros(geometry.shape, np.uint8)
    _, rows, columns = geometry.shape
    array[:, rows // 4 : rows // 2, columns // 4 : 3 * columns // 4] = 3
    array[:, rows // 2 : 3 * rows // 4, columns // 4 : 3 * columns // 4] = 7
    return Image(array, geometry)


def centres(geometry: Geometry) -> NDArray[np.float64]:
    """Return R, A, S of every voxel, [K, J, I, 3]."""
    k, j, i = np.indices(geometry.shape)
    places = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ ijk_to_ras(geometry).T
    return np.asarray(places[..., :3])


def brushed(
    stage: Stage, geometry: Geometry, view: str, diameter: float, *, sphere: bool = False
) -> NDArray[np.bool_]:
    """Return which voxels a brush of so many mm takes in along `PATH`: one by one, by force."""
    to_ras = stage.node(view).GetSliceToRAS()
    normal = np.array([to_ras.GetElement(row, 2) for row in range(3)])
    points = [stage.ras(*point, view) for point in PATH]
    across = np.abs(ijk_to_ras(geometry)[:3, :3].T @ normal)
    thickness = across.max()
    found = np.zeros(geometry.shape, bool)
    places = centres(geometry)
    for index in np.ndindex(*geometry.shape):
        for start, end in itertools.pairwise(points):
            away = places[index] - start
            if not sphere:
                if abs(away @ normal) > thickness / 2:
                    continue
                away = away - (away @ normal) * normal
            way = end - start
            along = min(max(away @ way / (way @ way), 0), 1)
            if np.linalg.norm(away - along * way) <= diameter / 2:
                found[index] = True
    return found


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_stroke_takes_in_the_voxels_within_the_brush(stage: Stage, name: str, view: str) -> None:
    geometry = GEOMETRIES[name]
    if name == "flat" and view != "Red":
        return
    before = blocks(geometry)
    stage.open(grey(geometry), before)
    stage.editor.choose("paint")
    stage.editor.choose_value(1)
    stage.editor.set_relative(False)
    stage.editor.set_diameter(6.3)
    stage.drag(PATH, view)
    expected = before.array.copy()
    expected[brushed(stage, geometry, view, 6.3)] = 1
    assert (expected == 1).any()
    np.testing.assert_array_equal(stage.label(), expected)


@pytest.mark.parametrize("name", ["anisotropic", "oblique"])
def test_a_sphere_paints_the_neighbouring_slices_too(stage: Stage, name: str) -> None:
    geometry = GEOMETRIES[name]
    stage.open(grey(geometry), blocks(geometry))
    stage.editor.choose("paint")
    stage.editor.choose_value(1)
    stage.editor.set_relative(False)
    stage.editor.set_diameter(13.7)
    stage.editor.edits.change(is_sphere=True)
    stage.drag(PATH)
    expected = blocks(geometry).array
    expected[brushed(stage, geometry, "Red", 13.7, sphere=True)] = 1
    assert len(np.unique(np.nonzero(expected == 1)[0])) > 1
    np.testing.assert_array_equal(stage.label(), expected)


def test_the_smallest_brush_leaves_no_gaps(stage: Stage) -> None:
    stage.open(grey(PLAIN))
    stage.editor.choose("paint")
    stage.editor.set_relative(False)
    stage.editor.set_diameter(0.1)
    stage.drag([(60, 60), (340, 300)])
    painted = stage.label() > 0
    _, pieces = ndimage.label(painted, structure=np.ones((3, 3, 3)))
    assert painted.sum() > 20
    assert pieces == 1


def test_the_eraser_takes_from_the_chosen_segment_alone(stage: Stage) -> None:
    stage.open(grey(PLAIN), blocks(PLAIN))
    stage.editor.choose("erase")
    stage.editor.choose_value(3)
    stage.editor.set_relative(False)
    stage.editor.set_diameter(12)
    stage.drag(PATH)
    expected = blocks(PLAIN).array
    expected[brushed(stage, PLAIN, "Red", 12) & (expected == 3)] = 0
    assert (expected != blocks(PLAIN).array).any()
    np.testing.assert_array_equal(stage.label(), expected)


def test_others_are_kept_and_intensities_respected_where_that_is_asked_for(stage: Stage) -> None:
    image = grey(PLAIN)
    stage.open(image, blocks(PLAIN))
    stage.editor.choose("paint")
    stage.editor.choose_value(1)
    stage.editor.set_relative(False)
    stage.editor.set_diameter(30)
    inside = brushed(stage, PLAIN, "Red", 30)
    stage.editor.edits.change(over_others=False)
    stage.drag(PATH)
    kept = blocks(PLAIN).array
    kept[inside & (kept == 0)] = 1
    np.testing.assert_array_equal(stage.label(), kept)
    stage.editor.undo()
    stage.editor.edits.change(over_others=True)
    stage.editor.set_range(101, 149)
    stage.editor.edits.change(is_masked=True)
    stage.drag(PATH)
    masked = blocks(PLAIN).array
    masked[inside & (image.array >= 101) & (image.array <= 149)] = 1
    np.testing.assert_array_equal(stage.label(), masked)
    assert (masked != kept).any()


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
@pytest.mark.parametrize("name", ["anisotropic", "oblique", "left-handed"])
def test_outlines_take_in_the_centres_within(stage: Stage, name: str, view: str) -> None:
    geometry = GEOMETRIES[name]
    stage.open(grey(geometry), blocks(geometry))
    outline = [(131.0, 151.0), (269.0, 163.0), (203.0, 197.0), (257.0, 287.0), (143.0, 263.0)]
    inside = within(stage, geometry, view, outline)
    on_slice = stage.state[f"view_{view.lower()}"]
    axis = 2 - geometry.size.index(on_slice["count"])
    here = np.zeros(geometry.shape, bool)
    here[tuple(on_slice["number"] - 1 if a == axis else slice(None) for a in range(3))] = True

    stage.editor.choose("draw")
    stage.editor.choose_value(1)
    stage.drag(outline, view)
    drawn = blocks(geometry).array
    drawn[inside & here] = 1
    assert (drawn == 1).any()
    np.testing.assert_array_equal(stage.label(), drawn)

    stage.editor.choose("scissors")
    outline = [(100.0, 200.0), (300.0, 150.0), (210.0, 320.0)]
    inside = within(stage, geometry, view, outline)
    for what in ("erase_inside", "fill_inside", "erase_outside", "fill_outside"):
        stage.editor.edits.change(scissors=what)
        stage.drag(outline, view)
        cut = drawn.copy()
        part = inside if what.endswith("inside") else ~inside
        if what.startswith("erase"):
            cut[part & (cut == 1)] = 0
        else:
            cut[part] = 1
        assert (cut != drawn).any()
        np.testing.assert_array_equal(stage.label(), cut, err_msg=what)
        stage.editor.undo()
        np.testing.assert_array_equal(stage.label(), drawn)


def within(
    stage: Stage, geometry: Geometry, view: str, outline: list[tuple[float, float]]
) -> NDArray[np.bool_]:
    """Return which voxels are seen within an outline: one by one, on the screen."""
    to_xy = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(stage.node(view).GetXYToRAS(), to_xy)
    found = np.zeros(geometry.shape, bool)
    places = centres(geometry)
    for index in np.ndindex(*geometry.shape):
        x, y, *_ = to_xy.MultiplyPoint((*places[index], 1.0))
        for (x0, y0), (x1, y1) in zip(outline, [*outline[1:], outline[0]], strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                found[index] = not found[index]
    return found


def test_the_threshold_and_islands(stage: Stage) -> None:
    array = np.full(PLAIN.shape, 10, np.int16)
    array[2:8, 5:15, 5:15] = 100
    array[2:4, 20:23, 20:23] = 100
    array[9, 30, 30] = 100
    stage.open(Image(array, PLAIN), blocks(PLAIN))
    stage.editor.choose_value(1)
    stage.editor.choose("threshold")
    assert stage.state.editor_limits == [10, 100]
    stage.editor.set_range(50, 100)
    stage.editor.apply_threshold()
    whole = stage.label()
    np.testing.assert_array_equal(whole == 1, array == 100)
    np.testing.assert_array_equal(whole[array != 100], blocks(PLAIN).array[array != 100])

    stage.editor.choose("islands")
    stage.editor.remove_small(2)
    assert (stage.label() == 1).sum() == 600 + 18
    stage.editor.keep_largest()
    assert (stage.label() == 1).sum() == 600
    for _ in range(2):
        stage.editor.undo()
    np.testing.assert_array_equal(stage.label(), whole)


def test_a_click_keeps_or_removes_an_island(stage: Stage) -> None:
    label = np.zeros(PLAIN.shape, np.uint8)
    label[6, 5:15, 5:15] = label[6, 20:30, 20:30] = 3
    stage.open(grey(PLAIN), Image(label, PLAIN))
    stage.editor.choose_value(3)
    stage.editor.choose("islands")
    for what, rest in (("keep", label[6, 5:15, 5:15].size), ("remove", 100)):
        stage.editor.edits.change(islands=what)
        stage.drag([pixel(stage, (8, 8, 6))])
        after = stage.label()
        assert (after == 3).sum() == rest
        assert (after[6, 8, 8] == 3) == (what == "keep")
        stage.editor.undo()
        np.testing.assert_array_equal(stage.label(), label)


def pixel(stage: Stage, voxel: tuple[int, int, int]) -> tuple[float, float]:
    to_ras, to_xy = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    stage.case.volume.GetIJKToRASMatrix(to_ras)
    vtk.vtkMatrix4x4.Invert(stage.node().GetXYToRAS(), to_xy)
    x, y, *_ = to_xy.MultiplyPoint(to_ras.MultiplyPoint((*voxel, 1.0)))
    return x, y


def test_the_range_of_an_image_with_values_that_are_no_numbers(stage: Stage) -> None:
    array = np.full(PLAIN.shape, 3.0, np.float32)
    array[0], array[1], array[2, 0, 0] = np.nan, np.inf, -7.0
    stage.open(Image(array, PLAIN))
    assert stage.state.editor_limits == [-7, 3]
    stage.open(Image(np.full(PLAIN.shape, np.nan, np.float32), PLAIN))
    assert stage.state.editor_limits == [0, 1]


# -- undo ------------------------------------------------------------------------------------------


def test_undo_and_redo_bring_back_every_voxel(stage: Stage) -> None:
    geometry = GEOMETRIES["oblique"]
    stage.open(grey(geometry), blocks(geometry))
    assert not stage.state.editor_can_undo
    seen = [stage.label()]
    for tool, value, view in (
        ("paint", 1, "Red"),
        ("draw", 7, "Yellow"),
        ("erase", 7, "Red"),
        ("scissors", 7, "Red"),
        ("paint", 3, "Yellow"),
    ):
        stage.editor.choose(tool)
        stage.editor.choose_value(value)
        stage.editor.set_diameter(12)
        stage.drag(PATH, view)
        seen.append(stage.label())
        assert (seen[-1] != seen[-2]).any(), tool
    for before in reversed(seen[:-1]):
        stage.editor.undo()
        np.testing.assert_array_equal(stage.label(), before)
    assert not stage.state.editor_can_undo
    stage.editor.undo()
    for after in seen[1:]:
        stage.editor.redo()
        np.testing.assert_array_equal(stage.label(), after)
    assert not stage.state.editor_can_redo
    stage.editor.undo()
    stage.drag(PATH, "Red")
    assert not stage.state.editor_can_redo, "what comes after a change anew is forgotten"


def test_what_a_button_changes_can_be_undone(stage: Stage) -> None:
    case = stage.open(grey(PLAIN), blocks(PLAIN))
    stage.editor.choose("paint")
    stage.drag(PATH)
    before = stage.label()
    stage.editor.save_state()
    other = Image(np.full(PLAIN.shape, 7, np.uint8), PLAIN)
    set_label(case.segmentation, case.volume, SCHEMA, other)
    assert stage.state.editor_can_undo
    stage.editor.undo()
    np.testing.assert_array_equal(stage.label(), before)
    stage.editor.redo()
    np.testing.assert_array_equal(stage.label(), other.array)
    stage.editor.undo()
    stage.editor.undo()
    np.testing.assert_array_equal(stage.label(), blocks(PLAIN).array)


def test_segments_that_lie_on_layers_of_their_own_come_back(stage: Stage) -> None:
    case = stage.open(grey(PLAIN), blocks(PLAIN))
    before = stage.label()
    stage.editor.save_state()
    segmentation = case.segmentation.GetSegmentation()
    segmentation.SeparateSegmentLabelmap("ActiveSeed_3")
    stage.editor.save_state()
    stage.editor.choose("paint")
    stage.editor.choose_value(3)
    stage.drag(PATH)
    painted = stage.label()
    assert (painted != before).any()
    for expected in (before, before):
        stage.editor.undo()
        np.testing.assert_array_equal(stage.label(), expected)
    for expected in (before, painted):
        stage.editor.redo()
        np.testing.assert_array_equal(stage.label(), expected)


def test_the_memory_of_undo_is_bounded(stage: Stage) -> None:
    geometry = Geometry((64, 64, 40))
    case = stage.open(grey(geometry))
    random = np.random.default_rng(0)
    history = LabelHistory(case.segmentation, case.volume, steps=5, size=700_000)
    for _ in range(8):
        noise = Image(random.choice(np.array([0, 1, 3, 7], np.uint8), geometry.shape), geometry)
        set_label(case.segmentation, case.volume, SCHEMA, noise)
        assert history.commit()
        assert history.can_undo, "the last step is kept, whatever its size"
    assert history.nbytes <= 700_000
    small = LabelHistory(case.segmentation, case.volume, steps=5)
    stage.editor.choose("paint")
    for _ in range(8):
        stage.drag(PATH, "Red")
        stage.editor.step_segment(1)
        small.commit()
    assert small.nbytes < 5 * 64 * 64, "only the box that changed is kept"
    taken = 0
    while small.undo():
        taken += 1
    assert taken == 5


def test_a_history_says_when_nothing_changed(stage: Stage) -> None:
    case = stage.open(grey(PLAIN), blocks(PLAIN))
    history = LabelHistory(case.segmentation, case.volume)
    assert not history.commit()
    assert not history.undo()
    assert not history.redo()
    assert history.nbytes == 0


# -- segments, tools and cases ---------------------------------------------------------------------


def test_segments_survive_with_their_ids_and_tags(stage: Stage) -> None:
    case = stage.open(grey(PLAIN), blocks(PLAIN))

    def described() -> list[Any]:
        segmentation = case.segmentation.GetSegmentation()
        found = []
        for identifier in segmentation.GetSegmentIDs():
            segment = segmentation.GetSegment(identifier)
            tag = vtk.reference("")
            segment.GetTag("ActiveSeed.value", tag)
            found.append((identifier, segment.GetName(), segment.GetColor(), str(tag)))
        return found

    before = described()
    for tool in ("paint", "erase", "draw", "scissors"):
        stage.editor.choose(tool)
        stage.editor.step_segment(1)
        stage.drag(PATH)
    stage.editor.apply_threshold()
    stage.editor.keep_largest()
    for _ in range(4):
        stage.editor.undo()
    assert described() == before
    assert [one["name"] for one in stage.state.editor_segments] == [
        "Spleen",
        "Liver",
        "Gallbladder",
    ]
    assert stage.state.editor_segments[0]["color"] == "#112233"


def test_segments_are_chosen_by_value_and_one_after_another(stage: Stage) -> None:
    stage.open(grey(PLAIN))
    stage.editor.choose_value(7)
    for step, chosen in ((1, "ActiveSeed_3"), (-1, "ActiveSeed_7"), (-1, "ActiveSeed_1")):
        stage.editor.step_segment(step)
        assert stage.state.editor_segment == chosen
    stage.editor.choose_value(1)
    stage.editor.choose_value(99)
    stage.editor.choose_segment("nothing")
    assert stage.editor.segment == "ActiveSeed_1"
    stage.open(grey(PLAIN))
    assert stage.editor.segment == "ActiveSeed_1", "the next case goes on with the same"


def test_strokes_reach_whoever_watches_the_segmentation(stage: Stage) -> None:
    case = stage.open(grey(PLAIN))
    seen: list[int] = []
    event = slicer.vtkSegmentation.SourceRepresentationModified
    case.segmentation.AddObserver(event, lambda *_: seen.append(1))
    stage.editor.choose("paint")
    for act in (lambda: stage.drag(PATH), stage.editor.undo, stage.editor.redo):
        seen.clear()
        act()
        assert seen


def test_a_stroke_whose_end_is_lost_is_kept_and_does_not_go_on(stage: Stage) -> None:
    stage.open(grey(PLAIN))
    stage.editor.choose("paint")
    stage.mouse("MouseMove", 100, 100)
    stage.mouse("LeftButtonPress", 100, 100)
    stage.mouse("MouseMove", 120, 100)
    stage.trame.controller.on_client_connected()
    kept = stage.label()
    assert kept.any()
    stage.mouse("MouseMove", 300, 300)
    np.testing.assert_array_equal(stage.label(), kept)
    assert not stage.views.pane("Green").view.is_render_blocked
    stage.mouse("LeftButtonRelease", 300, 300)
    stage.drag([(300, 300), (320, 300)])
    added = stage.label()
    assert (added != kept).any()
    assert not added[:, :, 18:22].any(), "no line leads from one stroke to the other"
    stage.editor.undo()
    np.testing.assert_array_equal(stage.label(), kept)
    stage.editor.undo()
    assert not stage.label().any()


@pytest.mark.parametrize("tool", ["paint", "erase", "draw", "scissors"])
def test_a_case_may_close_during_a_stroke(stage: Stage, tool: str) -> None:
    case = stage.open(grey(PLAIN), blocks(PLAIN))
    stage.editor.edits.change(scissors="fill_inside", diameter=30.0)
    stage.editor.choose_value(3)
    stage.editor.choose(tool)
    stage.mouse("MouseMove", *PATH[0])
    stage.mouse("LeftButtonPress", *PATH[0])
    for point in PATH[1:]:
        stage.mouse("MouseMove", *point)
    stage.editor.clear()
    assert (stage.label() != blocks(PLAIN).array).any(), "what was drawn is kept"
    stage.views.clear()
    case.close()
    for what in ("MouseMove", "LeftButtonRelease", "LeftButtonPress", "MouseMove"):
        stage.mouse(what, 200, 200)
    stage.editor.undo()
    stage.editor.choose_value(3)
    stage.editor.finish()
    stage.case = None


def test_nothing_is_left_of_closed_cases(stage: Stage) -> None:
    counts = []
    for _ in range(3):
        stage.open(grey(PLAIN), blocks(PLAIN))
        for tool in ("paint", "draw", "threshold", "islands", "none"):
            stage.editor.choose(tool)
            stage.drag(PATH)
        stage.close()
        counts.append(stage.scene.GetNumberOfNodes())
    assert counts[1] == counts[2]
    assert stage.state.editor_segments == []
    assert not stage.state.editor_ready


def test_shift_and_wheel_change_the_brush(stage: Stage) -> None:
    stage.open(grey(PLAIN))
    stage.editor.choose("paint")
    number = stage.state.view_red["number"]
    for by, larger in ((-1, True), (1, False)):
        before = stage.state.editor_diameter
        place = {"x": 200, "y": 200, "w": SIZE, "h": SIZE, "spinY": by}
        keys = {"shiftKey": 1, "ctrlKey": 0, "altKey": 0, "metaKey": 0}
        for what in ("StartMouseWheel", "MouseWheel", "EndMouseWheel"):
            stage.adapter().on_interaction("test", {"type": what, **place, **keys})
        assert (stage.state.editor_diameter > before) == larger
        assert stage.state.editor_diameter != before
    assert stage.state.view_red["number"] == number, "and the slice stays"


@pytest.mark.parametrize("tool", ["paint", "draw", "scissors", "islands", "threshold"])
def test_zoom_and_pan_work_with_every_tool(stage: Stage, tool: str) -> None:
    stage.open(grey(PLAIN), blocks(PLAIN))
    stage.editor.choose(tool)
    view, place = stage.node().GetFieldOfView(), stage.node().GetXYZOrigin()
    stage.drag([(200, 200), (200, 230), (200, 260)], button="Right")
    assert stage.node().GetFieldOfView() != view
    stage.drag([(200, 200), (200, 230), (200, 260)], button="Middle")
    assert stage.node().GetXYZOrigin() != place
    np.testing.assert_array_equal(stage.label(), blocks(PLAIN).array)
