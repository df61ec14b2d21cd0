"""The readers in Python, fuzzed along their branches; needs atheris, which nothing else here does.

    pip install atheris
    python -m Testing.sweeps.fuzz.coverage_guided -max_total_time=120

Only sentences (`ActiveSeedError`) may be raised; atheris stops at all else and keeps the input.
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ActiveSeedLib.pool"]):
    from ActiveSeedLib.errors import ActiveSeedError
    from ActiveSeedLib.pool import dicom, dicom_pixels, inflate, nifti, streams, textheader
    from ActiveSeedLib.project.schema import LabelSchema

FOLDER = Path(tempfile.mkdtemp(prefix="atheris-"))


def _voxels(path: Path) -> None:
    voxels = textheader.find_voxels(path)
    if voxels is None:
        textheader.spread_files(path)
    else:
        streams.require_voxels(voxels)
    textheader.segment_values(path)


def _dicom(path: Path) -> None:
    dicom.read_slice(path.parent, path.name, "key", path.stat().st_size)
    dicom_pixels.check(path)


READERS = (
    ("a.nii", nifti.read),
    ("a.nii.gz", nifti.read),
    ("a.nrrd", _voxels),
    ("a.mha", _voxels),
    ("a.dcm", _dicom),
    ("a.json", lambda path: LabelSchema.parse(path.read_text("utf-8", "replace"))),
    ("b.nii.gz", lambda path: nifti.parse_head(path.read_bytes()[: 1 << 12])),
    ("c.gz", lambda path: inflate.first_bytes(path.read_bytes(), 348)),
)


def try_one(data: bytes) -> None:
    """Let the reader that the first byte names read the rest."""
    if not data:
        return
    name, read = READERS[data[0] % len(READERS)]
    path = FOLDER / name
    path.write_bytes(data[1:])
    try:
        read(path)
    except (ActiveSeedError, *inflate.DAMAGE):
        return


def seeds(folder: Path) -> None:
    """Write a good file for each reader, to begin with."""
    from Testing.sweeps.fuzz.targets import all_targets

    for number, (name, _) in enumerate(READERS):
        for target in all_targets().values():
            if target.file == name:
                (folder / target.name.replace(" ", "-")).write_bytes(
                    bytes([number]) + target.make()
                )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    seeds(corpus)
    os.chdir(FOLDER)
    atheris.Setup([*sys.argv, str(corpus)], try_one)
    atheris.Fuzz()
