"""The benchmark's figures, as SVG text: differences to the reference, curves, areas, ranks.

What is drawn in `pictures.BLACK` and white is ink and paper: a page may give them other colours.
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from ActiveSeedLib.benchmark.ranks import Ranks
from ActiveSeedLib.benchmark.statistics import LEVEL, Paired, Summary
from ActiveSeedLib.benchmark.table import FULL
from ActiveSeedLib.pictures import BLACK, CURVE_MARKS, CYCLE, make_figure

GREY = "#888888"
DASHES = ("-", "--", ":")
PER_ROW = 4
WIDTH = 10.8
"""Inches of a figure as wide as the page."""
LOGARITHMIC_FROM = 12
"""Budgets whose largest is so many times the smallest lie on a logarithmic axis."""
OUTLYING = 2.5
"""An interval reaching so many times as far as three quarters of them do is cut off."""
NAME, RANK = 0.085, 0.42
"""Inches that a letter of a name and a step of the ranks' axis take in the diagram of ranks."""

Style = Mapping[str, Any]


def styles(names: Sequence[str], reference: str) -> dict[str, Style]:
    """Return how each strategy's line looks: of 24 no two alike, the reference thick and grey."""
    found: dict[str, Style] = {}
    for name in (name for name in dict.fromkeys(names) if name not in (reference, FULL)):
        turn, place = divmod(len(found), len(CYCLE))
        found[name] = {
            "color": CYCLE[place],
            "marker": CURVE_MARKS[(place + 3 * turn) % len(CURVE_MARKS)],
            "linestyle": DASHES[turn % len(DASHES)],
            "linewidth": 1.4,
            "markersize": 5.5,
            "markerfacecolor": "white",
            "zorder": 3,
        }
    return {**found, reference: {"color": GREY, "linewidth": 4.5, "zorder": 2}}


def curves_figure(
    summaries: Sequence[Summary],
    costs: Mapping[tuple[str, int], float],
    looks: Mapping[str, Style],
) -> str:
    """Return learning curves of one data set: mean Dice against labelled cases and minutes.

    Args:
        summaries: of the data set; bars are the standard error of the mean over the seeds, full
            supervision is a line across.
        costs: (strategy, budget) → mean minutes.
        looks: what `styles` returned.
    """
    curves: dict[str, list[Summary]] = {}
    for one in sorted(summaries, key=lambda one: one.budget):
        if one.strategy != FULL:
            curves.setdefault(one.strategy, []).append(one)
    ranked = sorted(curves, key=lambda name: -curves[name][-1].dice_mean)
    budgets = sorted({one.budget for curve in curves.values() for one in curve})
    is_log = bool(budgets) and budgets[-1] >= LOGARITHMIC_FROM * budgets[0]
    with _drawing():
        figure, axes = make_figure(2, width=WIDTH / 2, height=max(3.8, 0.22 * len(ranked) + 0.6))
        for number, name in enumerate(ranked):
            shift = (number / max(len(ranked) - 1, 1) - 0.5) * 0.2
            places = _dodged([one.budget for one in curves[name]], budgets, shift, is_log)
            spent = [costs[name, one.budget] for one in curves[name]]
            _draw_curve(axes[0], places, curves[name], looks[name], name)
            _draw_curve(axes[1], spent, curves[name], looks[name])
        for axis in axes:
            for one in (one for one in summaries if one.strategy == FULL):
                _draw_full(axis, one)
            axis.set_xscale("log" if is_log else "linear")
            axis.set_ylabel("Dice, mean over the seeds")
            axis.set_ylim(*_dice_limits(summaries))
        axes[0].set_xlabel("labelled")
        axes[0].minorticks_off()
        axes[0].set_xticks(budgets, [str(budget) for budget in budgets])
        axes[1].set_xlabel("minutes of annotation")
        handles, _ = axes[0].get_legend_handles_labels()
        figure.legend(handles, ranked, loc="outside right upper", frameon=False, handlelength=3)
        return _svg(figure)


def _dodged(
    places: Sequence[int], budgets: Sequence[int], shift: float, is_log: bool
) -> list[float]:
    """Return `places` moved by this share of the smallest step, so that no bar hides another."""
    if is_log:
        factor = min((b / a for a, b in pairwise(budgets)), default=1.0) ** shift
        return [place * factor for place in places]
    step = min((b - a for a, b in pairwise(budgets)), default=1)
    return [place + step * shift for place in places]


def _draw_curve(
    axis: Any, places: Sequence[float], curve: Sequence[Summary], look: Style, name: str = ""
) -> None:
    means = [one.dice_mean for one in curve]
    errors = [(one.dice_std or 0.0) / math.sqrt(one.seeds) for one in curve]
    bars = {"ecolor": look["color"], "elinewidth": 1, "alpha": 0.5, "zorder": 1}
    axis.errorbar(places, means, errors, fmt="none", **bars)
    mark = {} if "marker" in look else {"marker": "o", "markersize": 6}
    axis.plot(places, means, label=name or None, **{**mark, **look})


def _dice_limits(summaries: Sequence[Summary]) -> tuple[float | None, float | None]:
    """Return ends that hold the means; one that a failed run drags down may leave below."""
    sound = [one for one in summaries if not one.failed] or summaries
    errors = [(one.dice_std or 0.0) / math.sqrt(one.seeds) for one in sound]
    ends = [
        one.dice_mean + e * sign for one, e in zip(sound, errors, strict=True) for sign in (-1, 1)
    ]
    ends = [end for end in ends if math.isfinite(end)]
    if not ends:
        return None, None
    air = 0.05 * (max(ends) - min(ends)) + 1e-4
    return min(ends) - air, max(ends) + air


def _draw_full(axis: Any, one: Summary) -> None:
    axis.axhline(one.dice_mean, color=BLACK, linewidth=1.1, linestyle=(0, (6, 3)), zorder=1)
    place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
    words = f"full supervision {one.dice_mean:.3f}"
    axis.annotate(words, (0.01, one.dice_mean), xytext=(0, 3), fontsize=8, **place)


def differences_figure(differences: Sequence[Paired], reference: str) -> str:
    """Return a panel a strategy: the mean difference in Dice by budget, and its 95 % interval.

    What differs by the corrected p is filled.
    """
    names = list(dict.fromkeys(one.strategy for one in differences))
    columns = min(PER_ROW, len(names))
    budgets = sorted({one.budget or 0 for one in differences})
    low, high = limits(differences)
    with _drawing():
        size = {"width": WIDTH / max(columns, PER_ROW - 1), "height": 1.75}
        figure, axes = make_figure(columns, -(-len(names) // columns), **size)
        for number, axis in enumerate(axes):
            axis.set_visible(number < len(names))
            axis.axhline(0, color=GREY, linewidth=2.5, zorder=1)
            axis.set_xticks(range(len(budgets)), [str(budget) for budget in budgets])
            axis.set(xlim=(-0.5, len(budgets) - 0.5), ylim=(low, high))
            axis.tick_params(labelleft=number % columns == 0, labelsize=8)
        for axis, name in zip(axes, names, strict=False):
            axis.set_title(name, fontsize=9)
            for one in (one for one in differences if one.strategy == name):
                place = budgets.index(one.budget or 0)
                if one.low is not None and one.high is not None:
                    axis.vlines(place, one.low, one.high, color=CYCLE[0], linewidth=2, zorder=2)
                axis.plot(place, min(max(one.mean, low), high), **_dot(one, "v^", low, high))
        figure.supxlabel("labelled", fontsize=9)
        figure.supylabel(f"Dice − {reference}", fontsize=9)
        return _svg(figure)


def forest_figure(differences: Sequence[Paired], reference: str) -> str:
    """Return the differences in area with their intervals, the best on top.

    What differs by the corrected p is filled.
    """
    order = sorted(differences, key=lambda one: one.mean)
    low, high = limits(differences)
    with _drawing():
        figure, (axis,) = make_figure(1, width=7.0, height=0.8 + 0.26 * len(order))
        axis.axvline(0, color=GREY, linewidth=2.5, zorder=1)
        for place, one in enumerate(order):
            if one.low is not None and one.high is not None:
                axis.hlines(place, one.low, one.high, color=CYCLE[0], linewidth=2, zorder=2)
            axis.plot(min(max(one.mean, low), high), place, **_dot(one, "<>", low, high))
        axis.set_yticks(range(len(order)), [one.strategy for one in order])
        axis.set(xlim=(low, high), ylim=(-0.7, len(order) - 0.3))
        axis.locator_params(axis="x", nbins=5)
        axis.set_xlabel(f"area under the budget curve (Dice) − {reference}")
        axis.grid(axis="x", color=GREY, alpha=0.25)
        return _svg(figure)


def limits(differences: Sequence[Paired]) -> tuple[float, float]:
    """Return an axis' ends: they hold 0 and all but what is far larger than most.

    One failed training would else make a line of all other intervals.
    """
    found = [[v for v in (one.low, one.high, one.mean) if v is not None] for one in differences]
    most = sorted(max(map(abs, values)) for values in found)
    far = OUTLYING * most[3 * (len(most) - 1) // 4]
    every = [0.0, *(min(max(value, -far), far) for values in found for value in values)]
    air = 0.06 * (max(every) - min(every)) + 1e-9
    return min(every) - air, max(every) + air


def _dot(one: Paired, beyond: str, low: float, high: float) -> Style:
    """Return how a mean is drawn; one beyond an end of the axis as an arrow to there."""
    outside = {one.mean < low: beyond[0], one.mean > high: beyond[1]}
    face = CYCLE[0] if is_different(one) else "white"
    return {
        "marker": outside.get(True, "o"),
        "linestyle": "none",
        "color": CYCLE[0],
        "markerfacecolor": face,
        "markersize": 6,
        "zorder": 3,
        "clip_on": False,
    }


def is_different(one: Paired) -> bool:
    """Whether the corrected p is below 0.05."""
    return one.p_corrected is not None and one.p_corrected < LEVEL


def ranks_figure(ranks: Ranks) -> str:
    """Return the critical-difference diagram of Demšar 2006: bars join what does not differ."""
    count = len(ranks.strategies)
    half = (count + 1) // 2
    bars = joined(ranks)
    step = max(RANK, 3.4 / max(count - 1, 1))
    side = (NAME * max(map(len, ranks.strategies)) + 0.75) / step
    first = 0.8 + 0.45 * len(bars)
    with _drawing():
        span, rise = count - 1 + 2 * side, first + half + 2.6
        figure, (axis,) = make_figure(1, width=step * span, height=0.23 * rise)
        axis.set_axis_off()
        axis.set(xlim=(1 - side, count + side), ylim=(2.6 - rise, 2.6))
        axis.hlines(0, 1, count, color=BLACK, linewidth=1.2)
        for tick in range(1, count + 1):
            axis.vlines(tick, 0, 0.25, color=BLACK, linewidth=1)
            axis.text(tick, 0.4, str(tick), ha="center", va="bottom", fontsize=8.5)
        for place, (name, rank) in enumerate(zip(ranks.strategies, ranks.ranks, strict=True)):
            left = place < half
            depth = -first - (place if left else count - 1 - place)
            end, align = (1 - 0.15 / step, "right") if left else (count + 0.15 / step, "left")
            axis.plot([rank, rank, end], [0, depth, depth], color=GREY, linewidth=0.9)
            text = f"{name}  {rank:.1f} " if left else f" {rank:.1f}  {name}"
            axis.text(end, depth, text, ha=align, va="center", fontsize=9)
        for number, (best, last) in enumerate(bars):
            ends = (ranks.ranks[best] - 0.06, ranks.ranks[last] + 0.06)
            axis.hlines(-0.45 - 0.45 * number, *ends, color=BLACK, linewidth=3.2)
        if ranks.critical_difference is not None:
            _draw_length(axis, ranks.critical_difference, count - 1)
        return _svg(figure)


def _draw_length(axis: Any, length: float, room: int) -> None:
    """Draw the critical difference above the axis, cut where the axis ends."""
    wide = min(length, room)
    axis.plot([1, 1 + wide], [1.75, 1.75], color=BLACK, marker="|", linewidth=1.2)
    cut = "" if wide == length else ", wider than the axis"
    axis.text(1, 2.0, f"critical difference {length:.2f}{cut}", va="bottom", fontsize=8.5)


def joined(ranks: Ranks) -> list[tuple[int, int]]:
    """Return the longest runs (first, last place) within the critical difference, ascending."""
    if ranks.critical_difference is None:
        return []
    runs: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks.ranks):
        limit = rank + ranks.critical_difference
        last = max(i for i, other in enumerate(ranks.ranks) if other <= limit)
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    return runs


@contextmanager
def _drawing() -> Iterator[None]:
    """Draw so that a name is no formula, text stays text, and equal figures are equal text."""
    from matplotlib import rc_context

    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "activeseed",
        "text.parse_math": False,
        "font.family": ["DejaVu Sans", "sans-serif"],
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": GREY,
        "grid.alpha": 0.25,
    }
    with rc_context({**settings, **dict.fromkeys(inked, BLACK)}):
        yield


def _svg(figure: Any) -> str:
    """Return the figure as an SVG element, without a word of who made it and when."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(text, format="svg", metadata=nothing)
    found = text.getvalue()
    return found[found.index("<svg") :]
