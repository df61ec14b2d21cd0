"""All odd images in one folder: the sound ones among them are used, and nothing stops the rest.

`python -m Testing.sweeps.inputs.together` prints what became of them; exit code 1 if a sound one is
lost, or one that must be refused is used.
"""

import logging
import sys
import tempfile
import warnings
from pathlib import Path

from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.pool.readers import read_image
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project import LabelSchema, Project
from Testing.sweeps.inputs import all_kinds
from Testing.sweeps.inputs.check import clear
from Testing.sweeps.inputs.kinds import Kind, Outcome, Refused, Used


def main() -> int:
    """Write all kinds, list and read them, and compare with their outcomes."""
    warnings.simplefilter("ignore")
    logging.disable()
    folder = Path(tempfile.mkdtemp(prefix="odd-"))
    try:
        outcomes = _write_all(folder / "images")
        used, refused = _read_all(folder)
    finally:
        clear(folder)
    failures = [
        f"{path} is not {type(due).__name__.lower()}"
        for path, due in outcomes.items()
        if (isinstance(due, Used) and path not in used)
        or (isinstance(due, Refused) and path not in refused)
    ]
    for failure in failures:
        print(ascii(failure))
    print(f"{len(outcomes)} files: {len(used)} used or repeated, {len(refused)} refused.")
    return 1 if failures else 0


def _together(kind: Kind) -> bool:
    """Whether a kind goes with others: slices of one series would mix, labels are no images."""
    alone = kind.family.startswith(("DICOM", "label map")) or kind.name.startswith("folders deeper")
    return not (alone or kind.later or kind.midway or kind.as_user)


def _write_all(images: Path) -> dict[str, Outcome]:
    """Write each kind into a folder of its own; return path → outcome."""
    outcomes: dict[str, Outcome] = {}
    for number, kind in enumerate(filter(_together, all_kinds().values())):
        folder = images / f"{number:04d}" / "images"
        folder.mkdir(parents=True)
        written = kind.write(folder)
        for outcome in written if isinstance(written, list) else [written]:
            if outcome.path.endswith(".dcm"):  # these, too, are of one series
                continue
            outcomes[f"{number:04d}/images/{outcome.path}"] = outcome
    return outcomes


def _read_all(folder: Path) -> tuple[set[str], set[str]]:
    """Return the paths that are used or repeat one that is, and those that are refused."""
    pool = scan(folder / "images")
    used = {entry.path for entry in pool.duplicates}
    refused = {entry.path for entry in pool.refused}
    with Project.create(folder / "project", pool, LabelSchema.parse("1=liver")) as project:
        for record in project.cases():
            try:
                read_image(folder / "images", record.case)
            except ActiveSeedError:
                refused.add(record.case.path)
            else:
                used.add(record.case.path)
    return used, refused


if __name__ == "__main__":
    sys.exit(main())
