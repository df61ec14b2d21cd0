"""What a slice view shows, as an image: the volumes by the real slice logic, segments on top."""

from typing import Any

import numpy as np
import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy

Array = np.ndarray[Any, Any]


def slice_image(logic: Any) -> Array:
    """Return the picture of a slice view, top row first.

    Args:
        logic: a `vtkMRMLSliceLogic` with its slice node.

    Returns:
        uint8 of shape (height, width, 3).
    """
    node = logic.GetSliceNode()
    width, height, _depth = node.GetDimensions()
    picture = np.zeros((height, width, 3), np.uint8)
    background = _volumes(logic)
    if background is not None and background.shape[:2] == (height, width):
        picture[:] = background
    for segmentation in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        display = segmentation.GetDisplayNode()
        if display is not None and display.GetVisibility() and display.GetVisibility2D():
            _paint(picture, node, segmentation, display)
    return picture[::-1]


def state_of(logic: Any) -> tuple[Any, ...]:
    """Return what the picture depends on, to be compared with what it was."""
    node, composite = logic.GetSliceNode(), logic.GetSliceCompositeNode()
    state: list[Any] = [node.GetMTime(), node.GetDimensions()]
    if composite is not None:
        state.append(composite.GetMTime())
        for identity in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()):
            volume = slicer.mrmlScene.GetNodeByID(identity or "")
            if volume is not None:
                state += [identity, volume.GetMTime(), volume.GetDisplayNode().GetMTime()]
                state.append(volume.GetImageData().GetMTime() if volume.GetImageData() else 0)
    for segmentation in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        display = segmentation.GetDisplayNode()
        state += [segmentation.GetID(), segmentation.GetMTime()]
        state.append(display.GetMTime() if display is not None else 0)
        for identity in segmentation.GetSegmentation().GetSegmentIDs():
            labelmap = _labelmap(segmentation, identity)
            state.append(labelmap.GetMTime() if labelmap is not None else 0)
    return tuple(state)


def _volumes(logic: Any) -> Array | None:
    """Return background, foreground and label layer as the slice logic blends them."""
    composite = logic.GetSliceCompositeNode()
    connection = logic.GetImageDataConnection()
    if connection is None or composite is None:
        return None
    if not (composite.GetBackgroundVolumeID() or composite.GetForegroundVolumeID()):
        return None
    producer = connection.GetProducer()
    producer.Update()
    image = producer.GetOutputDataObject(connection.GetIndex())
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None:
        return None
    width, height, _depth = image.GetDimensions()
    pixels = vtk_to_numpy(scalars).reshape(height, width, -1)
    if pixels.shape[2] < 4:
        return pixels
    return np.where(pixels[..., 3:] > 0, pixels[..., :3], 0)  # transparent outside of the volumes


def _paint(picture: Array, node: Any, segmentation: Any, display: Any) -> None:
    """Lay the visible segments over the picture, with the opacity of their filling."""
    height, width = picture.shape[:2]
    done: dict[str, Array] = {}
    for identity in segmentation.GetSegmentation().GetSegmentIDs():
        labelmap = _labelmap(segmentation, identity)
        if labelmap is None or not display.GetSegmentVisibility(identity):
            continue
        segment = segmentation.GetSegmentation().GetSegment(identity)
        address = labelmap.GetAddressAsString("")
        if address not in done:
            done[address] = _cut(labelmap, node, width, height)
        inside = done[address] == segment.GetLabelValue()
        if not inside.any():
            continue
        color = np.array(segment.GetColor()) * 255
        opacity = display.GetOpacity2DFill() * display.GetSegmentOpacity2DFill(identity)
        picture[inside] = (picture[inside] * (1 - opacity) + color * opacity).astype(np.uint8)
        edge = inside & ~_shrunk(inside)
        picture[edge] = color.astype(np.uint8)


def _shrunk(inside: Array) -> Array:
    core = inside.copy()
    for axis in (0, 1):
        for step in (1, -1):
            core &= np.roll(inside, step, axis)
    return core


def _labelmap(segmentation: Any, identity: str) -> Any:
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    return segmentation.GetSegmentation().GetSegment(identity).GetRepresentation(name)


def _cut(labelmap: Any, node: Any, width: int, height: int) -> Array:
    """Return the label of each pixel of the view, 0 outside; rows from the bottom up."""
    extent = labelmap.GetExtent()
    scalars = labelmap.GetPointData().GetScalars()
    if scalars is None or extent[1] < extent[0]:
        return np.zeros((height, width), np.int16)
    shape = [extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in (2, 1, 0)]
    voxels = vtk_to_numpy(scalars).reshape(shape)
    import vtk

    world = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(world)
    matrix = np.linalg.inv(slicer.util.arrayFromVTKMatrix(world))
    matrix = matrix @ slicer.util.arrayFromVTKMatrix(node.GetXYToRAS())
    start = matrix[:3, 3] - np.array(extent[::2])
    columns = np.arange(width)[None, :, None] * matrix[:3, 0]
    rows = np.arange(height)[:, None, None] * matrix[:3, 1]
    index = np.rint(columns + rows + start).astype(np.int32)
    inside = np.all((index >= 0) & (index < np.array(shape[::-1])), axis=-1)
    result = np.zeros((height, width), voxels.dtype)
    i, j, k = index[inside].T
    result[inside] = voxels[k, j, i]
    return result
