"""The picture of the map: the paper's figure 6 for this project."""

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
    groups = groups_on_map(project)
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


def groups_on_map(project: Project) -> dict[str, list[str]]:
    """Return the keys of the test cases, the first round's picks, the later ones', and the rest."""
    rounds = project.rounds()
    picked = [[pick.key for pick in project.selection(r.number)] for r in rounds]
    cold = set(picked[0]) if picked else set()
    active = {key for keys in picked[1:] for key in keys}
    groups: dict[str, list[str]] = {"pool": [], "cold start": [], "active": [], "test": []}
    for record in project.cases():
        key = record.case.key
        if record.status is Status.TEST:
            groups["test"].append(key)
        elif key in cold:
            groups["cold start"].append(key)
        elif key in active or record.status is Status.LABELLED:
            groups["active"].append(key)
        else:
            groups["pool"].append(key)
    return groups
