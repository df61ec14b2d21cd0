"""The generated cohort, for a first try and for teaching."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.registry import parse_parameters


@dataclass(frozen=True)
class CohortParameters:
    """Where the cohort goes, how many cases it has, and its seed."""

    folder: str
    cases: int = 60
    seed: int = 0


def make_cohort(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Generate the cohort, unless the folder holds it already."""
    wanted = parse_parameters("cohort", CohortParameters, params)
    progress.update(0.0, f"Making {wanted.cases} volumes")
    folder = generate_cohort(
        Path(wanted.folder), cases=wanted.cases, seed=wanted.seed, progress=progress
    )
    return {"folder": str(folder), "cases": wanted.cases}
