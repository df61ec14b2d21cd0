"""Small files that claim, or inflate to, more than a machine holds: refused, and no memory taken.

Each is met by the doors that images go through: listing, checking, reading, encoding.
"""

import gzip
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

from ActiveSeedLib.archives import MOST_TIMES
from ActiveSeedLib.pool.limits import MOST_BESIDE, MOST_BYTES, MOST_PIXELS
from ActiveSeedLib.project import Project
from Testing.hostile.measured import activeseed, run_python

ROOM = 200
"""MiB that a process may take which has met a bomb; with SimpleITK alone it takes 128."""

MEET = """
import json, sys
from pathlib import Path
from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.pool.dicom import labels_in
from ActiveSeedLib.pool.integrity import verify
from ActiveSeedLib.pool.readers import read_file, read_image, read_label
from ActiveSeedLib.pool.scan import scan

path = Path(sys.argv[1])
said = {}
try:
    pool = scan(path.parent)
    said["scan"] = next((one.reason for one in pool.refused), None)
    said["verify"] = verify(path)
    for case in pool.cases:
        try:
            read_image(path.parent, case)
        except ActiveSeedError as error:
            said["image"] = str(error)
except ActiveSeedError as error:
    said["scan"] = str(error)
if path.suffix == ".dcm":
    labels_in(path)
else:
    for door in (read_file, read_label):
        try:
            door(path)
        except ActiveSeedError as error:
            said[door.__name__] = str(error)
print(json.dumps(said))
"""


def nifti_header(size: tuple[int, ...], datatype: int = 4, bits: int = 16) -> bytes:
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(size), *size, *[1] * (7 - len(size)))
    struct.pack_into("<hh", header, 70, datatype, bits)
    struct.pack_into("<8f", header, 76, *[1.0] * 8)
    struct.pack_into("<f", header, 108, 352.0)
    header[344:348] = b"n+1\0"
    return bytes(header)


def gzip_bomb(path: Path, head: bytes, gigabytes: int) -> Path:
    """Write a gzip file that holds `head` and then `gigabytes` × 10⁹ zeros, in many members."""
    part = 100_000_000
    member = gzip.compress(bytes(part), 1)
    with path.open("wb") as file:
        file.write(gzip.compress(head))
        for _ in range(gigabytes * 1_000_000_000 // part):
            file.write(member)
    return path


def honest_nifti(folder: Path) -> Path:
    """Its header tells the truth: 10 GB of zeros."""
    return gzip_bomb(folder / "a.nii.gz", nifti_header((2500, 2000, 1000)), 10)


def small_nifti(folder: Path) -> Path:
    """Its header says ten by ten by ten; 10 GB of zeros follow."""
    return gzip_bomb(folder / "a.nii.gz", nifti_header((10, 10, 10)), 10)


def far_nifti(folder: Path) -> Path:
    """Its header says that the voxels begin behind 10 GB of zeros."""
    header = bytearray(nifti_header((10, 10, 10)))
    struct.pack_into("<f", header, 108, 9.9e9)
    return gzip_bomb(folder / "a.nii.gz", bytes(header), 10)


def claiming_nifti(folder: Path) -> Path:
    """Its header claims 2⁴⁰ voxels, and nothing follows."""
    path = folder / "a.nii"
    path.write_bytes(nifti_header((16384, 16384, 4096)))
    return path


def claiming_nifti_gz(folder: Path) -> Path:
    path = folder / "a.nii.gz"
    path.write_bytes(gzip.compress(nifti_header((16384, 16384, 4096))))
    return path


def nrrd(folder: Path) -> Path:
    """A NRRD whose gzip stream holds 10 GB where its header says 2,000 bytes."""
    head = (
        b"NRRD0004\ntype: short\ndimension: 3\nsizes: 10 10 10\nencoding: gzip\nendian: little\n\n"
    )
    path = gzip_bomb(folder / "b.gz", b"", 10)
    data = path.read_bytes()
    path.unlink()
    (folder / "a.nrrd").write_bytes(head + data)
    return folder / "a.nrrd"


def claiming_nrrd(folder: Path) -> Path:
    path = folder / "a.nrrd"
    sizes = b"sizes: 1048576 1048576 1\n"
    path.write_bytes(b"NRRD0004\ntype: short\ndimension: 3\n" + sizes + b"encoding: raw\n\n")
    return path


def meta_head(size: str, stored: int | str) -> bytes:
    return (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = True\n"
        f"CompressedDataSize = {stored}\nDimSize = {size}\nElementType = MET_SHORT\n"
        "ElementDataFile = LOCAL\n"
    ).encode()


def metaimage(folder: Path) -> Path:
    """A MetaImage whose zlib stream holds 100 MB where its header says 2,000 bytes."""
    path = folder / "a.mha"
    packer = zlib.compressobj(1)
    parts = [packer.compress(bytes(10_000_000)) for _ in range(10)]
    data = b"".join([*parts, packer.flush()])
    path.write_bytes(meta_head("10 10 10", len(data)) + data)
    return path


def claiming_metaimage(folder: Path) -> Path:
    path = folder / "a.mha"
    path.write_bytes(meta_head("1048576 1048576 1", 4) + b"abcd")
    return path


def stored_metaimage(folder: Path) -> Path:
    """A MetaImage that says that 2⁴⁰ compressed bytes follow."""
    path = folder / "a.mha"
    path.write_bytes(meta_head("10 10 10", 1 << 40) + b"abcd")
    return path


def png(folder: Path, side: int = 60_000, present: int = 100) -> Path:
    """A PNG that claims 3.6 billion pixels; some of them are there."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = zlib.compressobj(1)
    data = b"".join([*(rows.compress(bytes(side + 1)) for _ in range(present)), rows.flush()])
    path = folder / "a.png"
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )
    return path


def smaller_png(folder: Path) -> Path:
    """A whole PNG of 144 million pixels, of which Pillow by itself would only warn."""
    return png(folder, 12_000, 12_000)


def tiff(folder: Path) -> Path:
    """A TIFF whose header claims 60,000² pixels in one strip of nothing."""
    entries = [(256, 60_000), (257, 60_000), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1)]
    entries += [(278, 60_000), (279, 3_600_000_000)]
    path = folder / "a.tif"
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    path.write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(4))
    return path


def dicom(folder: Path, syntax: str, rows: int, pixels: bytes) -> Path:
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.SeriesInstanceUID, data.StudyInstanceUID = generate_uid(), generate_uid()
    data.Modality, data.PatientID, data.SeriesNumber = "CT", "p", 1
    data.Rows = data.Columns = rows
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 15, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelSpacing, data.ImageOrientationPatient = [1, 1], [1, 0, 0, 0, 1, 0]
    data.ImagePositionPatient = [0, 0, 0]
    data.PixelData = pixels
    data["PixelData"].VR = "OW"
    if syntax == RLELossless:
        data["PixelData"].is_undefined_length = True
    path = folder / "a.dcm"
    data.save_as(path, enforce_file_format=True)
    return path


def claiming_dicom(folder: Path) -> Path:
    return dicom(folder, ExplicitVRLittleEndian, 65_535, bytes(64))


def compressed_dicom(folder: Path) -> Path:
    """A slice of 65,535² pixels, said to be run lengths."""
    return dicom(folder, RLELossless, 65_535, pydicom.encaps.encapsulate([bytes(64)]))


def deflated_dicom(folder: Path) -> Path:
    """A DICOM file that is deflated as a whole and holds 300 MB of pixels."""
    return dicom(folder, DeflatedExplicitVRLittleEndian, 16, bytes(300_000_000))


BOMBS = [
    honest_nifti,
    small_nifti,
    far_nifti,
    claiming_nifti,
    claiming_nifti_gz,
    nrrd,
    claiming_nrrd,
    metaimage,
    claiming_metaimage,
    stored_metaimage,
    png,
    smaller_png,
    tiff,
    claiming_dicom,
    compressed_dicom,
    deflated_dicom,
]


@pytest.mark.parametrize("make", BOMBS, ids=lambda make: make.__name__)
def test_no_door_takes_the_memory(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    bomb = make(tmp_path)
    assert bomb.stat().st_size < 50_000_000
    done = run_python(MEET, bomb)
    assert done.code == 0, done.err[-2000:]
    said = json.loads(done.out)
    print(make.__name__, f"{done.mebibytes:.0f} MiB", said)
    assert done.mebibytes < ROOM
    assert said.get("scan") or said.get("verify"), "it was taken for a whole image"
    if make not in (nrrd, metaimage) and bomb.suffix != ".dcm":  # whose readers stop in time
        assert {"read_file", "read_label"} <= said.keys()
    for sentence in filter(None, said.values()):
        assert "\n" not in sentence
        assert len(sentence) < 400 + len(str(bomb))


def test_the_others_of_the_pool_are_listed_and_encoded(tmp_path: Path) -> None:
    images, project = tmp_path / "images", tmp_path / "project"
    images.mkdir()
    for number in range(4):
        noise = np.random.default_rng(number).integers(0, 999, 8000).astype("<i2")
        head = nifti_header((20, 20, 20))
        (images / f"whole{number}.nii.gz").write_bytes(gzip.compress(head + noise.tobytes()))
    small_nifti(images).rename(images / "late.nii.gz")
    honest_nifti(images).rename(images / "early.nii.gz")
    made = activeseed("init", project, "--images", images, "--segments", "1=a")
    assert made.code == 0, made.err
    assert "early.nii.gz: Its header says 10,000,000,000 bytes" in made.out + made.err
    done = activeseed("suggest", project, "--budget", "3", "--json")
    assert done.code == 0, done.err
    picked = [case["case"] for case in json.loads(done.out)["picks"]]
    assert len(picked) == 3
    assert set(picked) < {f"whole{number}" for number in range(4)}
    with Project.open(project, write=False) as opened:
        assert "far more than its header says" in str(opened.case("late").problem)
    assert done.mebibytes < 1500  # the background process has torch


def test_the_limits_are_those_that_are_stated() -> None:
    """SECURITY.md names them."""
    words = (Path(__file__).resolve().parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    assert f"{MOST_BYTES >> 30} GiB" in words
    assert f"{MOST_PIXELS:,}" in words
    assert f"{MOST_BESIDE >> 20} MiB" in words
    assert f"{MOST_TIMES} times" in words
