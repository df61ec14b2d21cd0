"""Pictures: the map of the pool, learning curves, contact sheets and thumbnails.

Colours are Okabe and Ito's ("Color universal design", 2008), which people with any colour vision
tell apart; shapes differ too. Every file is written atomically.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.files import replacing
from ActiveSeedLib.pool.case import Image

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK, YELLOW = "#CC79A7", "#56B4E9", "#333333", "#C9B400"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, YELLOW)
CURVE_MARKS = "osD^vPX*"
OTHER_MARKS = "Dv*P"
LABEL_COLOURS = (ORANGE, SKY, GREEN, PURPLE, VERMILION, YELLOW)
DPI = 150
AIR = -300
"""Below this, a CT number (Hounsfield) is gas or what lies around the patient."""

# How each group of cases is drawn on the map, from the back to the front.
GROUPS: dict[str, dict[str, Any]] = {
    "pool": {"c": "#b0b0b0", "marker": "o", "linewidths": 0},
    "test": {"c": ORANGE, "s": 38, "marker": "^"},
    "cold start": {"c": BLUE, "s": 62, "marker": "o"},
    "active": {"c": GREEN, "s": 58, "marker": "s"},
}
GROUP_TITLES = {
    "pool": "pool, not labelled",
    "test": "test",
    "cold start": "cold start",
    "active": "active selection",
}

Coordinates = Mapping[str, tuple[float, float]]


def draw_map(
    path: Path,
    coords: Coordinates,
    groups: Mapping[str, Sequence[str]],
    *,
    clusters: Mapping[str, int] | None = None,
    title: str = "The pool in feature space",
) -> None:
    """Draw where the cases of each group lie on the 2-D map (figure 6 of the Levy paper).

    Args:
        path: the PNG (or SVG, PDF) to write.
        coords: position of each case by key.
        groups: keys by group: "pool", "cold start", "active", "test"; others get a colour of their
            own. A key that has no position is left out, and is not counted.
        clusters: cluster of each key, from 0; they make a second panel.
        title: stands above.
    """
    panels = 1 if clusters is None else 2
    figure, axes = make_figure(panels, width=5.4, height=5.2)
    places = {
        name: np.array([coords[key] for key in keys if key in coords]).reshape(-1, 2)
        for name, keys in groups.items()
    }
    spare = zip(cycle(CYCLE[3:]), cycle(OTHER_MARKS))
    order = sorted(places, key=lambda name: _rank(name))
    for name in order:
        if name in GROUPS:
            style = GROUPS[name]
        else:
            colour, mark = next(spare)
            style = {"c": colour, "s": 42, "marker": mark}
        label = f"{GROUP_TITLES.get(name, name)} ({len(places[name])})"
        edge = {} if name == "pool" else {"edgecolors": "white", "linewidths": 0.8}
        if name == "pool":  # a dense pool in smaller dots
            style = style | {"s": float(np.clip(9000 / max(len(places[name]), 1), 7, 26))}
        axes[0].scatter(*places[name].T, **(style | edge), label=label)
    axes[0].set_title(title)
    axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=2, frameon=False)
    if clusters is not None:
        _draw_clusters(axes[1], coords, clusters, places)
    for axis in axes:
        _bare(axis)
    _save(figure, path)


def _rank(name: str) -> int:
    return list(GROUPS).index(name) if name in GROUPS else len(GROUPS)


def _draw_clusters(
    axis: Any,
    coords: Coordinates,
    clusters: Mapping[str, int],
    places: Mapping[str, NDArray[np.float64]],
) -> None:
    """Colour the cases by cluster, number each cluster at its middle, and ring what was chosen."""
    keys = [key for key in clusters if key in coords]
    points = np.array([coords[key] for key in keys]).reshape(-1, 2)
    numbers = np.array([clusters[key] for key in keys], dtype=int)
    present = np.unique(numbers)
    axis.scatter(*points.T, c=[_cluster_colour(n) for n in numbers], s=16, linewidths=0)
    chosen = [places[name] for name in ("cold start", "active") if name in places]
    if chosen:
        rings = np.concatenate(chosen)
        axis.scatter(*rings.T, s=62, facecolors="none", edgecolors=BLACK, linewidths=1.1)
    for number in present:
        middle = np.median(points[numbers == number], axis=0)
        box = {"boxstyle": "circle,pad=0.22", "fc": "white", "ec": _cluster_colour(number)}
        axis.text(*middle, str(number + 1), ha="center", va="center", fontsize=8, bbox=box)
    axis.set_title(f"{len(present)} clusters; rings: chosen")


def _cluster_colour(number: int) -> tuple[float, float, float, float]:
    """Return one of the seven lively colours of the cycle, paler in each further turn."""
    from matplotlib.colors import to_rgba

    lively = [colour for colour in CYCLE if colour != BLACK]
    turn, place = divmod(int(number), len(lively))
    rgb = np.array(to_rgba(lively[place])[:3])
    pale = 1 - 0.6 ** min(turn, 3)
    red, green, blue = rgb + (1 - rgb) * pale
    return (float(red), float(green), float(blue), 1.0)


def draw_contact_sheet(
    path: Path,
    thumbnails: Sequence[tuple[str, NDArray[Any], NDArray[Any] | None]],
    *,
    title: str = "",
    columns: int | None = None,
) -> None:
    """Draw small pictures in rows, each with a title and, where there is one, its label's outlines.

    Args:
        path: the PNG to write.
        thumbnails: (title, picture [H, W], label map [H, W] or None). A uint8 picture is shown from
            0 to 255, another one over its own range.
        title: stands above all.
        columns: pictures in a row; by default the sheet becomes a little wider than high.
    """
    count = max(len(thumbnails), 1)
    columns = columns or math.ceil(math.sqrt(count * 1.4))
    rows = math.ceil(count / columns)
    aspect = max((p.shape[0] / p.shape[1] for _, p, _ in thumbnails), default=1.0)
    width = 1.45
    figure, axes = make_figure(columns, rows, width=width, height=width * min(aspect, 2) + 0.22)
    for axis in axes:
        axis.set_axis_off()
    for axis, (name, picture, label) in zip(axes, thumbnails, strict=False):
        span = (0, 255) if picture.dtype == np.uint8 else (None, None)
        axis.imshow(picture, cmap="gray", vmin=span[0], vmax=span[1], interpolation="bilinear")
        axis.set_title(name, fontsize=6.5, pad=2, parse_math=False)
        if label is not None:
            _outline(axis, label)
    if title:
        figure.suptitle(title, fontsize=10, parse_math=False)
    _save(figure, path)


@dataclass(frozen=True)
class Example:
    """One test case as several models segment it.

    Attributes:
        case: its name.
        image: [H, W] the slice where its label map shows most.
        truth: [H, W] that label map.
        predictions: [H, W] of each strategy, by name.
        dice: of the whole case, by strategy.
    """

    case: str
    image: NDArray[Any]
    truth: NDArray[Any]
    predictions: dict[str, NDArray[Any]]
    dice: dict[str, float]


def draw_examples(path: Path, examples: Sequence[Example], *, title: str = "") -> None:
    """Draw test cases in rows: the truth's outlines, then each strategy's with its Dice.

    Figure 5 of the Levy paper.

    Args:
        path: the PNG to write.
        examples: all with the same strategies.
        title: stands above all.
    """
    names = list(examples[0].predictions)
    figure, axes = make_figure(len(names) + 1, len(examples), width=2.3, height=2.45)
    for row, example in enumerate(examples):
        columns = {"truth": example.truth, **example.predictions}
        for place, (name, label) in enumerate(columns.items()):
            axis = axes[row * len(columns) + place]
            axis.imshow(example.image, cmap="gray", interpolation="bilinear")
            _outline(axis, label)
            axis.set_axis_off()
            dice = f"{name}: {example.dice[name]:.3f}" if name in example.dice else name
            words = dice if place else example.case[-28:]
            axis.set_title(words, fontsize=7.5, pad=3, parse_math=False)
    words = title or f"Dice of {' and '.join(names)} beside the truth"
    figure.suptitle(words, fontsize=9, parse_math=False)
    _save(figure, path, dpi=90)  # grey values make large files


def _outline(axis: Any, label: NDArray[Any]) -> None:
    for value in np.unique(label[label > 0]):
        colour = LABEL_COLOURS[(int(value) - 1) % len(LABEL_COLOURS)]
        axis.contour(label == value, levels=[0.5], colors=[colour], linewidths=0.9)


def section(image: Image, size: int = 96, *, is_label: bool = False) -> NDArray[Any]:
    """Return the middle slice across the coarsest axis, as a radiologist would look at it.

    The patient's left is at the right, the back below, the head above. Pixels are square: the
    longer side has `size` of them. Grey values are interpolated (float32), labels are not.
    """
    from PIL import Image as Pillow

    array, spacing = image.array, image.geometry.spacing[::-1]  # both KJI from here
    axis = image.geometry.coarsest_axis
    flat = np.take(array, array.shape[axis] // 2, axis=axis)
    rest = [a for a in range(3) if a != axis]
    directions = np.array(image.geometry.direction).reshape(3, 3)[:, [2 - a for a in rest]]
    height = [abs(d[2]) * 2 + abs(d[1]) for d in directions.T]  # z stands upright, else y does
    steps = [spacing[a] for a in rest]
    if height[1] > height[0]:
        flat, directions, steps = flat.T, directions[:, ::-1], steps[::-1]
    down, right = directions.T
    if down @ (0, 1, -1) < 0:
        flat = flat[::-1]
    if right @ (1, 1, 1) < 0:
        flat = flat[:, ::-1]
    extent = np.array(flat.shape) * steps
    rows, columns = np.maximum(1, np.rint(extent / extent.max() * size)).astype(int)
    if is_label:
        values = flat.astype(np.int32)
        picture, method = Pillow.fromarray(values), Pillow.Resampling.NEAREST
    else:
        picture = Pillow.fromarray(np.ascontiguousarray(flat, dtype=np.float32))
        method = Pillow.Resampling.BILINEAR
    return np.asarray(picture.resize((int(columns), int(rows)), method))


def thumbnail(image: Image, size: int = 96) -> NDArray[np.uint8]:
    """Return `section` in 256 greys, [H, W], from percentile 1 (black) to 99 (white).

    In CT, which is told by values far below zero, gas does not count: the organs use the greys.
    """
    grey = section(image, size)
    seen = grey
    if grey.min() < AIR and (grey > AIR).any():
        seen = grey[grey > AIR]
    low, high = (float(value) for value in np.percentile(seen, (1, 99)))
    if low == high:
        low, high = float(seen.min()), float(max(seen.max(), seen.min() + 1))
    return np.rint(np.clip((grey - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def save_thumbnail(path: Path, image: Image, size: int = 96) -> None:
    """Write `thumbnail` as a PNG."""
    from PIL import Image as Pillow

    with replacing(path) as temporary:
        Pillow.fromarray(thumbnail(image, size)).save(temporary)


def make_figure(
    columns: int, rows: int = 1, *, width: float, height: float
) -> tuple[Any, list[Any]]:
    """Return a figure of equal panels (inches each) that needs no display, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def _bare(axis: Any) -> None:
    """Take away what means nothing on a map: ticks and their numbers; keep it to scale."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_aspect("equal", adjustable="datalim")
    for spine in axis.spines.values():
        spine.set_color("#cfcfcf")
    axis.margins(0.06)


def _save(figure: Any, path: Path, dpi: int = DPI) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi, facecolor="white", metadata={})
