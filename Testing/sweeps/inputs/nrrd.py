"""NRRD: headers of all sorts."""

import bz2
import gzip

import numpy as np

from Testing.sweeps.inputs.kinds import Kinds, placed, volume
from Testing.sweeps.inputs.text_formats import (
    ARRAY,
    NO_PLACE,
    NO_SIZE,
    PLACE,
    RAW,
    SPACING,
    nrrd,
    refused,
    used,
)

KINDS = Kinds("NRRD")


def _nrrd_headers() -> None:
    add = KINDS.add
    for space, signs in (
        ("right-anterior-superior", (-1, -1, 1)),
        ("left-anterior-superior", (1, -1, 1)),
        ("RAS", (-1, -1, 1)),
        ("LPS", (1, 1, 1)),
        ("scanner-xyz", (1, 1, 1)),
    ):
        flip = np.diag([*map(float, signs), 1.0])
        add(
            f"nrrd in the space {space}",
            used("a.nrrd", nrrd(RAW, space=space), ARRAY, affine=flip @ PLACE),
        )
    bare = {"space": None, "space_directions": None, "space_origin": None}
    add(
        "nrrd without any place",
        used("a.nrrd", nrrd(RAW, **bare), ARRAY, affine=placed(), note=NO_SIZE),
    )
    add(
        "nrrd with spacings alone",
        used(
            "a.nrrd",
            nrrd(RAW, **bare, spacings="2 3 4"),
            ARRAY,
            affine=placed(SPACING),
            note=NO_PLACE,
        ),
    )
    add(
        "nrrd with spacings that are no numbers",
        used(
            "a.nrrd",
            nrrd(RAW, **bare, spacings="nan nan nan"),
            ARRAY,
            affine=placed(),
            note=NO_SIZE,
        ),
    )
    add(
        "nrrd, big-endian", used("a.nrrd", nrrd(ARRAY.astype(">i2").tobytes(), endian="big"), ARRAY)
    )
    for encoding, data in (
        ("gzip", gzip.compress(RAW)),
        ("ascii", " ".join(map(str, ARRAY.ravel())).encode()),
        ("hex", RAW.hex().encode()),
    ):
        add(f"nrrd, {encoding}", used("a.nrrd", nrrd(data, encoding=encoding), ARRAY))
    add(
        "nrrd, bzip2",
        refused(
            "a.nrrd", nrrd(bz2.compress(RAW), encoding="bzip2"), "cannot be read", "save it anew"
        ),
    )
    add(
        "nrrd with Windows' line ends",
        used("a.nrrd", nrrd(b"").replace(b"\n", b"\r\n") + RAW, ARRAY),
    )
    add(
        "nrrd with comments and keys",
        used("a.nrrd", nrrd(b"")[:-1] + b"# sizes: 1 1 1\nsizes:=9 9 9\n\n" + RAW, ARRAY),
    )
    add(
        "nrrd, 2-D",
        used(
            "a.nrrd",
            nrrd(
                RAW[:60],
                dimension="2",
                space=None,
                sizes="6 5",
                space_directions=None,
                space_origin=None,
                kinds=None,
                spacings="2 3",
            ),
            ARRAY[:1],
            affine=placed((2, 3, 1)),
            note=NO_PLACE,
        ),
    )
    add(
        "nrrd, 4-D",
        refused(
            "a.nrrd",
            nrrd(
                RAW,
                dimension="4",
                sizes="6 5 2 2",
                kinds="domain domain domain list",
                space_directions="(2,0,0) (0,3,0) (0,0,4) none",
            ),
            "",
            "save",
        ),
    )
    add(
        "nrrd, RGB",
        refused(
            "a.nrrd",
            nrrd(
                RAW[:90],
                type="uint8",
                dimension="4",
                sizes="3 6 5 1",
                kinds="RGB-color domain domain domain",
                space_directions="none (2,0,0) (0,3,0) (0,0,4)",
            ),
            "3 values",
            "save one grey image",
        ),
    )
    add(
        "nrrd, complex",
        refused(
            "a.nrrd",
            nrrd(
                RAW,
                type="float",
                dimension="4",
                sizes="2 6 5 1",
                kinds="complex domain domain domain",
                space_directions="none (2,0,0) (0,3,0) (0,0,4)",
            ),
            "",
            "save",
        ),
    )
    add("nrrd, 1 bit a voxel", refused("a.nrrd", nrrd(RAW, type="bit"), "", "save"))
    for kind, name in (
        ("i1", "int8"),
        ("u1", "uchar"),
        ("u2", "ushort"),
        ("i4", "int"),
        ("u4", "uint"),
        ("i8", "longlong"),
        ("u8", "uint64"),
        ("f4", "float"),
        ("f8", "double"),
    ):
        add(
            f"nrrd, {name}",
            used("a.nrrd", nrrd(volume(kind=kind).tobytes(), type=name), volume(kind=kind)),
        )
    add(
        "nrrd, double beyond float32",
        refused(
            "a.nrrd",
            nrrd(np.full((4, 5, 6), 1e300).tobytes(), type="double"),
            "1e+300",
            "other units",
        ),
    )


def _lies() -> None:
    for words, fields in (
        ("no type", {"type": None}),
        ("an unknown type", {"type": "quaternion"}),
        ("no sizes", {"sizes": None}),
        ("two sizes for three dimensions", {"sizes": "6 5"}),
        ("a size of zero", {"sizes": "6 0 4"}),
        ("a negative size", {"sizes": "6 -5 4"}),
        ("17 dimensions", {"dimension": "17"}),
        ("no encoding", {"encoding": None}),
        ("an unknown encoding", {"encoding": "morse"}),
        ("no endianness", {"endian": None}),
        ("directions of two numbers", {"space directions": "(2,0) (0,3) (0,0)"}),
    ):
        KINDS.add(f"nrrd with {words}", refused("a.nrrd", nrrd(RAW, **fields), "", ""))


_nrrd_headers()
_lies()
