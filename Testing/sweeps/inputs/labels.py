"""Label maps: of every type, soft, unknown, elsewhere in space, flipped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from Testing.odd_files import write_nifti
from Testing.sweeps.inputs.check_labels import labelled
from Testing.sweeps.inputs.kinds import (
    Affine,
    Imported,
    Kinds,
    Outcome,
    Refused,
    placed,
    ras_rows,
    turned,
    volume,
)

KINDS = Kinds("label maps")
SPACING = (2.0, 3.0, 4.0)
PLACE = placed(SPACING, (10.0, 20.0, 30.0))
IMAGE = "case.nii.gz"
LABELS = labelled()


def image(folder: Path, affine: Affine = PLACE, **fields: Any) -> None:
    """Write the image that the label map belongs to."""
    spacing = tuple(np.linalg.norm(affine[:3, :3], axis=0))
    known = {"sform": 1, "rows": ras_rows(affine), "spacing": spacing}
    write_nifti(folder / "images" / IMAGE, volume(), **known | fields)


def label(path: Path, array: NDArray[np.generic], affine: Affine = PLACE, **fields: Any) -> None:
    """Write a NIfTI label map."""
    spacing = tuple(np.linalg.norm(affine[:3, :3], axis=0))
    known = {"sform": 1, "rows": ras_rows(affine), "spacing": spacing}
    write_nifti(path, array, **known | fields)


def used(
    array: NDArray[np.generic] = LABELS,
    affine: Affine = PLACE,
    wanted: NDArray[np.generic] | None = None,
    of: Affine = PLACE,
    **fields: Any,
) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        image(folder, of)
        label(folder / "labels" / IMAGE, array, affine, **fields)
        return Imported(IMAGE, IMAGE, array if wanted is None else wanted)

    return write


def refused(
    fault: str,
    remedy: str,
    array: NDArray[np.generic] = LABELS,
    affine: Affine = PLACE,
    of: Affine = PLACE,
    **fields: Any,
) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        image(folder, of)
        label(folder / "labels" / IMAGE, array, affine, **fields)
        return Refused(IMAGE, fault, remedy)

    return write


def raw(
    name: str, content: bytes, outcome: Outcome | None = None, fault: str = "", remedy: str = ""
) -> Callable[[Path], Outcome]:
    """Return a function that writes `content`, to be imported unless a `fault` is given."""

    def write(folder: Path) -> Outcome:
        image(folder)
        (folder / "labels" / name).write_bytes(content)
        if outcome is not None:
            return outcome
        return Refused(name, fault, remedy) if fault else Imported(name, IMAGE, LABELS)

    return write


def _values() -> None:
    add = KINDS.add
    for kind in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"):
        for order, word in (("<", "little"), (">", "big")):
            add(f"{kind}, {word}-endian", used(labelled(kind=kind), order=order))
    many = labelled(kind="u2")
    many[0, 0, 0] = 300
    add("a value above 255", used(many))
    add("nothing but background", used(np.zeros_like(LABELS)))
    add("nothing but one structure", used(np.full_like(LABELS, 2)))
    add("scaled to whole numbers", used(LABELS // 3, wanted=LABELS // 3 * 3, slope=3.0))
    add("scaled to fractions", refused("probability", "save whole numbers", slope=1 / 255))
    add("scaled beyond the range", refused("values from", "correct", slope=1e9))
    for words, kind, value, fault in (
        ("a soft value", "f4", 0.5, "probability"),
        ("a value just off a whole number", "f4", 1.0001, "probability"),
        ("a value that is no number", "f4", np.nan, "nan"),
        ("an infinite value", "f4", np.inf, "inf"),
        ("a negative value", "i2", -1, "-1"),
        ("an image's values", "i2", -1024, "-1024"),
        ("65,536", "i4", 65536, "65536"),
        ("2^32 + 1, which wraps to 1", "i8", 2**32 + 1, "4.29497e+09"),
        ("2^64 - 1, which wraps to -1", "u8", 2**64 - 1, "1.84467e+19"),
        ("1e300", "f8", 1e300, "1e+300"),
    ):
        odd = labelled(kind=kind)
        odd[1, 2, 3] = value
        add(words, refused(fault, "", odd))
    for value in (4, 255, 257, 65535):  # 257 wraps to 1
        odd = labelled(kind="u2")
        odd[1, 2, 3] = value
        add(f"the unknown value {value}", refused(f"the value {value}", "add the segment", odd))
    add("complex", refused("complex", "save", datatype=32))
    add("RGB", refused("colour", "convert", datatype=128))
    add("1 bit a voxel", refused("type 1", "save", datatype=1))
    add("4-D, a channel each structure", refused("more than three", "save", dims=(4, 6, 5, 2, 2)))
    add("4-D of one channel", used(dims=(4, 6, 5, 4, 1)))


def _elsewhere() -> None:
    add = KINDS.add

    def moved(x: float, y: float, z: float) -> Affine:
        shift = np.eye(4)
        shift[:3, 3] = (x, y, z)
        affine: Affine = shift @ PLACE
        return affine

    add("moved by 0.0001 mm", used(affine=moved(1e-4, 0, 0)))
    for words, by in (("half a voxel", 1.0), ("one voxel", 2.0), ("0.05 mm", 0.05), ("10 m", 1e4)):
        add(f"moved by {words}", refused("origin", "resample", affine=moved(by, 0, 0)))
    for words, factor in (("1 %", 1.01), ("0.1 %", 1.001), ("a factor of 1000", 1000.0)):
        wide = placed((SPACING[0] * factor, SPACING[1], SPACING[2]), (10, 20, 30))
        add(f"voxels wider by {words}", refused("spacing", "resample", affine=wide))
    for axis, letter in enumerate("IJK"):
        flip, ends = np.eye(4), np.array([5.0, 4.0, 3.0])
        flip[axis, axis], flip[axis, 3] = -1, ends[axis]
        mirrored: Affine = PLACE @ flip
        flipped = np.flip(LABELS, 2 - axis).copy()
        add(
            f"flipped along {letter}, in the same place",
            refused("lies elsewhere", "resample", flipped, mirrored),
        )
        flip[axis, 3] = 0
        add(
            f"the direction of {letter} turned round",
            refused("direction", "resample", affine=PLACE @ flip),
        )
    for degrees in (0.1, 1.0, 90.0, 180.0):
        turn = placed(SPACING, (10, 20, 30), turned((0, 0, 1), degrees))
        add(f"turned by {degrees:g}°", refused("direction", "resample", affine=turn))
    for shape in ((4, 6, 5), (6, 5, 4), (2, 5, 6), (4, 5, 7), (1, 5, 6)):
        size = "×".join(map(str, shape[::-1]))
        add(f"{size} voxels for 6×5×4", refused(f"{size} voxels", "resample", labelled(shape)))
    add("without a transform, its image has one", refused("origin", "resample", sform=0))
    add("with a qform that denies its sform", refused("", "resample", sform=2, qform=1))
    add(
        "a sheared transform",
        refused(
            "right angles",
            "resample",
            affine=PLACE @ np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
        ),
    )
    left = placed(SPACING, (10, 20, 30), np.diag([-1.0, 1, 1]))
    add("left-handed, as its image", used(affine=left, of=left))
    oblique = placed((0.7, 0.8, 2.5), (-120.25, 33.125, 801.5), turned((1, 2, 3), 37))
    add("oblique, as its image", used(affine=oblique, of=oblique))
    tiny = placed((2.5e-4, 2.5e-4, 1e-3), (0.1, 0.2, 0.3))
    add("microscopic, as its image", used(affine=tiny, of=tiny))
    for voxels in (0.5, 2):
        off = tiny.copy()
        off[0, 3] += voxels * 2.5e-4
        add(
            f"microscopic, moved by {voxels:g} voxels",
            refused("origin", "resample", affine=off, of=tiny),
        )
    wider = placed((3e-4, 2.5e-4, 1e-3), (0.1, 0.2, 0.3))
    add("microscopic, voxels wider by 20 %", refused("spacing", "resample", affine=wider, of=tiny))


_values()
_elsewhere()
