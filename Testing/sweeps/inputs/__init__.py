"""Bad input, swept: every kind of odd or broken file that we could think of, and what it becomes.

`python -m Testing.sweeps.inputs` prints the table. Each kind is written anew, goes through the
doors that a user uses, and is compared with what must become of it: used, with voxels and places
checked against what was written and against an independent reader, or refused in one sentence.
"""

import importlib

from Testing.sweeps.inputs.kinds import Kind

FAMILIES = (
    "nifti",
    "geometry",
    "nrrd",
    "metaimage",
    "voxels",
    "pictures",
    "dicom",
    "dicom_damage",
    "series",
    "names",
    "files",
    "labels",
    "label_files",
)


def all_kinds() -> dict[str, Kind]:
    """Return id → kind."""
    modules = (importlib.import_module(f"{__name__}.{family}") for family in FAMILIES)
    return {kind.id: kind for module in modules for kind in module.KINDS}
