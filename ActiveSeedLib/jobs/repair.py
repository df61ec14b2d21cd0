"""A damaged project's database, rebuilt in the background."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.repair import repair as rebuild
from ActiveSeedLib.registry import parse_parameters


@dataclass(frozen=True)
class RepairParameters:
    """`project` is its folder."""

    project: str


def repair(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Check a project that nobody has open, and rebuild its database if need be; see `Repair`."""
    wanted = parse_parameters("repair", RepairParameters, params)
    progress.update(0.0, "Checking the project and its label maps")
    done = rebuild(Path(wanted.project))
    progress.update(1.0, "The project is whole")
    return done.to_json()
