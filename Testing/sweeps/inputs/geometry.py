"""Where voxels lie: every orientation in every format, oblique, sheared, degenerate."""

from collections.abc import Callable, Sequence
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from Testing.odd_files import write_nifti
from Testing.sweeps.inputs.kinds import (
    Affine,
    Kinds,
    Outcome,
    Refused,
    Used,
    placed,
    ras_rows,
    turned,
    volume,
)

KINDS = Kinds("geometry")
SPACING = (0.5, 1.25, 3.0)
ORIGIN = (-12.5, 40.25, 700.0)
FORMATS = ("nii.gz", "nrrd", "mha")


def write_volume(
    path: Path, array: NDArray[np.generic], affine: Affine, more: Sequence[str] = ()
) -> None:
    """Write a volume in the format of the suffix of `path`, by hand, so that nobody corrects it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns, origin = affine[:3, :3], affine[:3, 3]
    size = " ".join(str(n) for n in array.shape[::-1])
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    spacing = np.linalg.norm(columns, axis=0)
    if path.suffix == ".gz":
        write_nifti(path, array, sform=1, rows=ras_rows(affine), spacing=tuple(spacing))
    elif path.suffix == ".nrrd":
        vectors = " ".join(
            "(" + ",".join(f"{v:.17g}" for v in column) + ")" for column in columns.T
        )
        start = ",".join(f"{v:.17g}" for v in origin)
        lines = ["NRRD0004", "type: int16", "dimension: 3", "space: left-posterior-superior"]
        lines += [f"sizes: {size}", f"space directions: {vectors}", f"space origin: ({start})"]
        lines += ["endian: little", "encoding: raw", *more, "", ""]
        path.write_bytes("\n".join(lines).encode() + data)
    else:
        unit = columns / np.where(spacing == 0, 1, spacing)
        lines = ["ObjectType = Image", "NDims = 3", f"DimSize = {size}", *more]
        lines += ["BinaryData = True", "BinaryDataByteOrderMSB = False", "ElementType = MET_SHORT"]
        lines += ["TransformMatrix = " + " ".join(f"{v:.17g}" for v in unit.T.ravel())]
        lines += ["Offset = " + " ".join(f"{v:.17g}" for v in origin)]
        lines += ["ElementSpacing = " + " ".join(f"{v:.17g}" for v in spacing)]
        path.write_bytes("\n".join([*lines, "ElementDataFile = LOCAL", ""]).encode() + data)


def _reader(suffix: str) -> str:
    return "nibabel" if suffix == "nii.gz" else "simpleitk"


def used(affine: Affine, suffix: str) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        write_volume(folder / f"a.{suffix}", volume(), affine)
        return Used(f"a.{suffix}", volume(), affine, reader=_reader(suffix))

    return write


def refused(affine: Affine, suffix: str, fault: str, remedy: str) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        write_volume(folder / f"a.{suffix}", volume(), affine)
        return Refused(f"a.{suffix}", fault, remedy)

    return write


def name_of(direction: NDArray[np.generic]) -> str:
    """Return such as "RAS": the letters towards which I, J and K run."""
    letters = ("RL", "AP", "IS")
    return "".join(
        letters[int(np.argmax(np.abs(column)))][int(column[np.argmax(np.abs(column))] > 0)]
        for column in direction.T
    )


def _orientations() -> None:
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        direction = np.zeros((3, 3))
        for axis, (row, sign) in enumerate(zip(order, signs, strict=True)):
            direction[row, axis] = sign
        affine = placed(SPACING, ORIGIN, direction)
        for suffix in FORMATS:
            KINDS.add(f"{name_of(direction)} in {suffix}", used(affine, suffix))


def _obliques() -> None:
    flip = np.diag([-1.0, 1.0, 1.0])
    for words, direction in (
        ("turned by 0.01°", turned((1, 2, 3), 0.01)),
        ("turned by 20°", turned((1, 2, 3), 20)),
        ("turned by 45°", turned((0, 0, 1), 45)),
        ("as far from all axes as can be", turned((1, 1, 1), 60)),
        ("left-handed and turned", turned((3, -2, 1), 77) @ flip),
        ("turned by 179.9°", turned((1, 1, 0), 179.9)),
    ):
        for suffix in FORMATS:
            KINDS.add(f"{words} in {suffix}", used(placed(SPACING, ORIGIN, direction), suffix))
    for words, spacing, origin in (
        ("far from the origin", SPACING, (1e5, -1e5, 1e5)),
        ("microscopic voxels", (2.5e-4, 2.5e-4, 1e-3), (0.1, 0.2, 0.3)),
        ("voxels of a metre", (1000.0, 1000.0, 2000.0), ORIGIN),
        ("very flat voxels", (0.05, 0.05, 500.0), ORIGIN),
    ):
        for suffix in FORMATS:
            KINDS.add(
                f"{words} in {suffix}", used(placed(spacing, origin, turned((1, 2, 3), 20)), suffix)
            )


def _shears() -> None:
    for amount in (0.001, 0.05, 1.0):
        for axes in ((0, 1), (0, 2), (1, 2)):
            shear = np.eye(3)
            shear[axes] = amount
            for suffix in FORMATS:
                write = refused(placed(SPACING, ORIGIN, shear), suffix, "right angles", "resample")
                KINDS.add(
                    f"{'IJK'[axes[0]]}{'IJK'[axes[1]]} sheared by {amount} in {suffix}", write
                )
    for suffix in FORMATS:
        flat = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        KINDS.add(
            f"two axes along one line in {suffix}",
            refused(placed(SPACING, ORIGIN, flat), suffix, "", ""),
        )


def _degenerate() -> None:
    for suffix in ("nrrd", "mha"):
        for words, spacing in (
            ("a spacing of zero", (1.0, 0.0, 1.0)),
            ("a spacing of 1e-30 mm", (1.0, 1e-30, 1.0)),
            ("a spacing of 1e30 mm", (1.0, 1e30, 1.0)),
            ("a spacing that is no number", (1.0, np.nan, 1.0)),
            ("an infinite spacing", (1.0, np.inf, 1.0)),
        ):
            KINDS.add(f"{words} in {suffix}", refused(placed(spacing, ORIGIN), suffix, "", "save"))
        for words, place in (("no number", np.nan), ("infinite", np.inf)):
            where = refused(placed(SPACING, (0.0, place, 0.0)), suffix, "", "save")
            KINDS.add(f"an origin that is {words} in {suffix}", where)


def _nifti(words: str, affine: Affine, note: str = "", reader: str = "", **fields: Any) -> None:
    def write(folder: Path) -> Outcome:
        write_nifti(folder / "a.nii.gz", volume(), **{"spacing": SPACING} | fields)
        return Used("a.nii.gz", volume(), affine, note, reader)

    KINDS.add(f"NIfTI: {words}", write)


def _refused_nifti(words: str, fault: str, remedy: str, **fields: Any) -> None:
    def write(folder: Path) -> Outcome:
        write_nifti(folder / "a.nii.gz", volume(), **{"spacing": SPACING} | fields)
        return Refused("a.nii.gz", fault, remedy)

    KINDS.add(f"NIfTI: {words}", write)


def _choices_of_nifti() -> None:
    """Which of its two transforms, which unit, whose spacing."""
    plain, there = placed(SPACING), placed(SPACING, ORIGIN)
    rows = ras_rows(there)
    beside = {
        "qform": 1,
        "offset": tuple(rows[:, 3] + np.array([1, 2, 3])),
        "quaternion": (0, 0, 1),
    }
    q = placed(SPACING, (ORIGIN[0] - 1, ORIGIN[1] - 2, ORIGIN[2] + 3))
    sheared = rows + np.array([[0, 1.0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    _nifti("no transform at all", plain, "no orientation", "simpleitk")
    _nifti(
        "only a qform",
        placed(SPACING, (0, 0, 0), np.diag([-1.0, -1, 1])),
        reader="nibabel",
        qform=1,
    )
    _nifti(
        "a qform with qfac -1",
        placed(SPACING, (0, 0, 0), np.diag([-1.0, -1, -1])),
        reader="nibabel",
        qform=1,
        qfac=-1.0,
    )
    _nifti(
        "a qform with qfac 0",
        placed(SPACING, (0, 0, 0), np.diag([-1.0, -1, 1])),
        reader="simpleitk",
        qform=1,
        qfac=0.0,
    )
    _nifti("a negative sform code", plain, "no orientation", "simpleitk", sform=-1, rows=rows)
    _nifti(
        "both agree",
        there,
        reader="nibabel",
        sform=1,
        rows=rows,
        qform=1,
        offset=rows[:, 3],
        quaternion=(0, 0, 1),
    )
    _nifti(
        "both differ, the sform is the scanner's",
        there,
        reader="nibabel",
        sform=1,
        rows=rows,
        **beside,
    )
    _nifti(
        "both differ, the sform is aligned",
        q,
        "disagree",
        "simpleitk",
        sform=2,
        rows=rows,
        **beside,
    )
    _nifti(
        "a sheared sform beside a qform", q, "sheared", "simpleitk", sform=1, rows=sheared, **beside
    )
    _nifti(
        "an sform of zeros beside a qform",
        q,
        "damaged",
        "",
        sform=1,
        rows=np.zeros((3, 4)),
        **beside,
    )
    for code, unit in ((1, 1000.0), (2, 1.0), (3, 0.001), (0, 1.0), (7, 1.0)):
        scaled = placed(tuple(s * unit for s in SPACING), tuple(o * unit for o in ORIGIN))  # type: ignore[arg-type]
        _nifti(f"unit code {code}", scaled, reader="simpleitk", sform=1, rows=rows, units=code)
    _nifti(
        "voxel sizes that the transform denies",
        placed((1, 1, 1), ORIGIN),
        "disagree",
        "simpleitk",
        sform=1,
        rows=rows,
        spacing=(1, 1, 1),
    )
    for words, bad in (("zero", 0.0), ("not a number", np.nan), ("infinite", np.inf)):
        one = placed((0.5, 1.0, 3.0), ORIGIN)
        _nifti(
            f"a voxel size is {words}",
            one,
            "no voxel size",
            sform=1,
            rows=rows,
            spacing=(0.5, bad, 3.0),
        )
    _refused_nifti(
        "a negative voxel size", "negative", "save", sform=1, rows=rows, spacing=(0.5, -1.0, 3.0)
    )
    for words, tiny in (("1e-30", 1e-30), ("1e30", 1e30)):
        _refused_nifti(
            f"a voxel size of {words} mm",
            "voxel size",
            "save",
            sform=1,
            rows=rows,
            spacing=(0.5, tiny, 3.0),
        )
    for words, bad in (("not a number", np.nan), ("infinite", np.inf)):
        torn = rows.copy()
        torn[1, 3] = bad
        _refused_nifti(f"an sform that is {words}", "", "save", sform=1, rows=torn)
        _refused_nifti(
            f"a qform that is {words}", "not a number", "save", qform=1, quaternion=(0, bad, 0)
        )
    _refused_nifti(
        "an sform of zeros alone", "right angles", "resample", sform=1, rows=np.zeros((3, 4))
    )
    _nifti(
        "a quaternion longer than one",
        placed(SPACING, (0, 0, 0), np.diag([1.0, -1, -1]) @ np.diag([-1, -1, 1.0])),
        qform=1,
        quaternion=(3.0, 0, 0),
        reader="simpleitk",
    )


_orientations()
_obliques()
_shears()
_degenerate()
_choices_of_nifti()
