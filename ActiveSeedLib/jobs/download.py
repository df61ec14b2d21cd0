"""The weights of an encoder, fetched where the user asked for it."""

from dataclasses import dataclass
from typing import Any

from ActiveSeedLib.features import weights
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.registry import parse_parameters


@dataclass(frozen=True)
class DownloadParameters:
    """Which weights, by their name in `weights.KNOWN`."""

    weights: str


def download(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Fetch one file of weights from its publisher, unless it is there already."""
    wanted = parse_parameters("download", DownloadParameters, params)
    path = weights.download(wanted.weights, progress=progress)
    return {"weights": wanted.weights, "file": str(path)}
