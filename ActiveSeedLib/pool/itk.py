"""SimpleITK's view of a file, turned into the project's arrays and geometries and back."""

import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool import streams
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.formats import NotGreyError, brief, format_of, require_text
from ActiveSeedLib.pool.grid import regular
from ActiveSeedLib.pool.textheader import find_voxels

# NRRD's library notes its errors in one place for all threads, and crashes over it.
_NRRD_ALONE = threading.Lock()


def inspect(path: Path) -> tuple[Geometry, str]:
    """Return the geometry of a NRRD or MetaImage file, and a note or "", from its header alone.

    The header is looked through first: some damage lets SimpleITK end the whole process.
    Raises UnreadableImageError, with a sentence that does not name the file, if it cannot be read
    or does not hold one grey image of two or three dimensions.
    """
    import SimpleITK

    require_text(path)
    voxels = find_voxels(path)
    if voxels is not None:
        streams.require_room(voxels)
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with _guard(path):
            reader.ReadImageInformation()
    except RuntimeError as error:
        raise UnreadableImageError(_sentence(error)) from error
    geometry = _geometry(reader, reader.GetNumberOfComponents())
    return geometry, voxels.note if voxels is not None else ""


def read(path: Path) -> Image:
    """Read a grey NRRD or MetaImage file; raises as `inspect`."""
    import SimpleITK

    require_text(path)
    voxels = find_voxels(path)
    if voxels is not None:  # SimpleITK reads damaged streams without a word
        streams.require_voxels(voxels)
    try:
        with _guard(path):
            image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise UnreadableImageError(_sentence(error)) from error
    geometry = _geometry(image, image.GetNumberOfComponentsPerPixel())
    return Image(SimpleITK.GetArrayFromImage(image).reshape(geometry.shape), geometry)


def read_channel(path: Path, channel: int) -> Any:
    """Return one channel (0 first) of a 2-D colour picture as an array of rows and columns."""
    import SimpleITK

    require_text(path)
    try:
        array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    except RuntimeError as error:
        raise UnreadableImageError(_sentence(error)) from error
    return array[..., channel]


def write(path: Path, array: Any, geometry: Geometry) -> None:
    """Write a KJI array; the suffix chooses the format (`.png` takes the one slice as 2-D).

    Raises OSError if the disk does not take it.
    """
    import SimpleITK

    require_text(path)
    if path.suffix == ".png":
        image = SimpleITK.GetImageFromArray(array[0])
    else:
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing(geometry.spacing)
        image.SetOrigin(geometry.origin)
        image.SetDirection(geometry.direction)
    try:
        SimpleITK.WriteImage(image, str(path))
    except RuntimeError as error:
        raise OSError(_sentence(error)) from error


def _guard(path: Path) -> AbstractContextManager[object]:
    return _NRRD_ALONE if format_of(path) == "nrrd" else nullcontext()


def _geometry(source: Any, components: int) -> Geometry:
    """Return the geometry of a SimpleITK image, or of a reader that has read a header."""
    if components != 1:
        raise NotGreyError(
            f"Each voxel has {components} values (colour or a vector); save one grey image."
        )
    size = list(source.GetSize())
    dimensions = len(size)
    if dimensions < 2 or any(extent > 1 for extent in size[3:]):
        shape = " × ".join(str(extent) for extent in size)
        raise UnreadableImageError(
            f"The image has {dimensions} dimensions ({shape}), not two or three; "
            "save each volume as a file."
        )
    kept = min(dimensions, 3)
    spacing = [*source.GetSpacing()[:kept], 1.0][:3]
    origin = [*source.GetOrigin()[:kept], 0.0][:3]
    flat = source.GetDirection()
    direction = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    for row in range(kept):
        for column in range(kept):
            direction[3 * row + column] = flat[dimensions * row + column] + 0.0
    i, j, k = [*size[:kept], 1][:3]
    return regular(
        Geometry(
            (i, j, k),
            (spacing[0], spacing[1], spacing[2]),
            (origin[0], origin[1], origin[2]),
            tuple(direction),
        )
    )


def _sentence(error: RuntimeError) -> str:
    reason = brief(error)
    if "No such file" in reason:  # what ITK says of a MetaImage that it cannot make sense of
        reason = "its header is damaged or its voxels are missing"
    return f"The file cannot be read ({reason}); copy it again, or save it anew."
