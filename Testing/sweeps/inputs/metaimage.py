"""MetaImage: headers of all sorts."""

import zlib

from Testing.sweeps.inputs.kinds import Kinds, placed, volume
from Testing.sweeps.inputs.text_formats import (
    ARRAY,
    NO_PLACE,
    NO_SIZE,
    RAW,
    SPACING,
    meta,
    refused,
    used,
)

KINDS = Kinds("MetaImage")


def _meta_headers() -> None:
    add = KINDS.add
    bare = {"TransformMatrix": None, "Offset": None, "ElementSpacing": None}
    add(
        "mha without any place",
        used("a.mha", meta(RAW, **bare), ARRAY, affine=placed(), note=NO_SIZE),
    )
    add(
        "mha with a spacing alone",
        used(
            "a.mha",
            meta(RAW, **bare | {"ElementSpacing": "2 3 4"}),
            ARRAY,
            affine=placed(SPACING),
            note=NO_PLACE,
        ),
    )
    add(
        "mha, big-endian",
        used("a.mha", meta(ARRAY.astype(">i2").tobytes(), BinaryDataByteOrderMSB="True"), ARRAY),
    )
    add(
        "mha, ascii",
        used(
            "a.mha",
            meta(" ".join(map(str, ARRAY.ravel())).encode() + b"\n", BinaryData="False"),
            ARRAY,
        ),
    )
    packed = zlib.compress(RAW)
    zipped = {"CompressedData": "True", "CompressedDataSize": str(len(packed))}
    add("mha, compressed", used("a.mha", meta(packed, **zipped), ARRAY))
    add(
        "mha, compressed, its size not told",
        refused("a.mha", meta(packed, CompressedData="True"), "how many bytes", "save it anew"),
    )
    add(
        "mha with Windows' line ends", used("a.mha", meta(b"").replace(b"\n", b"\r\n") + RAW, ARRAY)
    )
    add("mha, header's size told", used("a.mha", meta(RAW, HeaderSize="-1"), ARRAY))
    add(
        "mha, 2-D",
        used(
            "a.mha",
            meta(
                RAW[:60],
                NDims="2",
                DimSize="6 5",
                ElementSpacing="2 3",
                Offset="10 20",
                TransformMatrix="1 0 0 1",
            ),
            ARRAY[:1],
            affine=placed((2, 3, 1), (10, 20, 0)),
        ),
    )
    add(
        "mha, 4-D",
        refused(
            "a.mha",
            meta(
                RAW,
                NDims="4",
                DimSize="6 5 2 2",
                ElementSpacing="1 1 1 1",
                Offset="0 0 0 0",
                TransformMatrix="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",
            ),
            "4 dimensions",
            "save each volume",
        ),
    )
    add(
        "mha, RGB",
        refused(
            "a.mha",
            meta(RAW[:180], ElementNumberOfChannels="3", ElementType="MET_UCHAR", DimSize="6 5 2"),
            "3 values",
            "save one grey image",
        ),
    )
    for kind, name in (
        ("i1", "CHAR"),
        ("u1", "UCHAR"),
        ("u2", "USHORT"),
        ("i4", "INT"),
        ("u4", "UINT"),
        ("i8", "LONG_LONG"),
        ("u8", "ULONG_LONG"),
        ("f4", "FLOAT"),
        ("f8", "DOUBLE"),
    ):
        add(
            f"mha, {name}",
            used(
                "a.mha",
                meta(volume(kind=kind).tobytes(), ElementType=f"MET_{name}"),
                volume(kind=kind),
            ),
        )
    for words, fields in (
        ("NDims that its sizes deny", {"NDims": "73"}),
        ("a negative size", {"DimSize": "6 -5 4"}),
        ("a size of zero", {"DimSize": "6 0 4"}),
        ("a size in words", {"DimSize": "six five four"}),
        ("no size", {"DimSize": None}),
        ("no number of dimensions", {"NDims": None}),
        ("an unknown type", {"ElementType": "MET_QUATERNION"}),
        ("a type of no name", {"ElementType": None}),
    ):
        add(f"mha with {words}", refused("a.mha", meta(RAW, **fields), "", ""))


_meta_headers()
