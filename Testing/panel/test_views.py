"""What the slice views show of a case."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from Testing import host

host.start()

import slicer  # noqa: E402

from ActiveSeedLib.panel.views import show_volume  # noqa: E402
from ActiveSeedLib.pool.case import Geometry, Image  # noqa: E402
from ActiveSeedLib.scene.nodes import nodes_of_class  # noqa: E402
from ActiveSeedLib.scene.volumes import add_volume  # noqa: E402


@pytest.fixture
def scene() -> Iterator[Any]:
    slicer.mrmlScene.Clear(0)
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(0)


def shown(scene: Any, geometry: Geometry) -> dict[str, Any]:
    """Show an image of this geometry; return the slice nodes by name."""
    image = Image(np.zeros(geometry.shape, np.uint8), geometry)
    show_volume(add_volume(scene, image, "case", "abc"))
    return {node.GetLayoutName(): node for node in nodes_of_class(scene, "vtkMRMLSliceNode")}


def normal(node: Any) -> np.ndarray:
    """Return the direction across a slice view, in RAS."""
    return np.array([node.GetSliceToRAS().GetElement(row, 2) for row in range(3)])


def test_a_2d_image_turns_one_view_only(scene: Any) -> None:
    sagittal = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    views = shown(scene, Geometry((20, 16, 1), direction=sagittal))
    assert abs(normal(views["Red"])) == pytest.approx([1, 0, 0], abs=1e-6)
    assert abs(normal(views["Green"])) == pytest.approx([0, 1, 0], abs=1e-6)
    assert abs(normal(views["Yellow"])) == pytest.approx([1, 0, 0], abs=1e-6)


def test_all_views_follow_the_axes_of_an_oblique_volume(scene: Any) -> None:
    cos, sin = np.cos(0.3), np.sin(0.3)
    tilted = (1.0, 0.0, 0.0, 0.0, cos, -sin, 0.0, sin, cos)
    views = shown(scene, Geometry((20, 16, 12), direction=tilted))
    assert abs(normal(views["Red"])) == pytest.approx([0, sin, cos], abs=1e-6)
    assert abs(normal(views["Green"])) == pytest.approx([0, cos, sin], abs=1e-6)
    assert abs(normal(views["Yellow"])) == pytest.approx([1, 0, 0], abs=1e-6)
    plain = shown(scene, Geometry((20, 16, 12)))
    assert abs(normal(plain["Red"])) == pytest.approx([0, 0, 1], abs=1e-6)
