"""The voxels of NRRD and MetaImage: beside their header, cut short, changed."""

import gzip
import zlib
from pathlib import Path

from Testing.sweeps.inputs.kinds import Kinds, Outcome, Used, volume
from Testing.sweeps.inputs.text_formats import (
    ARRAY,
    BIG,
    BIG_SIZE,
    PLACE,
    RAW,
    meta,
    nrrd,
    refused,
    used,
)

KINDS = Kinds("voxels of NRRD and MetaImage")


def _beside() -> None:
    add = KINDS.add
    head, detached = nrrd(b"", data_file="a.raw"), meta(b"", ElementDataFile="a.raw")
    for name, content in (("a.nhdr", head), ("a.mhd", detached)):
        add(f"{name}, voxels beside", used(name, content, ARRAY, beside={"a.raw": RAW}))
        add(f"{name}, voxels missing", refused(name, content, "a.raw", "put it beside"))
        add(
            f"{name}, voxels cut short",
            refused(name, content, "cut short", "copy", {"a.raw": RAW[:-1]}),
        )
        add(f"{name}, voxels empty", refused(name, content, "cut short", "copy", {"a.raw": b""}))
    add(
        "a.nhdr, gzip beside",
        used(
            "a.nhdr",
            nrrd(b"", data_file="a.raw.gz", encoding="gzip"),
            ARRAY,
            beside={"a.raw.gz": gzip.compress(RAW)},
        ),
    )
    add(
        "a.nhdr, voxels in a folder above",
        refused("a.nhdr", nrrd(b"", data_file="../../nowhere.raw"), "outside", "put"),
    )
    add(
        "a.nhdr, a line skipped",
        used(
            "a.nhdr",
            nrrd(b"", data_file="a.raw", line_skip="1"),
            ARRAY,
            beside={"a.raw": b"a line\n" + RAW},
        ),
    )
    add(
        "a.nhdr, bytes skipped",
        used(
            "a.nhdr",
            nrrd(b"", data_file="a.raw", byte_skip="7"),
            ARRAY,
            beside={"a.raw": b"seven b" + RAW},
        ),
    )
    add(
        "a.nhdr, voxels at the end",
        used(
            "a.nhdr",
            nrrd(b"", data_file="a.raw", byte_skip="-1"),
            ARRAY,
            beside={"a.raw": b"rubbish" + RAW},
        ),
    )
    slices = {f"s{n}.raw": RAW[60 * n : 60 * n + 60] for n in range(4)}
    listed = "\n".join(
        ["NRRD0005", *nrrd(b"").decode().split("\n")[1:-2], "data file: LIST", *slices, ""]
    )
    add("a.nhdr, a file each slice", used("a.nhdr", listed.encode(), ARRAY, beside=slices))
    short = slices | {"s2.raw": RAW[120:170]}
    add(
        "a.nhdr, one slice cut short",
        refused("a.nhdr", listed.encode(), "cannot be read", "copy", short),
    )
    add(
        "a.nhdr, one slice missing",
        refused(
            "a.nhdr",
            listed.encode(),
            "s1.raw",
            "copy",
            {k: v for k, v in slices.items() if k != "s1.raw"},
        ),
    )
    meta_list = meta(b"", ElementDataFile="LIST\n" + "\n".join(slices))
    add("a.mhd, a file each slice", used("a.mhd", meta_list, ARRAY, beside=slices))
    add("a.mhd, one slice cut short", refused("a.mhd", meta_list, "", "copy", short))
    add(
        "a.mhd that points to itself",
        refused("a.mhd", meta(RAW[:50], ElementDataFile="a.mhd"), "names itself", "save"),
    )


def _alike() -> None:
    """Two headers that are the same byte by byte, in two folders, over different voxels."""
    slices = {f"s{n}.raw": slice(60 * n, 60 * n + 60) for n in range(4)}
    one = {"a.raw": slice(None)}
    listed = nrrd(b"", data_file="LIST")[:-1] + "\n".join([*slices, ""]).encode()
    for name, words, header, parts in (
        ("a.nhdr", "nhdr", nrrd(b"", data_file="a.raw"), one),
        ("a.nrrd", "nrrd with its voxels beside", nrrd(b"", data_file="a.raw"), one),
        ("a.nhdr", "nhdr with a list", listed, slices),
        ("a.nhdr", "nhdr with numbers", nrrd(b"", data_file="s%d.raw 0 3 1"), slices),
        ("a.mhd", "mhd", meta(b"", ElementDataFile="a.raw"), one),
        ("a.mha", "mha with its voxels beside", meta(b"", ElementDataFile="a.raw"), one),
        (
            "a.mhd",
            "mhd with a list",
            meta(b"", ElementDataFile="LIST\n" + "\n".join(slices)),
            slices,
        ),
        ("a.mhd", "mhd with numbers", meta(b"", ElementDataFile="s%d.raw 0 3 1"), slices),
    ):

        def write(
            folder: Path, name: str = name, header: bytes = header, parts: dict[str, slice] = parts
        ) -> list[Outcome]:
            outcomes: list[Outcome] = []
            for seed in (1, 2):
                array = volume(seed)
                (folder / str(seed)).mkdir()
                (folder / str(seed) / name).write_bytes(header)
                for part, where in parts.items():
                    (folder / str(seed) / part).write_bytes(array.tobytes()[where])
                outcomes.append(Used(f"{seed}/{name}", array, PLACE, reader="simpleitk"))
            return outcomes

        KINDS.add(f"equal headers over different voxels, {words}", write)


def _damage() -> None:
    packed, zipped = zlib.compress(BIG.tobytes()), gzip.compress(BIG.tobytes(), mtime=0)
    sized = {"DimSize": BIG_SIZE, "ElementType": "MET_FLOAT", "CompressedData": "True"}
    files = {
        "a.nrrd": nrrd(zipped, type="float", sizes=BIG_SIZE, encoding="gzip"),
        "a.mha": meta(packed, **sized, CompressedDataSize=str(len(packed))),
    }
    for name, content in files.items():
        for kept in (1, 5, 60, 150):
            KINDS.add(f"{name} cut after {kept} bytes", refused(name, content[:kept], "", "copy"))
        for lacking in (1, 8, 2000):
            KINDS.add(
                f"{name} lacks {lacking} bytes",
                refused(name, content[:-lacking], "cut short", "copy"),
            )
        for part in (0.3, 0.6, 0.99):
            at = int(len(content) * part)
            flipped = content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1 :]
            KINDS.add(
                f"{name} with a bit flipped at {part:.0%}",
                refused(name, flipped, "damaged", "copy"),
            )
        wrong = content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]
        KINDS.add(f"{name} with a wrong checksum", refused(name, wrong, "damaged", "copy"))
        KINDS.add(f"{name} of text", refused(name, b"This is no image. " * 40, "header", "copy"))
        KINDS.add(f"{name} of zeros", refused(name, bytes(2000), "header", "copy"))
    for name, content in (("a.nrrd", nrrd(RAW)), ("a.mha", meta(RAW))):
        KINDS.add(f"{name} lacks a voxel", refused(name, content[:-2], "cut short", "copy"))
    for sizes, words, fault, remedy in (
        ("1024 1024 1024", "2 GB", "cut short", "copy"),
        ("99999999 99999999 99999999", "10^24 bytes", "at most", "crop"),
    ):
        KINDS.add(
            f"nrrd, {words} header over 1 KB",
            refused("a.nrrd", nrrd(bytes(1000), sizes=sizes), fault, remedy),
        )
        KINDS.add(
            f"nrrd, {words} header over 1 KB of gzip",
            refused("a.nrrd", nrrd(zipped[:1000], sizes=sizes, encoding="gzip"), fault, remedy),
        )
        KINDS.add(
            f"mha, {words} header over 1 KB",
            refused("a.mha", meta(bytes(1000), DimSize=sizes), fault, remedy),
        )
        big = {"CompressedData": "True", "CompressedDataSize": "1000", "DimSize": sizes}
        KINDS.add(
            f"mha, {words} header over 1 KB compressed",
            refused("a.mha", meta(packed[:1000], **big), fault, remedy),
        )


_beside()
_alike()
_damage()
