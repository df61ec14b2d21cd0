"""The map of the pool as groups of points, one colour and one mark each, ready to be plotted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import csv_text, write_bytes
from ActiveSeedLib.pictures import BLACK, BLUE, CYCLE, GREEN, ORANGE, SKY, YELLOW
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import CaseRow, Status

COLOURINGS = {
    "status": "Status",
    "cluster": "Group of the cold start",
    "round": "Round",
    "entropy": "Uncertainty (mean entropy)",
    "dice": "Dice of the latest model",
}
_ENDS = {"entropy": ("sure", "unsure"), "dice": ("low", "high")}
_NOTHING_KNOWN = {
    "cluster": "The strategy that chose the first cases makes no groups.",
    "round": "No case has been chosen yet.",
    "entropy": "No model has predicted these cases yet.",
    "dice": "No model has been scored on these cases yet.",
}
HINT = "Similar cases lie close to each other. Click a point of the map to open its case."
LEGEND_GROUPS = 8
"""With more groups than this, the legend in the plot would hide the points."""
GREY = "#b0b0b0"
# Viridis in six steps, dark is low: even to the eye, also without colour vision.
_SCALE = ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725")
_DICE_EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_LIVELY = tuple(colour for colour in CYCLE if colour != BLACK)
_TURNS = ("circle", "square", "diamond")
_STATUS = {  # from the back to the front
    Status.UNLABELLED: ("Not labelled", GREY, "circle"),
    Status.TEST: ("Test", ORANGE, "triangle"),
    Status.EXCLUDED: ("Excluded", BLACK, "cross"),
    Status.SKIPPED: ("Skipped", YELLOW, "cross"),
    Status.LABELLED: ("Labelled", GREEN, "square"),
    Status.IN_PROGRESS: ("In progress", SKY, "diamond"),
    Status.SUGGESTED: ("Suggested", BLUE, "diamond"),
}


@dataclass(frozen=True)
class PointGroup:
    """Cases that are drawn alike.

    Attributes:
        name: for the legend.
        color: #rrggbb.
        marker: "circle", "square", "diamond", "cross", or "triangle" for test cases.
        keys: of the cases.
        names: of the cases.
        xy: [N, 2], their places on the map.
        values: [N], what the colour stands for, where that is a number, else None.
    """

    name: str
    color: str
    marker: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    xy: NDArray[np.float64]
    values: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class _Kind:
    name: str
    color: str
    marker: str = "circle"


@dataclass(frozen=True)
class _Colouring:
    """The kind of each point, as an index into `kinds`, and the numbers behind it, if any."""

    kinds: Sequence[_Kind]
    index: NDArray[np.intp]
    values: NDArray[np.float64] | None = None


Mapped = tuple[list[CaseRow], list[tuple[float, float]]]


def map_groups(project: Project, colouring: str, mapped: Mapped | None = None) -> list[PointGroup]:
    """Return the points of the latest map, from the back to the front; [] if there is no map.

    Test cases are triangles in every colouring. Cases without a value are one grey group.

    Args:
        project: the project.
        colouring: a key of `COLOURINGS`.
        mapped: what `project.mapped_rows()` returned, if it was asked already.
    """
    if colouring not in COLOURINGS:
        raise InputError(
            f"The map has no colouring {colouring!r}; choose one of: {', '.join(COLOURINGS)}."
        )
    rows, places = mapped if mapped is not None else project.mapped_rows()
    xy = np.array(places, dtype=np.float64).reshape(-1, 2)
    made = _MAKERS[colouring](project, rows)
    test = np.array([row.status is Status.TEST for row in rows], dtype=bool)
    groups = []
    for number, kind in enumerate(made.kinds):
        for triangles in (False, True):
            chosen = np.flatnonzero((made.index == number) & (test == triangles))
            if chosen.size:
                groups.append(_group(kind, chosen, rows, xy, made, triangles=triangles))
    return groups


def map_words(project: Project, on_map: int) -> str:
    """Return how much of the project is on the map, and what to do with it."""
    if project.takes_slices:
        return f"{on_map} slices are on the map. {HINT}"
    cases = sum(project.counts().values())
    which = f"{on_map} cases" if on_map == cases else f"{on_map} of the {cases} cases"
    more = "" if on_map == cases else " Make it anew when images were added."
    return f"{which} are on the map. {HINT}{more}"


def colour_words(colouring: str, groups: Sequence[PointGroup]) -> str:
    """Return what the legend leaves open: a scale's ends, or why all is grey; empty for nothing.

    Args:
        colouring: a key of `COLOURINGS`.
        groups: what `map_groups` made of it.
    """
    if all(group.color == GREY for group in groups):
        return _NOTHING_KNOWN.get(colouring, "")
    ends = _ENDS.get(colouring)
    return f"Dark: {ends[0]}; yellow: {ends[1]}; grey: not known." if ends else ""


def write_map_csv(path: Path, project: Project) -> None:
    """Write `map_csv` into a file."""
    write_bytes(path, map_csv(project).encode())


def map_csv(project: Project) -> str:
    """Return one line for each case of the latest map: its place and all that may colour it."""
    rows, places = project.mapped_rows()
    if not rows:
        raise InputError("There is no map yet: suggest cases first.")
    clusters = project.clusters()
    entropy, dice = entropies(project), dice_of_latest(project)
    names = ("case", "key", "x", "y", "status", "round", "cluster", "entropy", "dice")
    lines = []
    for row, place in zip(rows, places, strict=True):
        key, cluster = row.key, clusters.get(row.key)
        group = None if cluster is None else cluster + 1
        numbers = (entropy.get(key), dice.get(key))
        values = (row.name, key, *place, str(row.status), row.round, group, *numbers)
        lines.append(dict(zip(names, values, strict=True)))
    return csv_text(lines, names)


def entropies(project: Project) -> dict[str, float]:
    """Return key → mean entropy (nats) of the cases that the latest model has predicted."""
    model = project.latest_model()
    return project.entropies(model.id) if model else {}


def dice_of_latest(project: Project) -> dict[str, float]:
    """Return key → Dice of the cases that the latest model was scored on, in whatever way."""
    model = project.latest_model()
    if model is None:
        return {}
    return {
        case["key"]: float(case["dice"])
        for split in model.scores.values()
        for case in split["cases"]
        if "key" in case
    }


def _group(
    kind: _Kind,
    chosen: NDArray[np.intp],
    rows: Sequence[CaseRow],
    xy: NDArray[np.float64],
    made: _Colouring,
    *,
    triangles: bool,
) -> PointGroup:
    members = [rows[i] for i in chosen.tolist()]
    name = f"{kind.name} (test)" if triangles and kind.marker != "triangle" else kind.name
    return PointGroup(
        name,
        kind.color,
        "triangle" if triangles else kind.marker,
        tuple(row.key for row in members),
        tuple(row.name for row in members),
        xy[chosen],
        None if made.values is None else made.values[chosen],
    )


def _by_status(project: Project, rows: Sequence[CaseRow]) -> _Colouring:  # noqa: ARG001
    order = {status: number for number, status in enumerate(_STATUS)}
    kinds = [_Kind(*style) for style in _STATUS.values()]
    return _Colouring(kinds, np.array([order[row.status] for row in rows], dtype=np.intp))


def _by_cluster(project: Project, rows: Sequence[CaseRow]) -> _Colouring:
    clusters = project.clusters()
    present = sorted(set(clusters.values()))
    kinds = [_Kind("No group", GREY), *(_lively(f"Group {n + 1}", n) for n in present)]
    place = {n: number for number, n in enumerate(present, start=1)}
    index = [place[clusters[row.key]] if row.key in clusters else 0 for row in rows]
    return _Colouring(kinds, np.array(index, dtype=np.intp))


def _by_round(project: Project, rows: Sequence[CaseRow]) -> _Colouring:  # noqa: ARG001
    numbers = sorted({row.round for row in rows if row.round is not None})
    kinds = [_Kind("Not chosen", GREY), _Kind("By hand", BLACK)]
    kinds += [_lively(f"Round {n}", n - 1) for n in numbers]
    place: dict[int | None, int] = {n: number for number, n in enumerate(numbers, start=2)}
    index = [place.get(row.round, int(row.queued or row.labelled)) for row in rows]
    test = np.array([row.status is Status.TEST for row in rows], dtype=bool)
    return _Colouring(kinds, np.where(test, 0, np.array(index, dtype=np.intp)))


def _by_entropy(project: Project, rows: Sequence[CaseRow]) -> _Colouring:
    values = _aligned(entropies(project), rows)
    known = values[np.isfinite(values)]
    # Entropies crowd near zero: sixths of the cases show more than sixths of the range.
    edges = np.unique(np.quantile(known, np.linspace(0, 1, 7))) if known.size else np.zeros(0)
    return _binned(values, edges, "{:.3g} to {:.3g} nats")


def _by_dice(project: Project, rows: Sequence[CaseRow]) -> _Colouring:
    values = _aligned(dice_of_latest(project), rows)
    return _binned(values, np.array(_DICE_EDGES), "Dice {:.1f} to {:.1f}")


_MAKERS: dict[str, Callable[[Project, Sequence[CaseRow]], _Colouring]] = {
    "status": _by_status,
    "cluster": _by_cluster,
    "round": _by_round,
    "entropy": _by_entropy,
    "dice": _by_dice,
}


def _binned(values: NDArray[np.float64], edges: NDArray[np.float64], name: str) -> _Colouring:
    """Return bins between `edges` in the colours of the scale; the last one is closed above."""
    if edges.size == 1:
        edges = np.repeat(edges, 2)
    bins = max(len(edges) - 1, 0)
    colours = [_SCALE[round(n * (len(_SCALE) - 1) / max(bins - 1, 1))] for n in range(bins)]
    kinds = [_Kind("No value", GREY)]
    kinds += [
        _Kind(name.format(low, high), colour)
        for low, high, colour in zip(edges, edges[1:], colours, strict=False)
    ]
    index = np.clip(np.searchsorted(edges, values, side="right"), 1, max(bins, 1))
    return _Colouring(kinds, np.where(np.isfinite(values), index, 0), values)


def _aligned(found: Mapping[str, float], rows: Sequence[CaseRow]) -> NDArray[np.float64]:
    return np.array([found.get(row.key, np.nan) for row in rows], dtype=np.float64)


def _lively(name: str, number: int) -> _Kind:
    """Return a colour of its own for each number, and another mark for each turn of the colours."""
    turn, place = divmod(number, len(_LIVELY))
    return _Kind(name, _LIVELY[place], _TURNS[turn % len(_TURNS)])
