"""The map and the curves as figures for Plotly: plain dictionaries, so that nothing is loaded.

What they show is what the panel's charts show: same groups, colours, marks and words.
"""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ActiveSeedLib.app.advice import CROSS_VALIDATION, TEST, RoundScore
from ActiveSeedLib.app.map_points import LEGEND_GROUPS, PointGroup
from ActiveSeedLib.pictures import SKY, VERMILION

Figure = dict[str, Any]
"""{"data": traces, "layout": …}, as Plotly has them."""

TEXT, FAINT, GRID = "#e0e0e0", "#9e9e9e", "#3a3a3a"
_SYMBOLS = {
    "circle": "circle",
    "square": "square",
    "diamond": "diamond",
    "cross": "x",
    "triangle": "triangle-up",
}
_LARGE, _SMALL = 9, 5
_CROWD = 2000
"""From this many points on they are drawn small."""
_DARK = 0.16
"""Colours of a lower luminance (0 to 1) get a light edge: they would vanish on the dark page."""
_COLUMNS = 46
"""Letters in a line of what the mouse is told; Plotly does not wrap lines."""
_TICKS = 8
"""Up to this many whole numbers fit side by side below an axis."""
_VALUES = {"entropy": "Mean entropy %{customdata:.3g} nats", "dice": "Dice %{customdata:.3f}"}
_SPLITS = {TEST: ("Test cases", SKY), CROSS_VALIDATION: ("Cross-validation", VERMILION)}
_METRICS = {
    "loss": ("Loss", VERMILION, "lines"),
    "validation_dice": ("Validation Dice", SKY, "lines+markers"),
}


def map_traces(
    groups: Sequence[PointGroup], places: Mapping[str, int], colouring: str
) -> list[dict[str, Any]]:
    """Return a trace for each group, from the back to the front, without the points themselves.

    A trace's "members" are numbers of points, of which the page has places and names already: so
    other colours do not mean that all points are sent again.

    Args:
        groups: what is drawn alike.
        places: key → number of the point.
        colouring: a key of `COLOURINGS`.
    """
    size = _SMALL if len(places) >= _CROWD else _LARGE
    return [_map_trace(group, places, colouring, size) for group in groups]


def map_layout(groups: Sequence[PointGroup], version: int, colouring: str) -> dict[str, Any]:
    """Return the layout of the map: no axes, true to scale, a legend unless it has too many lines.

    What the user zoomed to stays for as long as the map `version` does.
    """
    axis = {"visible": False, "showgrid": False, "zeroline": False, "uirevision": version}
    return {
        **_layout(),
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        "dragmode": "pan",
        "xaxis": axis,
        "yaxis": {**axis, "scaleanchor": "x"},
        "showlegend": len(groups) <= LEGEND_GROUPS,
        "legend": {
            **_LEGEND,
            "font": {"size": 10},
            "entrywidth": 0.5,  # two columns
            "entrywidthmode": "fraction",
            "itemsizing": "constant",
            "uirevision": f"{version} {colouring}",
        },
    }


def hover_words(words: Iterable[str]) -> dict[str, list[Any]]:
    """Return what the mouse is told of each point: each text once, and which of them it is.

    Args:
        words: of each point, in order; plain text.

    Returns:
        "texts", ready for Plotly, and "of": the number of the text of each point.
    """
    numbers: dict[str, int] = {}
    of = [numbers.setdefault(text, len(numbers)) for text in words]
    return {"texts": [_wrapped(text) for text in numbers], "of": of}


def plain(text: str) -> str:
    """Return text that Plotly shows as it is, whatever tags it seems to hold."""
    return escape(text, quote=False)


def learning_curve(scores: Sequence[RoundScore]) -> Figure:
    """Return Dice by number of labelled cases, with the quartiles over the cases as a band."""
    data: list[dict[str, Any]] = []
    for split, (name, color) in _SPLITS.items():
        found = sorted((s for s in scores if s.split == split), key=lambda s: s.labelled)
        if found:
            data += _band(found, name, color)
    layout = _axes("Labelled cases", "Dice")
    labelled = sorted({score.labelled for score in scores})
    if len(labelled) <= _TICKS:
        layout["xaxis"]["tickvals"] = labelled
    return {"data": data, "layout": layout}


def training_curve(history: Iterable[Mapping[str, Any]]) -> Figure:
    """Return loss and validation Dice by epoch.

    An epoch that comes again, as after resuming, replaces its former point; what is no number is
    passed over.
    """
    points: dict[str, dict[float, float]] = {name: {} for name in _METRICS}
    for one in history:
        for name in _METRICS:
            value = one.get(name)
            if one.get("epoch") is not None and value is not None and math.isfinite(value):
                points[name][float(one["epoch"])] = float(value)
    data = []
    for name, (title, color, mode) in _METRICS.items():
        if points[name]:
            epochs, values = zip(*sorted(points[name].items()), strict=True)
            data.append(_curve(epochs, values, title, color, mode))
    layout = _axes("Epoch", " and ".join(trace["name"] for trace in data))
    if max((trace["x"][-1] for trace in data), default=0) <= _TICKS:
        layout["xaxis"]["dtick"] = 1
    return {"data": data, "layout": layout}


# -- how it looks ---------------------------------------------------------------------------------

_LEGEND = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "y": 0,
    "yanchor": "top",
    "font": {"size": 11},
    "itemwidth": 30,
    "bgcolor": "rgba(0,0,0,0)",
}


def _layout() -> dict[str, Any]:
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": TEXT, "size": 12, "family": "Roboto, Arial, sans-serif"},
        "hovermode": "closest",
        "hoverlabel": {
            "align": "left",
            "bgcolor": "#303030",
            "bordercolor": FAINT,
            "font": {"color": "#ffffff", "size": 12},
            "namelength": -1,
        },
    }


def _axes(x_title: str, y_title: str) -> dict[str, Any]:
    def axis(title: str) -> dict[str, Any]:
        return {
            "title": {"text": title, "font": {"size": 12}, "standoff": 6},
            "gridcolor": GRID,
            "linecolor": FAINT,
            "tickfont": {"size": 11},
            "zeroline": False,
            "automargin": True,
        }

    return {
        **_layout(),
        "margin": {"l": 44, "r": 10, "t": 24, "b": 36},
        "xaxis": {**axis(x_title), "tickformat": "d"},
        "yaxis": axis(y_title),
        "showlegend": True,
        "legend": {**_LEGEND, "y": 1, "yanchor": "bottom"},
    }


def _map_trace(
    group: PointGroup, places: Mapping[str, int], colouring: str, size: int
) -> dict[str, Any]:
    line = {"width": 1 if _luminance(group.color) < _DARK else 0, "color": "#f5f5f5"}
    told = ["%{text}"]
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "name": f"{plain(group.name)} ({len(group.keys)})",
        "members": [places[key] for key in group.keys],
        "marker": {
            "color": group.color,
            "symbol": _SYMBOLS.get(group.marker, "cross"),
            "size": size,
            "line": line,
        },
    }
    if group.values is not None and all(math.isfinite(value) for value in group.values):
        trace["customdata"] = [float(f"{value:.4g}") for value in group.values]
        told.append(_VALUES[colouring])
    elif colouring != "status":
        told.append(plain(group.name))
    trace["hovertemplate"] = "<br>".join(told) + "<extra></extra>"
    return trace


def _band(scores: Sequence[RoundScore], name: str, color: str) -> list[dict[str, Any]]:
    """Return the quartiles as a band, and the mean over it."""
    labelled = [score.labelled for score in scores]
    dashes = {"color": color, "width": 1, "dash": "dash"}
    # A line of one point is not seen, and after the first round there is no more than one.
    marker = {"symbol": "line-ew", "size": 12, "line": {"color": color, "width": 1}}
    edge = {
        "type": "scatter",
        "mode": "lines+markers",
        "marker": marker,
        "hoverinfo": "skip",
        "showlegend": False,
    }
    mean = _curve(labelled, [s.dice for s in scores], f"{name}: mean", color, "lines+markers")
    mean["customdata"] = [[s.low, s.high, s.cases] for s in scores]
    mean["hovertemplate"] = (
        f"{name}, %{{x}} labelled<br>Dice %{{y:.3f}}<br>"
        "Quartiles %{customdata[0]:.3f} to %{customdata[1]:.3f}, %{customdata[2]} cases"
        "<extra></extra>"
    )
    return [
        {**edge, "x": labelled, "y": [s.low for s in scores], "line": dashes},
        {
            **edge,
            "x": labelled,
            "y": [s.high for s in scores],
            "line": dashes,
            "fill": "tonexty",
            "fillcolor": _transparent(color),
            "name": f"{name}: quartiles",
            "showlegend": True,
        },
        mean,
    ]


def _curve(
    x: Sequence[float], y: Sequence[float], name: str, color: str, mode: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {"color": color, "width": 2},
        "marker": {"color": color, "size": 7},
        "hovertemplate": f"Epoch %{{x}}<br>{name} %{{y:.4g}}<extra></extra>",
    }


def _wrapped(text: str) -> str:
    return "<br>".join(plain(line) for line in textwrap.wrap(text, _COLUMNS))


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    """Return the relative luminance (0 to 1) of #rrggbb, nearly: with a gamma of 2.2."""
    red, green, blue = ((part / 255) ** 2.2 for part in _rgb(color))
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def _transparent(color: str) -> str:
    red, green, blue = _rgb(color)
    return f"rgba({red},{green},{blue},0.15)"
