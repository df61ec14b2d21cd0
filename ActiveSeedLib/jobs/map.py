"""The picture of the map: the paper's figure 6 for this project."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features import DEFAULT_ENCODER
from ActiveSeedLib.files import make_folder
from ActiveSeedLib.jobs.encode import EncodeParameters, embed
from ActiveSeedLib.jobs.opening import check_outside, on_project
from ActiveSeedLib.pictures import draw_map
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import Status

PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class MapParameters:
    """Where the picture goes, and which encoder and map it shows."""

    out: str
    encoder: str = DEFAULT_ENCODER
    encoder_parameters: dict[str, Any] = field(default_factory=dict)
    map_method: str = "tsne"
    seed: int = 43


@on_project(MapParameters)
def draw(project: Project, parameters: MapParameters, progress: Progress) -> dict[str, Any]:
    """Draw pool, cold start, active picks and test cases on the map, and the map's clusters."""
    out = _checked(Path(parameters.out), project)
    choice = EncodeParameters(
        encoder=parameters.encoder,
        encoder_parameters=parameters.encoder_parameters,
        map_method=parameters.map_method,
        seed=parameters.seed,
    )
    embedding = embed(project, choice, progress.part(0.0, 0.9))
    progress.update(0.9, "Drawing the map")
    groups = groups_on_map(project, list(embedding.map.points))
    draw_map(out, embedding.map.points, groups, clusters=_clusters(project))
    return {
        "picture": parameters.out,
        "map": embedding.map.name,
        "counts": {name: len(keys) for name, keys in groups.items()},
    }


def _checked(out: Path, project: Project) -> Path:
    """Return `out`, its folder made; `InputError` if no picture can or should be written there."""
    if out.suffix.lower() not in PICTURES:
        raise InputError(f"{out} does not name a picture: choose a name that ends with .png.")
    check_outside(out, project.images_root)
    make_folder(out.parent)
    return out


def _clusters(project: Project) -> dict[str, int] | None:
    """Return the cluster of each case by key, as the latest selection with clusters had them."""
    found = [r.provenance.get("clusters") for r in project.rounds()]
    return next((clusters for clusters in reversed(found) if clusters), None)


def groups_on_map(project: Project, units: Sequence[str]) -> dict[str, list[str]]:
    """Return the test units, the first round's picks, the later rounds' picks, and the rest."""
    rounds = project.rounds()
    first = rounds[0].number if rounds else None
    statuses, chosen_by = project.unit_statuses(units), project.unit_rounds()
    groups: dict[str, list[str]] = {"pool": [], "cold start": [], "active": [], "test": []}
    for unit in units:
        chosen = chosen_by.get(unit)
        if statuses[unit] is Status.TEST:
            groups["test"].append(unit)
        elif chosen is not None and chosen == first:
            groups["cold start"].append(unit)
        elif chosen is not None or statuses[unit] is Status.LABELLED:
            groups["active"].append(unit)
        else:
            groups["pool"].append(unit)
    return groups
