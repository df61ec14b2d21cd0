"""DICOM files whose headers lie or are damaged."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from Testing.odd_files import write_dicom
from Testing.sweeps.inputs.dicom import PIXELS, A, refused, used
from Testing.sweeps.inputs.kinds import Kinds, Outcome, Refused, placed

KINDS = Kinds("DICOM files, damaged")


def changed(
    change: Callable[[bytes], bytes], fault: str, remedy: str, name: str = A
) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        content = write_dicom(folder / name, PIXELS).read_bytes()
        (folder / name).write_bytes(change(content))
        return Refused(name, fault, remedy)

    return write


def _lies() -> None:
    add = KINDS.add
    lies: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("2 GB header over 1 KB", {"Rows": 40000, "Columns": 40000}, "pixels"),
        ("100 MB header over 1 KB", {"Rows": 7000, "Columns": 7000}, "cut short"),
        ("one row too many", {"Rows": 13}, "cut short"),
        ("no rows", {"Rows": 0}, "size"),
        ("pixels of no size", {"PixelSpacing": [0, 0]}, "pixel"),
        ("pixels of a negative size", {"PixelSpacing": [-0.5, 0.5]}, "pixel"),
        ("a tomogram without the size of its pixels", {"PixelSpacing": None}, "pixel"),
        ("pixels of 1e-30 mm", {"PixelSpacing": [1e-30, 1e-30]}, "voxel size"),
        ("rows along columns", {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "direction"),
        ("sheared axes", {"ImageOrientationPatient": [1, 0, 0, 0.2, 0.98, 0]}, "right angles"),
        ("axes of zero", {"ImageOrientationPatient": [0] * 6}, "direction"),
    )
    for words, attributes, fault in lies:
        add(words, refused(fault, "", **attributes))
    rounded = [0.9397, 0.342, 0, -0.342, 0.9397, 0]
    exact = np.array([[0.9397, -0.342, 0], [0.342, 0.9397, 0], [0, 0, 1]])
    add(
        "axes rounded to four digits",
        used(
            affine=placed((0.75, 0.5, 2.5), (-10, -20, 30), exact), ImageOrientationPatient=rounded
        ),
    )
    add(
        "thickness of zero",
        used(affine=placed((0.75, 0.5, 1.0), (-10, -20, 30)), reader="", SliceThickness=0),
    )
    texts = (("PixelSpacing", ["a", "b"]), ("ImagePositionPatient", ["nan", "0", "0"]))

    for tag, values in texts:

        def text(folder: Path, tag: str = tag, values: list[str] = values) -> Outcome:
            path = write_dicom(folder / A, PIXELS)
            content = path.read_bytes()
            number = {
                "PixelSpacing": b"\x28\x00\x30\x00DS",
                "ImagePositionPatient": b"\x20\x00\x32\x00DS",
            }[tag]
            at = content.index(number)
            (length,) = struct.unpack("<H", content[at + 6 : at + 8])
            new = "\\".join(values).encode().ljust(length)
            path.write_bytes(content[: at + 8] + new + content[at + 8 + length :])
            return Refused(A, "makes no sense", "")

        add(f"{tag} is no number", text)


def _damage() -> None:
    add = KINDS.add
    for kept in (1, 131, 140, 300, 600):
        add(f"cut after {kept} bytes", changed(lambda d, k=kept: d[:k], "", "copy"))  # type: ignore[misc]
    add("lacks its last byte", changed(lambda d: d[:-1], "cut short", "copy"))
    add("lacks half of its pixels", changed(lambda d: d[:-120], "cut short", "copy"))
    add("text", changed(lambda _: b"This is no image. " * 30, "DICOM header", "copy"))
    add("zeros", changed(lambda d: bytes(len(d)), "DICOM header", "copy"))
    add("empty", changed(lambda _: b"", "empty", "copy"))
    add(
        "png named .dcm",
        changed(lambda _: b"\x89PNG\r\n\x1a\n" + bytes(300), "DICOM header", "copy"),
    )


_lies()
_damage()
