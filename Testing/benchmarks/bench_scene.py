"""Seconds that a case and the map take in Slicer's scene, beside Slicer's own way of exporting.

python Testing/benchmarks/bench_scene.py [slices]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import slicer

from ActiveSeedLib.app.map_points import PointGroup
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.drafts import read_draft, snapshot
from ActiveSeedLib.scene.layers import make_layer
from ActiveSeedLib.scene.map_plot import MapPlot
from ActiveSeedLib.scene.overlay import set_uncertainty_visible, show_uncertainty
from ActiveSeedLib.scene.segments import add_segmentation, label_of, segment_id, set_label
from ActiveSeedLib.scene.volumes import add_volume
from Testing.host import core

SCHEMA = LabelSchema.parse("1=one,2=two,3=three,5=five,7=seven,8=eight,9=nine,12=twelve")
REPEATS = 3


def timed(name: str, function: Callable[[], Any]) -> Any:
    """Print the best of a few runs, and return the last result."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - started)
    print(f"| {name} | {min(seconds) * 1000:,.1f} |", flush=True)
    return result


def organs(geometry: Geometry) -> np.ndarray:
    """Eight balls that fill much of the image."""
    array = np.zeros(geometry.shape, np.uint8)
    k, j, i = np.ogrid[tuple(slice(length) for length in geometry.shape)]
    random = np.random.default_rng(0)
    for value in sorted(SCHEMA.values):
        middle = random.uniform(0.3, 0.7, 3) * geometry.shape
        radius = np.array(geometry.shape) * 0.22
        distance = sum(
            ((axis - m) / r) ** 2 for axis, m, r in zip((k, j, i), middle, radius, strict=True)
        )
        array[distance < 1] = value
    return array


def export_as_slicer(node: Any, volume: Any) -> np.ndarray:
    scene = slicer.mrmlScene
    labelmap = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    slicer.vtkSlicerSegmentationsModuleLogic.ExportSegmentsToLabelmapNode(
        node,
        [segment_id(segment.value) for segment in SCHEMA.segments],
        labelmap,
        volume,
        slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY,
    )
    array = np.array(slicer.util.arrayFromVolume(labelmap))
    scene.RemoveNode(labelmap.GetDisplayNode().GetColorNode())
    scene.RemoveNode(labelmap)
    return array


def bench_case(slices: int) -> None:
    scene = slicer.mrmlScene
    geometry = Geometry((512, 512, slices), (0.7, 0.7, 1.5), (-180, -180, -400))
    label = Image(organs(geometry), geometry)
    random = np.random.default_rng(0)
    grey = random.integers(-1000, 1000, geometry.shape, np.int16)
    print(
        f"\n512 × 512 × {slices}, {len(SCHEMA.segments)} segments\n\n| what | ms |\n| --- | ---: |"
    )
    volume = timed("add_volume", lambda: add_volume(scene, Image(grey, geometry), "v", "k"))
    node = timed(
        "add_segmentation", lambda: add_segmentation(scene, volume, SCHEMA, "s", "k", label)
    )
    exported = timed("label_of, one layer", lambda: label_of(node, volume, SCHEMA))
    assert np.array_equal(exported.image.array, label.array)
    theirs = timed(
        "ExportSegmentsToLabelmapNode, one layer", lambda: export_as_slicer(node, volume)
    )
    assert np.array_equal(theirs != 0, label.array != 0)
    timed("set_label", lambda: set_label(node, volume, SCHEMA, label))
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    for value in (2, 9):
        brush = make_layer((label.array == 1).astype(np.uint8), geometry)
        logic.SetBinaryLabelmapToSegment(
            brush, node, segment_id(value), logic.MODE_MERGE_MASK, brush.GetExtent(), False, ()
        )
    layers = node.GetSegmentation().GetNumberOfLayers()
    exported = timed(f"label_of, {layers} layers", lambda: label_of(node, volume, SCHEMA))
    assert exported.overlaps
    timed(f"ExportSegmentsToLabelmapNode, {layers} layers", lambda: export_as_slicer(node, volume))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.seg.nrrd"
        timed("snapshot", lambda: snapshot(node))
        timed("snapshot and write", lambda: snapshot(node).write(path))
        timed("read_draft", lambda: read_draft(scene, path, volume, SCHEMA, "d", "k"))
        print(f"| draft, MB | {path.stat().st_size / 1e6:.1f} |")
    values = random.random(geometry.shape, np.float32)
    timed("show_uncertainty", lambda: show_uncertainty(scene, volume, Image(values, geometry), "k"))
    timed("set_uncertainty_visible", lambda: set_uncertainty_visible(scene, True))


def bench_map(count: int, groups: int = 8) -> None:
    print(f"\nMap of {count:,} points in {groups} groups\n\n| what | ms |\n| --- | ---: |")
    random = np.random.default_rng(0)
    parts = []
    for number in range(groups):
        keys = tuple(f"{number:02}{row:030}" for row in range(count // groups))
        names = tuple(f"folder__patient_{number}_{row}" for row in range(count // groups))
        xy = random.normal(size=(len(keys), 2))
        parts.append(PointGroup(f"group {number}", "#0072b2", "circle", keys, names, xy))
    plot = timed("MapPlot", lambda: MapPlot(slicer.mrmlScene))
    timed("show", lambda: plot.show(parts, "The pool"))
    timed("highlight", lambda: plot.highlight(parts[5].keys[7]))


if __name__ == "__main__":
    core.start()
    bench_map(10_000)
    bench_case(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
