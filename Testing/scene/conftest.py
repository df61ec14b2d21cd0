"""A scene on slicer-core for each test, and the geometries that everything must survive."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.layers import make_layer
from ActiveSeedLib.scene.segments import add_segmentation, label_of, segment_id
from ActiveSeedLib.scene.volumes import add_volume
from Testing import labelling
from Testing.host import core


@pytest.fixture
def scene() -> Iterator[Any]:
    core.start()
    slicer.mrmlScene.GetSubjectHierarchyNode()
    before = {node.GetID() for node in nodes(slicer.mrmlScene)}
    yield slicer.mrmlScene
    for node in nodes(slicer.mrmlScene):
        if node.GetID() not in before and node.GetScene() is not None:
            slicer.mrmlScene.RemoveNode(node)


@pytest.fixture
def schema() -> LabelSchema:
    """Gapped values, in an order that is not theirs, one beyond a byte."""
    return LabelSchema.parse("7=Spleen#112233,3=Liver#e69f00,300=Kidney (left),1=Gallbladder")


def nodes(scene: Any) -> list[Any]:
    return [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]


def census(scene: Any) -> Counter[str]:
    """How many nodes of each class, and how many items in the subject hierarchy."""
    found = Counter(node.GetClassName() for node in nodes(scene))
    hierarchy = scene.GetSubjectHierarchyNode()
    found["items"] = hierarchy.GetNumberOfItems() if hierarchy else 0
    found.pop("vtkMRMLSubjectHierarchyNode", None)
    return found


def rotation(degrees: float, axis: int) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[a, a] = matrix[b, b] = cos
    matrix[a, b], matrix[b, a] = -sin, sin
    return matrix


def directions(matrix: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in matrix.ravel())


GEOMETRIES = {
    "plain": Geometry((9, 7, 5)),
    "anisotropic": Geometry((9, 7, 5), (0.7, 0.8, 5.0), (-101.5, 33.25, -512.0)),
    "flipped": Geometry((9, 7, 5), (1.0, 2.0, 3.0), (10, -20, 30), (-1, 0, 0, 0, -1, 0, 0, 0, 1)),
    "left-handed": Geometry((9, 7, 5), (1.0, 2.0, 3.0), (1, 2, 3), (1, 0, 0, 0, 1, 0, 0, 0, -1)),
    "permuted": Geometry((9, 7, 5), (1.5, 0.5, 4.0), (0.1, 0.2, 0.3), (0, 0, 1, 1, 0, 0, 0, 1, 0)),
    "oblique": Geometry(
        (9, 7, 5),
        (0.9, 0.9, 3.3),
        (-87.123456, 45.654321, 1017.0),
        directions(rotation(17.3, 0) @ rotation(-8.1, 1) @ rotation(3.7, 2)),
    ),
    "one slice": Geometry((9, 7, 1), (0.25, 0.25, 1.0)),
}  # fmt: skip
PLAIN = GEOMETRIES["plain"]


def labels(geometry: Geometry, schema: LabelSchema, seed: int = 0) -> Image:
    """Random values of the schema everywhere, with 0."""
    values = np.array([0, *sorted(schema.values)], np.uint16)
    random = np.random.default_rng(seed)
    return Image(random.choice(values, geometry.shape), geometry)


def grey(geometry: Geometry, seed: int = 0) -> Image:
    random = np.random.default_rng(seed)
    return Image(random.normal(100, 30, geometry.shape).astype(np.float32), geometry)


class Opened:
    def __init__(self, scene: Any, schema: LabelSchema, geometry: Geometry, label: Image | None):
        self.schema = schema
        self.volume = add_volume(scene, grey(geometry), "case", "abc")
        self.node = add_segmentation(scene, self.volume, schema, "segments", "abc", label)
        self.segmentation = self.node.GetSegmentation()

    def export(self, *winners: int) -> Any:
        return label_of(self.node, self.volume, self.schema, winners)

    def segment(self, value: int) -> Any:
        return self.segmentation.GetSegment(segment_id(value))

    def lay(self, layer: Any) -> None:
        """Let all segments lie on a layer that holds the schema's values."""
        for value in self.schema.values:
            self.segment(value).AddRepresentation("Binary labelmap", layer)
            self.segment(value).SetLabelValue(value)

    def paint(self, identifier: str, mask: Any, geometry: Geometry, *, over: bool) -> None:
        """As the Segment Editor's brush does: over the other segments, or instead of them."""
        others = () if over else tuple(self.segmentation.GetSegmentIDs())
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        brush = make_layer(mask.astype(np.uint8), geometry)
        assert logic.SetBinaryLabelmapToSegment(
            brush, self.node, identifier, logic.MODE_MERGE_MASK, brush.GetExtent(), False, others
        )


def box(geometry: Geometry, *parts: slice) -> np.ndarray:
    mask = np.zeros(geometry.shape, bool)
    mask[parts] = True
    return mask


def painted(image: Image, mask: np.ndarray, value: int) -> np.ndarray:
    array = image.array.copy()
    array[mask] = value
    return array


def blob(schema: LabelSchema) -> Image:
    geometry = Geometry((24, 24, 24))
    array = np.zeros(geometry.shape, np.uint16)
    array[4:12, 4:20, 4:20] = 3
    array[12:20, 4:20, 4:20] = 7
    return Image(array, geometry)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of seven cases, three of them queued, that every test gets a copy of."""
    core.start()
    return labelling.make_archive(tmp_path_factory.mktemp("made") / "archive")


@pytest.fixture
def session(archive: Path, tmp_path: Path) -> Iterator[Session]:
    """A copy of that project, open."""
    session = Session.open(labelling.copy_of(archive, tmp_path))
    yield session
    session.close()
