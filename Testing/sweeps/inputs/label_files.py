"""Label maps as files: of every format, damaged, oddly named, and what is no file at all."""

import gzip
import os
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from Testing.odd_files import write_dicom, write_nifti
from Testing.sweeps.inputs import series
from Testing.sweeps.inputs.check_labels import labelled
from Testing.sweeps.inputs.kinds import (
    Affine,
    Imported,
    Kinds,
    NoImage,
    Outcome,
    Refused,
    placed,
    ras_rows,
    volume,
)
from Testing.sweeps.inputs.labels import IMAGE, LABELS, PLACE, SPACING, image, label, raw
from Testing.sweeps.inputs.text_formats import meta, nrrd

KINDS = Kinds("label map files")


def _formats() -> None:
    add = KINDS.add
    data = LABELS.tobytes()
    add("nrrd", raw("case.nrrd", nrrd(data, type="uint8")))
    add(
        "nrrd in RAS",
        raw(
            "case.nrrd",
            nrrd(
                data,
                type="uint8",
                space="right-anterior-superior",
                space_directions="(-2,0,0) (0,-3,0) (0,0,4)",
                space_origin="(-10,-20,30)",
            ),
        ),
    )
    add(
        "nrrd in RAS that says LPS",
        raw(
            "case.nrrd",
            nrrd(
                data,
                type="uint8",
                space_directions="(-2,0,0) (0,-3,0) (0,0,4)",
                space_origin="(-10,-20,30)",
            ),
            fault="lies elsewhere",
            remedy="resample",
        ),
    )
    add("nrrd, gzip", raw("case.nrrd", nrrd(gzip.compress(data), type="uint8", encoding="gzip")))
    add("mha", raw("case.mha", meta(data, ElementType="MET_UCHAR")))
    packed = zlib.compress(data)
    sized = {
        "ElementType": "MET_UCHAR",
        "CompressedData": "True",
        "CompressedDataSize": str(len(packed)),
    }
    add("mha, compressed", raw("case.mha", meta(packed, **sized)))
    stored = zlib.compress(data, 0)
    flip = stored[:40] + bytes([stored[40] ^ 3]) + stored[41:]
    torn = sized | {"CompressedDataSize": str(len(flip))}
    add(
        "mha, a voxel changed under its checksum",
        raw("case.mha", meta(flip, **torn), fault="damaged", remedy="copy"),
    )
    packed_gz = gzip.compress(data, 0)
    flip_gz = packed_gz[:40] + bytes([packed_gz[40] ^ 3]) + packed_gz[41:]
    add(
        "nrrd, a voxel changed under its checksum",
        raw(
            "case.nrrd",
            nrrd(flip_gz, type="uint8", encoding="gzip"),
            fault="damaged",
            remedy="copy",
        ),
    )
    add(
        "nrrd, lacking its checksum",
        raw(
            "case.nrrd",
            nrrd(packed_gz[:-8], type="uint8", encoding="gzip"),
            fault="cut short",
            remedy="copy",
        ),
    )
    add("nii.gz, a voxel changed under its checksum", _changed_gz)
    sheared = nrrd(data, type="uint8", space_directions="(2,0,0) (1,3,0) (0,0,4)")
    add("nrrd, sheared", raw("case.nrrd", sheared, fault="right angles", remedy="resample"))
    for words, content in (
        ("empty", b""),
        ("text", b"no label map. " * 30),
        ("zeros", bytes(1000)),
    ):
        for name in (IMAGE, "case.nrrd", "case.mha"):
            add(f"{name}: {words}", raw(name, content, fault=" ", remedy="copy"))
    layers = nrrd(
        data * 2,
        type="uint8",
        dimension="4",
        sizes="2 6 5 4",
        kinds="list domain domain domain",
        space_directions="none (2,0,0) (0,3,0) (0,0,4)",
    )
    add(
        "seg.nrrd whose segments overlap",
        raw("case.seg.nrrd", layers, fault="2 values", remedy="save"),
    )
    add("seg.nrrd, one layer", raw("case.seg.nrrd", nrrd(data, type="uint8")))
    for name, value, fault in (("liver", "1", ""), ("tissue", "1", ""), ("kidney", "1", "kidney")):
        key = f"Segment0_LabelValue:={value}\nSegment0_Name:={name}\n".encode()
        content = nrrd(b"", type="uint8")[:-1] + key + b"\n" + data
        add(
            f"seg.nrrd that calls the value {value} {name}",
            raw("case.seg.nrrd", content, fault=fault, remedy="correct"),
        )
    jpeg = Pillow.fromarray(LABELS[0] * 50)
    add(
        "jpeg",
        lambda folder: (
            image(folder),
            jpeg.save(folder / "labels" / "case.jpg"),
            Refused("case.jpg", "JPEG changes the values", "save"),
        )[2],
    )  # type: ignore[func-returns-value]
    add("mgz", raw("case.mgz", b"FreeSurfer", fault="none of them", remedy="save"))


def _changed_gz(folder: Path) -> Outcome:
    image(folder)
    path = folder / "labels" / IMAGE
    label(path, LABELS)
    plain = bytearray(gzip.compress(gzip.decompress(path.read_bytes()), 0))
    plain[-20] ^= 3
    path.write_bytes(plain)
    return Refused(IMAGE, "damaged", "copy")


def _pictures() -> None:
    def picture(words: str, save: Callable[[Path], None], outcome: Outcome) -> None:
        def write(folder: Path) -> Outcome:
            Pillow.fromarray(np.arange(120, dtype=np.uint8).reshape(10, 12)).save(
                folder / "images" / "case.png"
            )
            save(folder / "labels")
            return outcome

        KINDS.add(f"for a picture: {words}", write)

    flat = labelled((10, 12))
    done = lambda name: Imported(name, "case.png", flat)  # noqa: E731
    picture("png", lambda f: Pillow.fromarray(flat).save(f / "case.png"), done("case.png"))
    picture(
        "png, 16 bits",
        lambda f: Pillow.fromarray(flat.astype(np.uint16)).save(f / "case.png"),
        done("case.png"),
    )
    picture("tif", lambda f: Pillow.fromarray(flat).save(f / "case.tif"), done("case.tif"))
    colours = [value for n in range(256) for value in (n * 7 % 256, n * 13 % 256, n * 29 % 256)]

    def palette(folder: Path) -> None:
        indexed = Pillow.fromarray(flat, mode="P")
        indexed.putpalette(colours)
        indexed.save(folder / "case.png")

    picture("png with a palette", palette, done("case.png"))
    picture(
        "png in colour",
        lambda f: Pillow.fromarray(np.dstack([flat * 80] * 3)).save(f / "case.png"),
        Refused("case.png", "colour", "save one value"),
    )
    picture(
        "png of another size",
        lambda f: Pillow.fromarray(flat.T.copy()).save(f / "case.png"),
        Refused("case.png", "10×12×1 voxels", "resample"),
    )
    white = {262: 0}
    picture(
        "tif, white is zero",
        lambda f: Pillow.fromarray(flat).save(f / "case.tif", tiffinfo=white),
        Refused("case.tif", "white", "save it as .png"),
    )
    pages = [Pillow.fromarray(flat)] * 2
    picture(
        "tif of two pages",
        lambda f: pages[0].save(f / "case.tif", save_all=True, append_images=pages[1:]),
        Refused("case.tif", "2 pages", "save"),
    )
    picture(
        "nii.gz of one slice",
        lambda f: write_nifti(
            f / "case.nii.gz", flat[np.newaxis], sform=1, rows=ras_rows(placed())
        ),
        done("case.nii.gz"),
    )


def _files() -> None:
    add = KINDS.add

    def beside(names: Sequence[str], outcomes: list[Outcome]) -> Callable[[Path], list[Outcome]]:
        def write(folder: Path) -> list[Outcome]:
            image(folder)
            for name in names:
                label(folder / "labels" / name, LABELS)
            return outcomes

        return write

    add(
        "in a folder below",
        beside(["a/b/case.nii.gz"], [Imported("a/b/case.nii.gz", IMAGE, LABELS)]),
    )
    add("marked _seg", beside(["case_seg.nii.gz"], [Imported("", IMAGE, LABELS)]))
    add("in capitals", beside(["CASE.nii.gz"], [Imported("", IMAGE, LABELS)]))
    add("of no image", beside(["other.nii.gz"], [NoImage("other.nii.gz")]))
    add(
        "two for one image",
        beside(
            ["a/case.nii.gz", "b/case.nii.gz"],
            [
                Refused(IMAGE, "Several label maps", "keep one"),
                NoImage("a/case.nii.gz"),
                NoImage("b/case.nii.gz"),
            ],
        ),
    )
    add(
        "two that differ in case only",
        beside(
            ["case.nii.gz", "Case.nii.gz"],
            [
                Refused(IMAGE, "Several label maps", "keep one"),
                NoImage("Case.nii.gz"),
            ],
        ),
    )

    def odd(words: str, make: Callable[[Path], None], fault: str, remedy: str) -> None:
        def write(folder: Path) -> Outcome:
            image(folder)
            make(folder / "labels" / IMAGE)
            return Refused(IMAGE, fault, remedy)

        add(words, write)

    odd(
        "a link that leads nowhere",
        lambda p: p.symlink_to(p.parent / "gone"),
        "gone",
        "put it back",
    )
    odd("a link to itself", lambda p: p.symlink_to(p), "cannot be read", "check")
    odd(
        "a file that the disk fails to read",
        lambda p: p.symlink_to("/proc/self/mem"),
        "cannot be read",
        "check",
    )

    def passed(words: str, make: Callable[[Path], None]) -> None:
        def write(folder: Path) -> list[Outcome]:
            image(folder)
            make(folder / "labels" / IMAGE)
            return []

        add(words, write)

    passed("a folder named like it", lambda p: p.mkdir())
    passed("a pipe named like it", os.mkfifo)

    def composed(folder: Path) -> Outcome:
        name = "Übungsfälle é.nii.gz"
        write_nifti(
            folder / "images" / unicodedata.normalize("NFC", name),
            volume(),
            sform=1,
            rows=ras_rows(PLACE),
            spacing=SPACING,
        )
        label(folder / "labels" / unicodedata.normalize("NFD", name), LABELS)
        return Imported("", unicodedata.normalize("NFC", name), LABELS)

    add("an accent composed otherwise", composed)

    def broken_name(folder: Path) -> Outcome:
        image(folder)
        label(folder / "labels" / "a.nii.gz", LABELS)
        broken = os.fsdecode(b"case\xff.nii.gz")
        (folder / "labels" / "a.nii.gz").rename(folder / "labels" / broken)
        return NoImage("case\\xff.nii.gz")

    add("a name that is no text", broken_name)
    for modality, what in (("SEG", "segmentation"), ("RTSTRUCT", "contours")):

        def dicom(folder: Path, modality: str = modality, what: str = what) -> Outcome:
            image(folder)
            write_dicom(folder / "labels" / "a.dcm", LABELS[0], Modality=modality)
            return Refused("a.dcm", what, "save")

        add(f"DICOM {modality}", dicom)


def _of_series() -> None:
    """Label maps for a DICOM series, named like its folder."""
    place = series.PLACE
    flat = labelled(series.VOLUME.shape)

    def write(folder: Path, array: NDArray[np.generic], affine: Affine) -> None:
        series.write_series(folder / "images" / "ct")
        label(folder / "labels" / "ct.nii.gz", array, affine)

    def same(folder: Path) -> Outcome:
        write(folder, flat, place)
        return Imported("ct.nii.gz", "ct", flat)

    def upside_down(folder: Path) -> Outcome:
        turn = np.diag([1.0, 1.0, -1.0, 1.0])
        turn[2, 3] = len(flat) - 1
        write(folder, flat[::-1].copy(), place @ turn)
        return Refused("ct.nii.gz", "lies elsewhere", "resample")

    def lacking(folder: Path) -> Outcome:
        write(folder, flat[1:].copy(), place)
        return Refused("ct.nii.gz", "7×8×5 voxels", "resample")

    def next_slice(folder: Path) -> Outcome:
        shift = np.eye(4)
        shift[2, 3] = 1
        write(folder, flat, place @ shift)
        return Refused("ct.nii.gz", "origin", "resample")

    KINDS.add("for a DICOM series, on its voxels", same)
    KINDS.add("for a DICOM series, its slices in the other order", upside_down)
    KINDS.add("for a DICOM series, a slice lacking", lacking)
    KINDS.add("for a DICOM series, one slice off", next_slice)


_formats()
_pictures()
_files()
_of_series()
