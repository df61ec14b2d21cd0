"""The benchmark's figures, as SVG text: differences to the reference, curves, ranks."""

import io
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from ActiveSeedLib.benchmark.ranks import Ranks
from ActiveSeedLib.benchmark.statistics import Paired, Summary
from ActiveSeedLib.benchmark.table import FULL
from ActiveSeedLib.pictures import BLACK, CURVE_MARKS, CYCLE, make_figure

GREY = "#888888"
DASHES = ("-", "--", ":")
PER_ROW = 4


def curves_figure(
    summaries: Sequence[Summary], costs: Mapping[tuple[str, int], float], reference: str
) -> str:
    """Return learning curves of one data set: mean Dice against labelled cases and minutes.

    Args:
        summaries: of the data set; full supervision is a line across.
        costs: (strategy, budget) → mean minutes.
        reference: drawn thick and grey.
    """
    figure, axes = make_figure(2, width=5.6, height=4.6)
    own = [one for one in summaries if one.strategy != FULL]
    full = [one.dice_mean for one in summaries if one.strategy == FULL]
    styles = _styles([one.strategy for one in own], reference)
    for strategy, style in styles.items():
        curve = sorted((o for o in own if o.strategy == strategy), key=lambda o: o.budget)
        dice = [one.dice_mean for one in curve]
        axes[0].plot([one.budget for one in curve], dice, label=strategy, **style)
        axes[1].plot([costs[strategy, one.budget] for one in curve], dice, **style)
    for axis, label in zip(axes, ("labelled", "minutes of annotation"), strict=True):
        for value in full:
            axis.axhline(value, color=BLACK, linewidth=1, linestyle=(0, (1, 2)))
            axis.annotate("full", (1, value), xycoords=("axes fraction", "data"), fontsize=8)
        axis.set_xlabel(label)
        axis.set_ylabel("Dice, mean over the seeds")
        _plain(axis)
    axes[0].set_xticks(sorted({one.budget for one in own}))
    figure.legend(loc="outside lower center", ncols=PER_ROW, frameon=False, fontsize=8)
    return _svg(figure)


def differences_figure(differences: Sequence[Paired], reference: str) -> str:
    """Return a panel a strategy: the mean difference in Dice by budget, and its 95 % interval."""
    strategies = list(dict.fromkeys(one.strategy for one in differences))
    columns = min(PER_ROW, len(strategies))
    rows = -(-len(strategies) // columns)
    figure, axes = make_figure(columns, rows, width=2.7, height=2.0)
    budgets = sorted({one.budget or 0 for one in differences})
    low = min(min(one.mean, one.low if one.low is not None else 0.0) for one in differences)
    high = max(max(one.mean, one.high if one.high is not None else 0.0) for one in differences)
    for axis in axes[len(strategies) :]:
        axis.set_axis_off()
    for axis, strategy in zip(axes, strategies, strict=False):
        axis.axhline(0, color=GREY, linewidth=1)
        for one in (one for one in differences if one.strategy == strategy):
            place = budgets.index(one.budget or 0)
            if one.low is not None and one.high is not None:
                axis.vlines(place, one.low, one.high, color=CYCLE[0], linewidth=2)
            axis.plot([place], [one.mean], "o", color=CYCLE[0], markersize=5)
        axis.set_title(strategy, fontsize=8.5)
        axis.set_xticks(range(len(budgets)), [str(b) for b in budgets], fontsize=7.5)
        axis.set_xlim(-0.5, len(budgets) - 0.5)
        axis.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low) + 1e-9)
        axis.tick_params(axis="y", labelsize=7.5)
        _plain(axis)
    figure.suptitle(f"Dice: strategy − {reference}, by labelled, with 95 % intervals", fontsize=9.5)
    return _svg(figure)


def forest_figure(differences: Sequence[Paired], reference: str) -> str:
    """Return the differences in area with their intervals, the best on top."""
    order = sorted(differences, key=lambda one: one.mean)
    figure, (axis,) = make_figure(1, width=6.6, height=0.9 + 0.27 * len(order))
    axis.axvline(0, color=GREY, linewidth=1)
    for place, one in enumerate(order):
        if one.low is not None and one.high is not None:
            axis.hlines(place, one.low, one.high, color=CYCLE[0], linewidth=2)
        axis.plot([one.mean], [place], "o", color=CYCLE[0], markersize=6)
    axis.set_yticks(range(len(order)), [one.strategy for one in order], fontsize=8.5)
    axis.locator_params(axis="x", nbins=5)
    axis.set_xlabel(f"area under the budget curve (Dice): strategy − {reference}")
    _plain(axis, "x")
    return _svg(figure)


def ranks_figure(ranks: Ranks) -> str:
    """Return the critical-difference diagram of Demšar 2006: bars join what does not differ."""
    count = len(ranks.strategies)
    half = (count + 1) // 2
    figure, (axis,) = make_figure(1, width=7.6, height=1.3 + 0.26 * half)
    axis.set_axis_off()
    bars = joined(ranks)
    top = 0.5 + 0.28 * len(bars)
    axis.set_xlim(0.2 - 0.35 * count, 1.35 * count + 0.8)
    axis.set_ylim(-0.8 - half, top + 1.6)
    axis.hlines(top, 1, count, color=BLACK, linewidth=1)
    for tick in range(1, count + 1):
        axis.vlines(tick, top, top + 0.15, color=BLACK, linewidth=1)
        axis.text(tick, top + 0.25, str(tick), ha="center", fontsize=8)
    for place, (name, rank) in enumerate(zip(ranks.strategies, ranks.ranks, strict=True)):
        left = place < half
        level = -(place if left else count - 1 - place) - 0.4
        end, side = (0.6, "right") if left else (count + 0.4, "left")
        axis.plot([rank, rank, end], [top, level, level], color=GREY, linewidth=0.9)
        text = f"{name} {rank:.1f}" if left else f"{rank:.1f} {name}"
        axis.text(end + (-0.1 if left else 0.1), level, text, ha=side, va="center", fontsize=8.5)
    for number, (first, last) in enumerate(bars):
        height = top - 0.22 - 0.28 * number
        ends = ranks.ranks[first] - 0.06, ranks.ranks[last] + 0.06
        axis.hlines(height, *ends, color=BLACK, linewidth=3.5)
    if ranks.critical_difference is not None:
        wide = min(ranks.critical_difference, count - 1)
        axis.hlines(top + 1.0, 1, 1 + wide, color=BLACK, linewidth=1.5)
        cut = "" if wide == ranks.critical_difference else ", wider than the axis"
        text = f"critical difference {ranks.critical_difference:.2f}{cut}"
        axis.text(1, top + 1.15, text, fontsize=8.5)
    return _svg(figure)


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


def _styles(names: Sequence[str], reference: str) -> dict[str, dict[str, Any]]:
    """Return how each strategy's line looks: no two alike, the reference apart."""
    looks = ((mark, dash, colour) for dash in cycle(DASHES) for mark, colour in _pairs())
    styles: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(names):
        if name == reference:
            styles[name] = {"color": GREY, "linewidth": 4, "alpha": 0.7, "zorder": 1}
        else:
            mark, dash, colour = next(looks)
            styles[name] = {
                "color": colour,
                "marker": mark,
                "linestyle": dash,
                "linewidth": 1.4,
                "markersize": 5,
                "zorder": 2,
            }
    return styles


def _pairs() -> list[tuple[str, str]]:
    return list(zip(CURVE_MARKS, CYCLE, strict=False))


def _plain(axis: Any, grid: str = "y") -> None:
    axis.grid(axis=grid, color="#e4e4e4", linewidth=0.8)
    axis.spines[["top", "right"]].set_visible(False)


def _svg(figure: Any) -> str:
    """Return the figure as an SVG element without a date, so that equal figures are equal text."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "activeseed"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    found = text.getvalue()
    return found[found.index("<svg") :]
