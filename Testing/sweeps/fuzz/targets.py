"""What is damaged, and by which door it is read."""

import gzip
import io
import json
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.pool.integrity import Verified, verify
from ActiveSeedLib.pool.readers import read_image, read_label
from ActiveSeedLib.pool.scan import scan
from Testing.odd_files import dicom_dataset, write_nifti
from Testing.sweeps.inputs.check import WrongError, require_plain, require_sentence
from Testing.sweeps.inputs.dicom import J2K_LOSSLESS, JPEG_LOSSLESS, encapsulated, frame_of
from Testing.sweeps.inputs.kinds import volume
from Testing.sweeps.inputs.text_formats import meta, nrrd

VOXELS = volume()
SMALL = np.random.default_rng(1).integers(0, 4000, (12, 10)).astype(np.uint16)


@dataclass(frozen=True)
class Target:
    """A good file, and how it is read.

    Attributes:
        name: unique.
        file: the name of the file.
        make: returns its bytes.
        read: reads it, given its path; may raise `ActiveSeedError`.
        beside: further files, name → bytes.
        in_python: whether nothing but Python reads it, so that the tests' process may.
    """

    name: str
    file: str
    make: Callable[[], bytes]
    read: Callable[[Path], Any]
    beside: dict[str, bytes] = field(default_factory=dict)
    in_python: bool = False


def try_one(target: Target, content: bytes, folder: Path) -> str:
    """Return "read" or "refused"; raise if the target does anything else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in {**target.beside, target.file: content}.items():
        (folder / name).write_bytes(data)
    try:
        target.read(folder / target.file)
    except ActiveSeedError as error:
        if "\n" in str(error) or not str(error).endswith("."):
            raise WrongError(f"no sentence: {error}") from error
        if target.read in {read_pool, read_labels}:
            require_plain(str(error))
        return "refused"
    return "read"


def read_pool(path: Path) -> None:
    """List the folder, and read and verify each case; each refusal must be a sentence."""
    try:
        pool = scan(path.parent)
    except ActiveSeedError as error:
        if "There is no image" not in str(error):
            raise
        return
    for entry in pool.refused:
        require_sentence(entry.reason)
    verdict = verify(path)
    if verdict is not None:
        require_sentence(verdict)
    for case in pool.cases:
        image = read_image(Path(pool.root), case)
        assert image.array.shape == case.geometry.shape
        assert image.array.dtype.kind in "iuf"
        assert np.isfinite(image.array).all()


def read_labels(path: Path) -> None:
    """Read a label map."""
    array = read_label(path).array
    assert array.dtype in (np.uint8, np.uint16)


def _nifti(suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_nifti(
            Path(folder) / f"a{suffix}", VOXELS, sform=1, rows=np.eye(3, 4)
        ).read_bytes()


def _dicom(syntax: str | None = None, compressor: str | None = None) -> bytes:
    dataset = dicom_dataset(Path("a.dcm"), SMALL)
    if syntax and compressor:
        encapsulated(frame_of(SMALL, compressor), syntax)(dataset)
    elif syntax:
        dataset.compress(syntax)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def _picture(form: str) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray((SMALL >> 4).astype(np.uint8)).save(buffer, form)
    return buffer.getvalue()


def _images() -> list[Target]:
    raw, packed = VOXELS.tobytes(), zlib.compress(VOXELS.tobytes())
    sized = {"CompressedData": "True", "CompressedDataSize": str(len(packed))}
    slices = {f"s{n}.raw": raw[60 * n : 60 * n + 60] for n in range(4)}
    zipped = nrrd(gzip.compress(raw), encoding="gzip")
    files: dict[str, tuple[str, Callable[[], bytes], dict[str, bytes]]] = {
        "nifti": ("a.nii", lambda: _nifti(".nii"), {}),
        "nifti, gz": ("a.nii.gz", lambda: _nifti(".nii.gz"), {}),
        "nrrd": ("a.nrrd", lambda: nrrd(raw), {}),
        "nrrd, gz": ("a.nrrd", lambda: zipped, {}),
        "nhdr": ("a.nhdr", lambda: nrrd(b"", data_file="a.raw"), {"a.raw": raw}),
        "nhdr, list": ("a.nhdr", lambda: nrrd(b"", data_file="s%d.raw 0 3 1"), slices),
        "mha": ("a.mha", lambda: meta(raw), {}),
        "mha, compressed": ("a.mha", lambda: meta(packed, **sized), {}),
        "mhd": ("a.mhd", lambda: meta(b"", ElementDataFile="a.raw"), {"a.raw": raw}),
        "png": ("a.png", lambda: _picture("PNG"), {}),
        "jpeg": ("a.jpg", lambda: _picture("JPEG"), {}),
        "tiff": ("a.tif", lambda: _picture("TIFF"), {}),
        "dicom": ("a.dcm", _dicom, {}),
        "dicom, RLE": ("a.dcm", lambda: _dicom("1.2.840.10008.1.2.5"), {}),
        "dicom, JPEG lossless": ("a.dcm", lambda: _dicom(JPEG_LOSSLESS, "JPEG"), {}),
        "dicom, JPEG 2000": ("a.dcm", lambda: _dicom(J2K_LOSSLESS, "JPEG2000"), {}),
    }
    python = {"nifti", "nifti, gz"}
    images = [
        Target(name, file, make, read_pool, beside, name in python)
        for name, (file, make, beside) in files.items()
    ]
    labels = [
        Target(f"label map, {name}", file, make, read_labels, beside, name in python)
        for name, (file, make, beside) in files.items()
        if not name.startswith(("dicom", "jpeg"))
    ]
    return [*images, *labels]


def _tables() -> list[Target]:
    from ActiveSeedLib.benchmark.config import read_config
    from ActiveSeedLib.benchmark.table import read_table
    from ActiveSeedLib.pool.patients import PatientRule
    from ActiveSeedLib.project.schema import LabelSchema
    from Testing.sweeps.fuzz.own_formats import CONFIG, TABLE

    schema = LabelSchema.parse("1=liver,2=kidney#56b4e9,300=große Leber")
    patients = "case,patient\na,P1\nb,P2\n"

    def text(path: Path) -> str:
        return path.read_bytes().decode("utf-8", "replace")

    def verified(path: Path) -> None:
        with Verified(path) as cache:
            cache.verdict(path)

    def parsed(path: Path) -> None:
        LabelSchema.parse(text(path))

    entries = {"/a": [1, 2, None], "/b": [1, 2, "The file is cut short."]}
    rows: list[tuple[str, str, bytes, Callable[[Path], Any]]] = [
        ("schema, JSON", "a.json", schema.to_json().encode(), parsed),
        ("schema, text", "a.txt", b"1=liver,2=kidney#56b4e9", parsed),
        ("patients, CSV", "a.csv", patients.encode(), PatientRule.from_table),
        ("patients, JSON", "a.json", b'[{"case": "a", "patient": "P1"}]', PatientRule.from_table),
        ("verdicts", "a.json", json.dumps(entries).encode(), verified),
        ("benchmark's settings", "a.toml", CONFIG, read_config),
        ("benchmark's table", "a.csv", TABLE, read_table),
    ]
    return [Target(n, file, lambda d=data: d, read, in_python=True) for n, file, data, read in rows]  # type: ignore[misc]


def all_targets() -> dict[str, Target]:
    """Return name → target."""
    from Testing.sweeps.fuzz.own_formats import own_targets

    return {target.name: target for target in [*_images(), *_tables(), *own_targets()]}
