"""NRRD and MetaImage written field by field, for the kinds of both."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from Testing.sweeps.inputs.kinds import (
    Affine,
    Outcome,
    PassedOver,
    Refused,
    Used,
    placed,
    volume,
)

SPACING = (2.0, 3.0, 4.0)
PLACE = placed(SPACING, (10.0, 20.0, 30.0))
NO_PLACE = "no orientation"
NO_SIZE = "no voxel size"


def nrrd(data: bytes, **fields: str | None) -> bytes:
    """Return a NRRD file; a field that is None is left out."""
    known: dict[str, str | None] = {
        "type": "int16",
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": "6 5 4",
        "space directions": "(2,0,0) (0,3,0) (0,0,4)",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "raw",
        "space origin": "(10,20,30)",
    }
    known |= {name.replace("_", " "): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in known.items() if value is not None]
    return "\n".join(["NRRD0005", *lines, "", ""]).encode() + data


def meta(data: bytes, **fields: str | None) -> bytes:
    """Return a MetaImage file; a field that is None is left out."""
    known: dict[str, str | None] = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "10 20 30",
        "ElementSpacing": "2 3 4",
        "DimSize": "6 5 4",
        "ElementType": "MET_SHORT",
        "ElementDataFile": None,
    }
    known |= fields
    last = known.pop("ElementDataFile") or "LOCAL"
    lines = [f"{name} = {value}" for name, value in known.items() if value is not None]
    return "\n".join([*lines, f"ElementDataFile = {last}", ""]).encode() + data


def used(
    name: str,
    content: bytes,
    array: NDArray[np.generic],
    *,
    affine: Affine = PLACE,
    note: str = "",
    beside: dict[str, bytes] | None = None,
) -> Callable[[Path], list[Outcome]]:
    def write(folder: Path) -> list[Outcome]:
        (folder / name).write_bytes(content)
        for other, data in (beside or {}).items():
            (folder / other).write_bytes(data)
        passed = [PassedOver(other) for other in beside or {}]
        return [Used(name, array, affine, note, "simpleitk"), *passed]

    return write


def refused(
    name: str, content: bytes, fault: str, remedy: str = "", beside: dict[str, bytes] | None = None
) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        (folder / name).write_bytes(content)
        for other, data in (beside or {}).items():
            (folder / other).write_bytes(data)
        return Refused(name, fault, remedy)

    return write


ARRAY = volume()
RAW = ARRAY.tobytes()
BIG = volume(kind="f4", shape=(9, 20, 30))
BIG_SIZE = "30 20 9"
