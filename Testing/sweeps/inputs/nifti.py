"""NIfTI: voxel types, sizes, headers that leave a choice or lie, and damage."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from Testing.odd_files import write_nifti
from Testing.sweeps.inputs.kinds import (
    Affine,
    Kinds,
    Outcome,
    PassedOver,
    Refused,
    Used,
    placed,
    ras_rows,
    volume,
)

KINDS = Kinds("NIfTI")
A = "a.nii.gz"
SPACING = (2.0, 3.0, 4.0)
PLACE = placed(SPACING, (10.0, 20.0, 30.0))
SFORM: dict[str, Any] = {"sform": 1, "rows": ras_rows(PLACE), "spacing": SPACING}


def used(
    array: NDArray[np.generic],
    wanted: NDArray[np.generic] | None = None,
    *,
    affine: Affine = PLACE,
    note: str = "",
    reader: str = "nibabel",
    name: str = A,
    **fields: Any,
) -> Callable[[Path], Outcome]:
    """Return a function that writes `array` with `fields`, to be used as `wanted`."""

    def write(folder: Path) -> Outcome:
        write_nifti(folder / name, array, **SFORM | fields)
        seen = array if wanted is None else wanted
        return Used(name, seen.reshape((1, 1, *seen.shape)[-3:]), affine, note, reader)

    return write


def refused(fault: str, remedy: str, *, name: str = A, **fields: Any) -> Callable[[Path], Outcome]:
    """Return a function that writes a volume with `fields`, to be refused."""

    def write(folder: Path) -> Outcome:
        write_nifti(folder / name, fields.pop("array", volume()), **SFORM | fields)
        return Refused(name, fault, remedy)

    return write


def changed(
    change: Callable[[bytes], bytes], fault: str, remedy: str = "copy", *, name: str = A
) -> Callable[[Path], Outcome]:
    """Return a function that writes a sound volume and changes its bytes, to be refused."""

    def write(folder: Path) -> Outcome:
        path = write_nifti(folder / name, volume(kind="f4", shape=(9, 20, 30)), **SFORM)
        path.write_bytes(change(path.read_bytes()))
        return Refused(name, fault, remedy)

    return write


def _types() -> None:
    extremes = {
        kind: np.array([np.iinfo(kind).min, np.iinfo(kind).max, 0, 1], kind)
        for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
    }
    for kind, values in extremes.items():
        array = volume(kind=kind)
        array.reshape(-1)[:4] = values
        for order, word in (("<", "little"), (">", "big")):
            KINDS.add(f"{kind}, {word}-endian, extreme values", used(array, order=order))
    for kind in ("f4", "f8"):
        array = volume(kind=kind) + np.array(0.3).astype(kind)
        for order, word in (("<", "little"), (">", "big")):
            KINDS.add(f"{kind}, {word}-endian", used(array, order=order))
    for code, words, fault, remedy in (
        (1, "1 bit a voxel", "NIfTI type 1", "save them as"),
        (1536, "128-bit float", "NIfTI type 1536", "save them as"),
        (128, "RGB", "colour", "convert"),
        (2304, "RGBA", "colour", "convert"),
        (32, "complex 64-bit", "complex", "magnitude"),
        (1792, "complex 128-bit", "complex", "magnitude"),
        (2048, "complex 256-bit", "complex", "magnitude"),
        (0, "no type", "type 0", "save"),
        (999, "a type that does not exist", "type 999", "save"),
    ):
        KINDS.add(words, refused(fault, remedy, datatype=code))


def _values() -> None:
    holes = volume(kind="f4")
    filled = holes.copy()
    holes.reshape(-1)[[3, 50, 51]] = [np.nan, np.inf, -np.inf]
    filled.reshape(-1)[[3, 50, 51]] = np.delete(holes.reshape(-1), [3, 50, 51]).min()
    KINDS.add("float with NaN and infinities", used(holes, filled, reader=""))
    KINDS.add("float64 with NaN and infinities", used(holes.astype("f8"), filled, reader=""))
    KINDS.add(
        "nothing but NaN", refused("no finite value", "leave", array=np.full((4, 5, 6), np.nan))
    )
    KINDS.add(
        "nothing but infinity",
        refused("no finite value", "leave", array=np.full((4, 5, 6), np.inf)),
    )
    far = volume(kind="f8")
    far[1, 2, 3] = 1e300
    KINDS.add("float64 beyond float32", refused("1e+300", "save", array=far))
    KINDS.add("scaled beyond float32", refused("e+4", "save", array=volume() * 300, slope=3e38))
    for kind in ("u1", "i2", "f4"):
        for value in (0, 7):
            array = np.full((4, 5, 6), value, kind)
            KINDS.add(f"constant {value} in {kind}", used(array))
    KINDS.add("negative zero and subnormal floats", used(np.array([[[-0.0, 1e-40, 1.0]]], "f4")))


def _sizes() -> None:
    for words, shape in (
        ("one voxel", (1, 1, 1)),
        ("one slice across K", (1, 5, 6)),
        ("one slice across J", (4, 1, 6)),
        ("one slice across I", (4, 5, 1)),
        ("one column", (40, 1, 1)),
        ("two dimensions", (5, 6)),
        ("longest side 32,767", (1, 1, 32767)),
    ):
        KINDS.add(words, used(volume(shape=shape)))
    KINDS.add("fourth dimension of one", used(volume(), dims=(4, 6, 5, 4, 1)))
    KINDS.add("seven dimensions, four of one", used(volume(), dims=(7, 6, 5, 4, 1, 1, 1, 1)))
    KINDS.add("unused dimensions hold rubbish", used(volume(), dims=(3, 6, 5, 4, -9, 77, 0, 5)))
    save = "save each volume as a file"
    KINDS.add("4-D", refused("6 × 5 × 2 × 2", save, dims=(4, 6, 5, 2, 2)))
    KINDS.add("5-D, a vector", refused("more than three", save, dims=(5, 6, 5, 1, 1, 4)))
    KINDS.add("7-D", refused("more than three", save, dims=(7, 2, 2, 2, 1, 1, 1, 2)))
    for words, dims in (
        ("no dimension", (0, 6, 5, 4)),
        ("nine dimensions", (9, 6, 5, 4)),
        ("negative number of dimensions", (-3, 6, 5, 4)),
        ("a side of nothing", (3, 0, 5, 4)),
        ("a negative side", (3, -6, 5, 4)),
    ):
        KINDS.add(words, refused("dimensions are", "copy", dims=dims))
    KINDS.add("one dimension", refused("one dimension", "save", dims=(1, 120)))
    huge = (3, 1024, 1024, 1024)
    KINDS.add("2 GB header over 1 KB, .nii", refused("cut short", "copy", name="a.nii", dims=huge))
    KINDS.add("2 GB header over 1 KB, .nii.gz", refused("cut short", "copy", dims=huge))
    most = (3, 32767, 32767, 32767)
    KINDS.add("70 TB header", refused("cut short", "copy", dims=most))
    KINDS.add("70 TB header, float64", refused("cut short", "copy", dims=most, datatype=64))

    @KINDS.kind("2 GB header over a stream that inflates to 40 MB")
    def bomb(folder: Path) -> Outcome:
        path = write_nifti(folder / "a.nii", volume(), **SFORM | {"dims": huge})
        whole = gzip.compress(path.read_bytes()[:352] + bytes(40_000_000), 1)
        path.unlink()
        (folder / A).write_bytes(whole + bytes(2_200_000))
        return Refused(A, "cut short", "copy")


def _scaling() -> None:
    array = volume()
    for slope, inter, factor, plus in (
        (2.5, -1024.0, 2.5, -1024.0),
        (-1.0, 0.0, -1.0, 0.0),
        (1e-3, 0.0, 1e-3, 0.0),
        (1.0, 3.0, 1.0, 3.0),
        (np.nan, 0.0, 1.0, 0.0),
        (np.inf, 0.0, 1.0, 0.0),
        (0.0, 0.0, 1.0, 0.0),
    ):
        wanted = array.astype("f8") * np.float64(np.float32(factor)) + plus
        # nibabel takes an infinite slope for a fault of the file
        reader = "" if np.isinf(slope) else "nibabel"
        KINDS.add(
            f"slope {slope:g}, intercept {inter:g}",
            used(array, wanted, slope=slope, inter=inter, reader=reader),
        )
    KINDS.add("intercept is no number", used(array, slope=1.0, inter=np.nan, reader="simpleitk"))


def _damage() -> None:
    flip = lambda data, at: data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]  # noqa: E731
    for name in (A, "a.nii"):
        for kept in (0, 1, 2, 100, 347, 400):
            fault = "empty" if kept == 0 else ""
            KINDS.add(
                f"{name} cut after {kept} bytes", changed(lambda d, k=kept: d[:k], fault, name=name)
            )  # type: ignore[misc]
        KINDS.add(
            f"{name} cut in the middle", changed(lambda d: d[: len(d) // 2], "cut short", name=name)
        )
        KINDS.add(f"{name} lacks its last byte", changed(lambda d: d[:-1], "cut short", name=name))
    KINDS.add("gz lacks its checksum", changed(lambda d: d[:-8], "cut short"))
    for part, at in (("first", 0.1), ("middle", 0.5), ("last", 0.9)):
        KINDS.add(
            f"gz with a bit flipped in its {part} part",
            changed(lambda d, a=at: flip(d, int(len(d) * a)), "damaged"),
        )  # type: ignore[misc]
    KINDS.add("gz with a wrong checksum", changed(lambda d: flip(d, len(d) - 8), "damaged"))
    KINDS.add("gz with a wrong length", changed(lambda d: flip(d, len(d) - 1), "damaged"))
    KINDS.add("gz with an unknown method", changed(lambda d: d[:2] + b"\x07" + d[3:], "damaged"))
    KINDS.add("gz, then rubbish", changed(lambda d: d + b"rubbish behind it", "damaged"))
    KINDS.add(
        "text",
        changed(lambda _: b"This is no image. " * 50, "does not hold a NIfTI header", name="a.nii"),
    )
    KINDS.add("gz of text", changed(lambda _: gzip.compress(b"No image. " * 50), "does not hold"))
    KINDS.add("gz of nothing", changed(lambda _: gzip.compress(b""), "ends within its header"))
    KINDS.add("zip", changed(lambda d: b"PK\x03\x04" + d, "does not hold"))
    KINDS.add("zeros", changed(lambda d: bytes(len(d)), "does not hold", name="a.nii"))
    magics = ((b"n+2\0", ""), (b"ni1\0", "separate file"), (b"\0\0\0\0", ""), (b"XYZ\0", ""))
    for magic, fault in magics:
        KINDS.add(f"magic {magic!r}", refused(fault or "separate file", "save it as", magic=magic))
    KINDS.add("NIfTI-2", refused("NIfTI-2", "save it as NIfTI-1", length=540))
    KINDS.add("header length 347", refused("does not hold", "copy", length=347))


def _wrappings() -> None:
    @KINDS.kind("several gz members")
    def members(folder: Path) -> Outcome:
        plain = write_nifti(folder / "a.nii", volume(), **SFORM).read_bytes()
        (folder / "a.nii").unlink()
        (folder / A).write_bytes(
            b"".join(gzip.compress(plain[i : i + 90]) for i in range(0, len(plain), 90))
        )
        return Used(A, volume(), PLACE, reader="nibabel")

    @KINDS.kind("not compressed, but named .nii.gz")
    def plain(folder: Path) -> Outcome:
        write_nifti(folder / "a.nii", volume(), **SFORM).rename(folder / A)
        return Used(A, volume(), PLACE)

    @KINDS.kind("compressed, but named .nii")
    def compressed(folder: Path) -> Outcome:
        write_nifti(folder / A, volume(), **SFORM).rename(folder / "a.nii")
        return Used("a.nii", volume(), PLACE)

    @KINDS.kind("gz padded with zeros")
    def padded(folder: Path) -> Outcome:
        path = write_nifti(folder / A, volume(), **SFORM)
        path.write_bytes(path.read_bytes() + bytes(5000))
        return Used(A, volume(), PLACE)

    @KINDS.kind("header and voxels in two files")
    def pair(folder: Path) -> list[Outcome]:
        data = write_nifti(folder / "a.nii", volume(), **SFORM | {"magic": b"ni1\0"}).read_bytes()
        (folder / "a.nii").unlink()
        (folder / "a.hdr").write_bytes(data[:348])
        (folder / "a.img").write_bytes(data[352:])
        return [Refused("a.hdr", "not read", "save it as .nii.gz"), PassedOver("a.img")]

    text = b"An extension of ours.".ljust(56, b"\0")
    extension = struct.pack("<2i", 64, 6) + text
    for order in "<>":
        KINDS.add(
            f"with an extension, {order}",
            used(
                volume(),
                order=order,
                extension=struct.pack(order + "2i", 64, 6) + text,
                vox_offset=416.0,
            ),
        )
    far = used(
        volume(),
        extension=extension + bytes(3_000_000),
        vox_offset=352.0 + 64 + 3_000_000,
        reader="simpleitk",
    )
    KINDS.add("voxels begin after three megabytes", far)
    KINDS.add("voxels begin beyond the end", refused("cut short", "copy", vox_offset=1e9))
    KINDS.add("voxels begin nowhere", refused("begin at nan", "copy", vox_offset=float("nan")))
    KINDS.add("voxels begin before the file", refused("begin at -5000", "copy", vox_offset=-5000.0))


_types()
_values()
_sizes()
_scaling()
_damage()
_wrappings()
