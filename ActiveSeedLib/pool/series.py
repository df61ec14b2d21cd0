"""DICOM slices grouped into series, each a case or a reason why it is none."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool.case import Case, Geometry, Refused
from ActiveSeedLib.pool.dicom import Slice
from ActiveSeedLib.pool.dicom_pixels import digest
from ActiveSeedLib.pool.grid import NO_VOXEL_SIZE, regular
from ActiveSeedLib.pool.identity import combined_key

_SAME_PLACE = 1e-3  # millimetres
_SAME_DIRECTION = 1e-3  # of a direction cosine
_EVEN = 0.05  # of the distance between slices, that one distance may differ
_SECTIONAL = {"CT", "MR", "PT", "NM"}  # modalities whose images mean nothing without positions
_SCOUT_SLICES = 4  # fewer slices in several directions are a scout


@dataclass(frozen=True)
class Assembled:
    """What became of the slices."""

    cases: list[Case] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    notes: list[Refused] = field(default_factory=list)


def assemble(root: Path, slices: Iterable[Slice]) -> Assembled:
    """Group slices by SeriesInstanceUID, wherever their files lie, and make each series a case.

    The slices are ordered by position along their common normal. X-rays and the like, which have
    no position in space, are a case each. A series that is incomplete, uneven, mixed, a scout or
    four-dimensional is refused with a sentence.

    Args:
        root: the images folder, in which files that repeat a slice are compared.
        slices: all that were found.
    """
    groups: dict[str, list[Slice]] = defaultdict(list)
    for item in sorted(slices, key=lambda item: item.path):
        groups[item.series or item.path].append(item)
    result = Assembled()
    for group in groups.values():
        distinct = _distinct(group)
        unplaced = all(item.position is None for item in distinct)
        apart = unplaced and distinct[0].modality not in _SECTIONAL
        for part in [[item] for item in distinct] if apart else [distinct]:
            try:
                if part is distinct:
                    _require_same(root, group)
                case = _case(part)
            except UnreadableImageError as error:
                result.refused.append(Refused(_place(part), f"{_title(part)}: {error}"))
                continue
            result.cases.append(case)
            if part[0].spacing is None:
                result.notes.append(Refused(case.path, NO_VOXEL_SIZE))
            repeated = len(group) - len(distinct)
            if repeated and not apart:
                note = f"{_title(part)}: {repeated} repeated files of its slices were left out."
                result.notes.append(Refused(case.path, note))
    return result


def _distinct(group: Sequence[Slice]) -> list[Slice]:
    """Return the slices without files that repeat one; the first path stays."""
    first: dict[object, Slice] = {}
    for item in group:
        first.setdefault(_identity(item), item)
    return list(first.values())


def _identity(item: Slice) -> object:
    """Return what files of the same slice share: SOPInstanceUID and, as some lie, the place."""
    return (item.instance, item.position, item.orientation) if item.instance else item.path


def _require_same(root: Path, group: Sequence[Slice]) -> None:
    """Refuse a series in which files that claim to be the same slice hold different pixels."""
    versions: dict[object, list[Slice]] = defaultdict(list)
    for item in group:
        versions[_identity(item)].append(item)
    for same in versions.values():
        if len({item.key for item in same}) == 1:
            continue
        if len({digest(root / item.path) for item in same}) > 1:
            raise UnreadableImageError(
                f"one of its slices is there in {len(same)} versions ({same[0].path} and "
                f"{same[1].path}); keep one of them."
            )


def _title(slices: Sequence[Slice]) -> str:
    number = slices[0].facts.get("series")
    name = f"Series {number}" if number else "A series"
    return f"{name} ({slices[0].modality or 'DICOM'}, slices: {len(slices)})"


def _place(slices: Sequence[Slice]) -> str:
    """Return the file of a single slice, or the folder that all lie in."""
    if len(slices) == 1:
        return slices[0].path
    folders = [PurePosixPath(item.path).parent.parts for item in slices]
    shared = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return str(PurePosixPath(*shared))


def _case(slices: Sequence[Slice]) -> Case:
    if any(item.localizer for item in slices):
        raise UnreadableImageError("it is a scout (localizer), made for planning; leave it out.")
    _require_one_of_each(slices)
    if slices[0].modality in _SECTIONAL:
        _require_facts(slices[0])
    first = slices[0]
    if len(slices) == 1:
        ordered, geometry = list(slices), _plane(first, first.thickness, 1)
    else:
        ordered, geometry = _stack(slices)
    return Case(
        key=combined_key(item.key for item in ordered),
        name="",
        path=_place(ordered),
        format="dicom",
        files=tuple(item.path for item in ordered),
        geometry=geometry,
        patient=first.patient,
        facts=dict(first.facts),
    )


def _require_one_of_each(slices: Sequence[Slice]) -> None:
    """Refuse slices of several studies, patients, sizes or pixel spacings."""
    for what, values in (
        ("modalities", {item.modality for item in slices}),
        ("studies", {item.study for item in slices}),
        ("patients", {item.patient for item in slices}),
        ("image sizes", {item.size for item in slices}),
        ("photometric interpretations", {item.facts.get("photometric") for item in slices}),
        ("pixel spacings", {tuple(np.round(item.spacing or (0, 0), 4)) for item in slices}),
    ):
        if len(values) > 1:
            raise UnreadableImageError(
                f"its slices are of {len(values)} different {what}; export it again, one a series."
            )


def _require_facts(item: Slice) -> None:
    """Refuse a slice of a volume that does not say what it takes to make one of it."""
    if not item.series:
        raise UnreadableImageError(
            "it has no SeriesInstanceUID, by which slices are known to belong together; export it "
            "again."
        )
    if item.spacing is None:
        raise UnreadableImageError("its pixels have no size in millimetres; export it again.")


def _stack(slices: Sequence[Slice]) -> tuple[list[Slice], Geometry]:
    """Return the slices from first to last along their normal, and the volume's geometry."""
    lacking = sum(item.position is None or item.orientation is None for item in slices)
    if lacking:
        raise UnreadableImageError(
            f"{lacking} of its slices have no position in space; export it again with geometry."
        )
    _require_parallel(slices)
    positions = np.array([item.position for item in slices])
    normal = _normal(slices[0])
    order = np.argsort(positions @ normal, kind="stable")
    ordered = [slices[index] for index in order]
    positions = positions[order]
    along = positions @ normal
    _require_single_places(along)
    _require_even(np.diff(along))
    drift = positions - positions[0] - np.outer(along - along[0], normal)
    shift = float(np.linalg.norm(drift, axis=1).max())
    if shift > 0.5 * min(ordered[0].spacing or (1.0, 1.0)):
        raise UnreadableImageError(
            f"its slices are shifted against each other by up to {shift:.1f} mm (a tilted gantry); "
            "resample it to a regular grid."
        )
    step = float(along[-1] - along[0]) / (len(ordered) - 1)
    return ordered, _plane(ordered[0], step, len(ordered))


def _require_parallel(slices: Sequence[Slice]) -> None:
    kinds: list[NDArray[Any]] = []
    for item in slices:
        orientation = np.array(item.orientation)
        if not any(np.allclose(orientation, kind, atol=_SAME_DIRECTION) for kind in kinds):
            kinds.append(orientation)
    if len(kinds) > 1:
        if len(slices) < _SCOUT_SLICES:
            raise UnreadableImageError(
                f"it is a scout of {len(slices)} slices in {len(kinds)} directions; leave it out."
            )
        raise UnreadableImageError(
            f"its slices lie in {len(kinds)} different directions; export each as a series."
        )


def _require_single_places(along: NDArray[Any]) -> None:
    places = 1 + int(np.sum(np.diff(along) > _SAME_PLACE))
    if places == len(along):
        return
    if len(along) % places == 0:
        raise UnreadableImageError(
            f"it holds {len(along) // places} images at each of {places} positions (4-D: over "
            "time, or several contrasts); export each volume as a series."
        )
    raise UnreadableImageError(
        f"its {len(along)} slices lie in only {places} positions; export it again."
    )


def _require_even(steps: NDArray[Any]) -> None:
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    ratios = steps / usual
    if np.all(np.abs(ratios - 1) <= _EVEN):
        return
    whole = np.round(ratios)
    missing = int(np.sum(whole - 1))
    if np.all(np.abs(ratios - whole) <= _EVEN * whole) and np.all(whole >= 1):
        raise UnreadableImageError(
            f"{missing} of its slices {'is' if missing == 1 else 'are'} missing (a gap of "
            f"{steps.max():.2f} mm where slices are {usual:.2f} mm apart); copy them again."
        )
    raise UnreadableImageError(
        f"its slices are unevenly spaced ({steps.min():.2f} to {steps.max():.2f} mm at "
        f"{int(np.sum(np.abs(ratios - 1) > _EVEN))} places); resample it to a regular grid."
    )


def _normal(item: Slice) -> NDArray[Any]:
    orientation = np.array(item.orientation)
    normal = np.cross(orientation[:3], orientation[3:])
    length = float(np.linalg.norm(normal))
    if length < 0.5:
        raise UnreadableImageError(
            "its rows and columns run in the same direction; export it again."
        )
    return np.asarray(normal / length)


def _plane(item: Slice, step: float, count: int) -> Geometry:
    """Return the geometry of `count` slices, `step` millimetres apart, from `item` on."""
    size = (*item.size, count)
    spacing = (*(item.spacing or (1.0, 1.0)), step)
    if item.orientation is None or item.position is None:
        return regular(Geometry(size, spacing))
    axes = np.column_stack((item.orientation[:3], item.orientation[3:], _normal(item)))
    directions = tuple(float(v) + 0.0 for v in axes.ravel())
    return regular(Geometry(size, spacing, item.position, directions))
