"""The figures as Plotly gets them: their numbers are the session's."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from ActiveSeedLib.app.advice import RoundScore
from ActiveSeedLib.app.map_points import COLOURINGS, PointGroup, map_groups
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.viewer.figures import (
    hover_words,
    learning_curve,
    map_layout,
    map_traces,
    training_curve,
)
from Testing import scored_project


def group(
    name: str, *, color: str = "#0072B2", marker: str = "circle", count: int = 1
) -> PointGroup:
    keys = tuple(f"{name}-{n}" for n in range(count))
    return PointGroup(name, color, marker, keys, keys, np.zeros((count, 2)))


def score(labelled: int, dice: float, split: str = "test") -> RoundScore:
    return RoundScore(labelled, f"model-{labelled}", split, dice, dice - 0.1, dice + 0.05, 6)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with a map, a round, a scored model and a few predictions."""
    root = scored_project.make_archive(tmp_path_factory.mktemp("made") / "archive") / "project"
    scored_project.add_map(root)
    model = scored_project.add_model(root, [0.55, 0.75], labelled=4)
    with Project.open(root) as project:
        for number, row in enumerate(project.rows()[4:]):
            facts = {"mean_entropy": 0.1 * number, "most_uncertain_slice": 0}
            project.record_prediction(row.key, model, facts)
        yield project


@pytest.mark.parametrize("colouring", list(COLOURINGS))
def test_every_case_is_a_point_of_the_colour_that_the_panel_gives_it(
    project: Project, colouring: str
) -> None:
    keys = [row.key for row in project.rows()]
    groups = map_groups(project, colouring)
    assert len(groups) > 1
    traces = map_traces(groups, {key: number for number, key in enumerate(keys)}, colouring)
    assert sorted(n for trace in traces for n in trace["members"]) == list(range(len(keys)))
    for one, trace in zip(groups, traces, strict=True):
        assert [keys[n] for n in trace["members"]] == list(one.keys)
        assert trace["marker"]["color"] == one.color
        assert trace["name"] == f"{one.name} ({len(one.keys)})"
    json.dumps([traces, map_layout(groups, 1, colouring)], allow_nan=False)


def test_the_numbers_behind_the_colours_are_told_where_there_are_any() -> None:
    known = PointGroup("0.1 to 0.2", "#440154", "circle", ("a", "b"), ("a", "b"), np.zeros((2, 2)),
                       np.array([0.123456, 0.2]))  # fmt: skip
    none = PointGroup("No value", "#b0b0b0", "circle", ("c",), ("c",), np.zeros((1, 2)),
                      np.array([np.nan]))  # fmt: skip
    first, second = map_traces([known, none], {"a": 0, "b": 1, "c": 2}, "entropy")
    assert first["customdata"] == [0.1235, 0.2]
    assert "%{customdata" in first["hovertemplate"]
    assert "customdata" not in second
    assert "No value" in second["hovertemplate"]


def test_each_mark_differs_and_dark_ones_have_a_light_edge() -> None:
    marks = ("circle", "square", "diamond", "cross", "triangle")
    groups = [group(mark, marker=mark) for mark in marks]
    places = {key: 0 for one in groups for key in one.keys}
    assert len({t["marker"]["symbol"] for t in map_traces(groups, places, "status")}) == len(marks)
    dark, light = map_traces(
        [group("a", color="#333333"), group("b", color="#fde725")], {"a-0": 0, "b-0": 1}, "status"
    )
    assert dark["marker"]["line"]["width"] > 0
    assert light["marker"]["line"]["width"] == 0


def test_points_are_smaller_in_a_crowd_and_the_legend_goes_when_it_is_long() -> None:
    crowd = group("many", count=3000)
    places = {key: n for n, key in enumerate(crowd.keys)}
    few = group("few", count=3)
    small = map_traces([crowd], places, "status")[0]["marker"]["size"]
    large = map_traces([few], {k: 0 for k in few.keys}, "status")[0]["marker"]["size"]  # noqa: C420
    assert small < large
    assert map_layout([few] * 8, 1, "status")["showlegend"]
    assert not map_layout([few] * 9, 1, "status")["showlegend"]


def test_the_view_is_kept_for_another_colouring_but_not_for_another_map() -> None:
    first, recoloured = (map_layout([], 1, name) for name in ("status", "dice"))
    other = map_layout([], 2, "status")
    assert first["xaxis"]["uirevision"] == recoloured["xaxis"]["uirevision"]
    assert first["xaxis"]["uirevision"] != other["xaxis"]["uirevision"]


def test_what_the_mouse_is_told_is_sent_once_and_is_shown_as_it_is() -> None:
    long = "Suggested: it is <b>unlike</b> all the others & lies far away from any labelled case."
    words = hover_words(["Labelled", long, "Labelled"])
    assert words["of"] == [0, 1, 0]
    first, second = words["texts"]
    assert first == "Labelled"
    assert all(len(line) <= 60 for line in second.split("<br>"))
    assert "&lt;b&gt;unlike&lt;/b&gt;" in second
    assert "&amp;" in second


def test_the_learning_curve_has_the_scores_and_their_quartiles() -> None:
    scores = [score(16, 0.8), score(8, 0.6), score(8, 0.5, "cross-validation")]
    data = learning_curve(scores)["data"]
    by_name = {trace.get("name"): trace for trace in data}
    test = by_name["Test cases: mean"]
    assert (test["x"], test["y"]) == ([8, 16], [0.6, 0.8])
    band = by_name["Test cases: quartiles"]
    assert band["fill"] == "tonexty"
    assert band["y"] == pytest.approx([0.65, 0.85])
    assert data[data.index(band) - 1]["y"] == pytest.approx([0.5, 0.7])
    assert by_name["Cross-validation: mean"]["y"] == [0.5]
    assert learning_curve([])["data"] == []


def test_quartiles_of_a_first_round_are_seen() -> None:
    """A line through one point is not: each of its ends has a mark of its own."""
    data = learning_curve([score(8, 0.6)])["data"]
    seen = sorted(trace["y"][0] for trace in data if "markers" in trace["mode"])
    assert seen == pytest.approx([0.5, 0.6, 0.65])


def test_the_axis_of_a_training_names_what_is_drawn() -> None:
    history = [{"epoch": 1, "loss": 2.0}]
    assert training_curve(history)["layout"]["yaxis"]["title"]["text"] == "Loss"
    history = [{"epoch": 1, "loss": 2.0, "validation_dice": 0.4}]
    title = training_curve(history)["layout"]["yaxis"]["title"]["text"]
    assert title == "Loss and Validation Dice"


def test_an_epoch_that_comes_again_replaces_the_one_before() -> None:
    history = [
        {"epoch": 1, "loss": 2.0, "validation_dice": None},
        {"epoch": 2, "loss": float("nan"), "validation_dice": 0.4},
        {"epoch": 3, "loss": 1.0},
        {"epoch": 1, "loss": 1.5},
        {"loss": 9.0},
    ]
    loss, dice = training_curve(history)["data"]
    assert (loss["name"], loss["x"], loss["y"]) == ("Loss", [1, 3], [1.5, 1.0])
    assert (dice["name"], dice["x"], dice["y"]) == ("Validation Dice", [2], [0.4])
    assert training_curve([])["data"] == []
