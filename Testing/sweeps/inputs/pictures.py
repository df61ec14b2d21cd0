"""2-D pictures: PNG, JPEG and TIFF of all depths, in colour, turned, with pages, damaged."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from Testing.sweeps.inputs.kinds import Kinds, Outcome, Refused, Used, placed, volume

KINDS = Kinds("2-D pictures")
ROWS, COLUMNS = 40, 50
GREY = np.random.default_rng(3).integers(0, 256, (ROWS, COLUMNS)).astype(np.uint8)
DEEP = np.random.default_rng(4).integers(0, 65536, (ROWS, COLUMNS)).astype(np.uint16)
SMOOTH = np.add.outer(np.arange(ROWS), np.arange(COLUMNS)).astype(np.uint8)
EQUAL = "its channels are equal"


def png(pixels: NDArray[Any], depth: int, colour: int, *extra: tuple[bytes, bytes]) -> bytes:
    """Return a PNG, chunk by chunk; `pixels` are rows of packed bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">2I5B", COLUMNS, ROWS, depth, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in parts)


def tiff(pixels: NDArray[Any], order: str = "<", **tags: Any) -> bytes:
    """Return a TIFF of one strip; `tags` are by number, as t258=(16,)."""
    bits = pixels.dtype.itemsize * 8
    form = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    values = {256: COLUMNS, 257: ROWS, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: ROWS}
    values |= {279: len(data), 339: form} | {int(k[1:]): v for k, v in tags.items()}
    entries = b"".join(
        struct.pack(order + "2HI", tag, 4 if tag in {273, 279} else 3, 1)
        + (struct.pack(order + "I", v) if tag in {273, 279} else struct.pack(order + "2H", v, 0))
        for tag, v in sorted(values.items())
    )
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(data))
    return mark + data + struct.pack(order + "H", len(values)) + entries + bytes(4)


def saved(picture: Any, form: str, **options: Any) -> bytes:
    """Return what Pillow writes."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def used(
    name: str, data: bytes, pixels: NDArray[Any], note: str = "", reader: str = "simpleitk"
) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        (folder / name).write_bytes(data)
        return Used(name, pixels[np.newaxis], placed(), note, reader)

    return write


def refused(name: str, data: bytes, fault: str, remedy: str) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        (folder / name).write_bytes(data)
        return Refused(name, fault, remedy)

    return write


def _png() -> None:
    add = KINDS.add
    add("png, 8 bits", used("a.png", png(GREY, 8, 0), GREY))
    add("png, 16 bits", used("a.png", png(DEEP.astype(">u2"), 16, 0), DEEP))
    bits = GREY > 127
    add(
        "png, 1 bit",
        used("a.png", png(np.packbits(bits, axis=1), 1, 0), bits.astype(np.uint8), reader=""),
    )
    for depth in (2, 4):
        levels = GREY >> (8 - depth)
        wide = np.pad(levels, ((0, 0), (0, -COLUMNS % (8 // depth))))
        packed = sum(wide[:, n :: 8 // depth] << (8 - depth * (n + 1)) for n in range(8 // depth))
        scaled = (levels * (255 // (2**depth - 1))).astype(np.uint8)
        add(
            f"png, {depth} bits",
            used("a.png", png(np.asarray(packed, np.uint8), depth, 0), scaled, reader=""),
        )
    palette = (b"PLTE", bytes(v for grey in range(256) for v in (grey,) * 3))
    turned = (b"PLTE", bytes(v for grey in range(256) for v in (255 - grey,) * 3))
    add("png, grey palette", used("a.png", png(GREY, 8, 3, palette), GREY, EQUAL, ""))
    add(
        "png, grey palette turned round",
        used("a.png", png(GREY, 8, 3, turned), 255 - GREY, EQUAL, ""),
    )
    alpha = np.dstack([GREY, GREY.T.reshape(GREY.shape)])
    add("png, grey with alpha", used("a.png", png(alpha, 8, 4), GREY, EQUAL, ""))
    add(
        "png, RGB of equal channels",
        used("a.png", png(np.dstack([GREY] * 3), 8, 2), GREY, EQUAL, ""),
    )
    add(
        "png, 16-bit RGB of equal channels",
        used("a.png", png(np.dstack([DEEP] * 3).astype(">u2"), 16, 2), DEEP, EQUAL, ""),
    )
    unequal = np.dstack([DEEP, DEEP ^ 1, DEEP]).astype(">u2")
    add(
        "png, 16-bit RGB that differs in the last bits",
        used("a.png", png(unequal, 16, 2), DEEP ^ 1, EQUAL, ""),
    )
    deep_alpha = np.dstack([DEEP, DEEP]).astype(">u2")
    add(
        "png, 16-bit grey with alpha",
        refused("a.png", png(deep_alpha, 16, 4), "transparency", "save"),
    )
    colour = np.dstack([GREY, GREY.T.reshape(GREY.shape), GREY])
    add("png, RGB", refused("a.png", png(colour, 8, 2), "in colour", "convert it to grey"))
    gamma = (b"gAMA", struct.pack(">I", 100000))
    add("png with a gamma", used("a.png", png(GREY, 8, 0, gamma), GREY))
    clear = (b"tRNS", struct.pack(">H", 0))
    add("png with a transparent grey", used("a.png", png(GREY, 8, 0, clear), GREY, reader=""))
    huge = png(GREY, 8, 0).replace(
        struct.pack(">2I", COLUMNS, ROWS), struct.pack(">2I", 60000, 60000), 1
    )
    huge = huge.replace(
        struct.pack(">I", zlib.crc32(png(GREY, 8, 0)[12:29])),
        struct.pack(">I", zlib.crc32(huge[12:29])),
        1,
    )
    add("png, 3.6 GB header over 2 KB", refused("a.png", huge, "pixels", "cut"))


def _tiff() -> None:
    add = KINDS.add
    signed = volume(kind="i2", shape=(ROWS, COLUMNS)) - np.int16(60)
    for order, word in (("<", "little"), (">", "big")):
        for kind in ("u1", "u2", "i2", "u4", "i4", "f4"):
            pixels = signed.astype(kind) if kind != "u1" else GREY
            write = used("a.tif", tiff(pixels, order), pixels, reader="")
            if (kind, order) == ("u4", ">"):  # which Pillow does not know
                write = refused("a.tif", tiff(pixels, order), "unknown format", "save")
            add(f"tiff, {kind}, {word}-endian", write)
    add("tiff, i1", used("a.tif", tiff(signed.astype("i1")), signed.astype("i1"), reader=""))
    add("tiff, f8", refused("a.tif", tiff(signed.astype("f8")), "unknown format", "save"))
    add("tiff, white is zero, 8 bits", used("a.tif", tiff(GREY, t262=0), 255 - GREY, reader=""))
    add("tiff, white is zero, 16 bits", used("a.tif", tiff(DEEP, t262=0), 65535 - DEEP, reader=""))
    bits = np.packbits(GREY > 127, axis=1)
    for white in (0, 1):
        seen = ((GREY > 127) == bool(white)).astype(np.uint8)
        add(
            f"tiff, 1 bit, photometric {white}",
            used("a.tif", tiff(bits, t258=1, t262=white), seen, reader=""),
        )
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate"):
        data = saved(Pillow.fromarray(GREY), "TIFF", compression=compression)
        add(f"tiff, {compression}", used("a.tif", data, GREY))
    pages = [Pillow.fromarray(GREY), Pillow.fromarray(GREY.T)]
    add(
        "tiff of two pages",
        refused(
            "a.tif",
            saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]),
            "2 pages",
            "save",
        ),
    )
    colour = Pillow.fromarray(np.dstack([GREY, GREY.T.reshape(GREY.shape), GREY]))
    add("tiff, RGB", refused("a.tif", saved(colour, "TIFF"), "in colour", "convert"))
    add("tiff, CMYK", refused("a.tif", saved(colour.convert("CMYK"), "TIFF"), "CMYK", "convert"))
    add("tiff, Lab", refused("a.tif", saved(colour.convert("LAB"), "TIFF"), "LAB", "convert"))
    holes = signed.astype("f4")
    filled = holes.copy()
    holes[3, 4] = np.nan
    filled[3, 4] = np.delete(holes.ravel(), 3 * COLUMNS + 4).min()
    add("tiff with NaN", used("a.tif", tiff(holes), filled, reader=""))
    add(
        "tiff whose strip is cut",
        refused("a.tif", saved(Pillow.fromarray(GREY), "TIFF")[:900], "cannot be read", "copy"),
    )
    add(
        "tiff whose strip lies beyond the end",
        refused("a.tif", tiff(GREY, t273=10**9), "cannot be read", "copy"),
    )
    add(
        "tiff without strips",
        refused("a.tif", tiff(GREY, t273=0, t279=0), "cut short", "copy"),
    )
    loop = bytearray(tiff(GREY))
    loop[-4:] = loop[4:8]
    add(
        "tiff whose pages go round in a circle", refused("a.tif", bytes(loop), "leads back", "save")
    )
    twelve = (DEEP >> 4).reshape(-1, 2).astype(np.uint32)
    packed = (twelve[:, :1] << 12 | twelve[:, 1:]) << 8
    strips = packed.astype(">u4").view(np.uint8)[:, :3].reshape(ROWS, -1)
    add("tiff, 12 bits", used("a.tif", tiff(strips, t258=12), DEEP >> 4, reader=""))


def _jpeg() -> None:
    add = KINDS.add

    def seen(data: bytes) -> NDArray[Any]:
        return np.asarray(Pillow.open(io.BytesIO(data)).convert("L"))

    grey = saved(Pillow.fromarray(SMOOTH), "JPEG", quality=95)
    add("jpeg, grey", used("a.jpg", grey, seen(grey)))
    progressive = saved(Pillow.fromarray(SMOOTH), "JPEG", progressive=True)
    add("jpeg, progressive", used("a.jpeg", progressive, seen(progressive)))
    colour = Pillow.fromarray(np.dstack([GREY, GREY.T.reshape(GREY.shape), GREY]))
    add("jpeg, RGB", refused("a.jpg", saved(colour, "JPEG"), "in colour", "convert"))
    add("jpeg, CMYK", refused("a.jpg", saved(colour.convert("CMYK"), "JPEG"), "CMYK", "convert"))
    for turn in (3, 6):
        exif = Pillow.Exif()
        exif[274] = turn
        data = saved(Pillow.fromarray(SMOOTH), "JPEG", quality=95, exif=exif)
        add(
            f"jpeg that wants to be shown turned ({turn})",
            used("a.jpg", data, seen(data), "turned", ""),
        )
    for kept in (2, 100, len(grey) // 2, len(grey) - 40):
        add(f"jpeg cut after {kept} bytes", refused("a.jpg", grey[:kept], "cannot be read", "copy"))


def _names_that_lie() -> None:
    add = KINDS.add
    sound = png(GREY, 8, 0)
    add("png named .jpg", used("a.jpg", sound, GREY, reader=""))
    add("png named .tif", used("a.tif", sound, GREY, reader=""))
    add("png named .nii", refused("a.nii", sound, "NIfTI", "rename"))
    add(
        "gif named .png",
        refused("a.png", saved(Pillow.fromarray(GREY), "GIF"), "cannot be read", "copy"),
    )
    add("gif", refused("a.gif", saved(Pillow.fromarray(GREY), "GIF"), "not read", "save"))
    add("bmp", refused("a.bmp", saved(Pillow.fromarray(GREY), "BMP"), "not read", "save"))
    add("webp", refused("a.webp", saved(Pillow.fromarray(GREY), "WEBP"), "not read", "save"))
    for kept in (8, 30, 500, len(sound) - 40):
        add(f"png cut after {kept} bytes", refused("a.png", sound[:kept], "cannot be read", "copy"))
    flipped = bytearray(sound)
    flipped[len(sound) // 2] ^= 0x10
    add("png with a flipped bit", refused("a.png", bytes(flipped), "cannot be read", "copy"))
    add("png of one pixel", _one_pixel)


def _one_pixel(folder: Path) -> Outcome:
    Pillow.fromarray(GREY[:1, :1]).save(folder / "a.png")
    return Used("a.png", GREY[np.newaxis, :1, :1], placed())


_png()
_tiff()
_jpeg()
_names_that_lie()
