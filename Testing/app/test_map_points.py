"""The map as groups of points."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.app.map_points import (
    COLOURINGS,
    PointGroup,
    colour_words,
    map_groups,
    write_map_csv,
)
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.errors import InputError
from Testing.app.conftest import WHOLE

Key = Callable[[int], str]


@pytest.fixture
def mapped(session: Session, key: Key) -> Session:
    """Cases 0 to 4 and the test case are on the map; case n lies at (n, −n)."""
    points = {key(n): (float(n), float(-n)) for n in (0, 1, 2, 3, 4, 6)}
    session.project.save_map("map", {}, points)
    return session


def described(groups: list[PointGroup]) -> dict[str, tuple[str, ...]]:
    return {group.name: group.names for group in groups}


def test_without_a_map_there_is_nothing_to_draw(session: Session, tmp_path: Path) -> None:
    assert all(map_groups(session.project, colouring) == [] for colouring in COLOURINGS)
    with pytest.raises(InputError, match="no map yet"):
        write_map_csv(tmp_path / "map.csv", session.project)
    with pytest.raises(InputError, match="no colouring 'colour'"):
        map_groups(session.project, "colour")


@pytest.mark.parametrize("colouring", COLOURINGS)
def test_every_point_is_drawn_once_where_it_lies(
    mapped: Session,
    key: Key,
    colouring: str,
    select: Callable[..., int],
    add_model: Callable[..., str],
    predict: Callable[..., None],
) -> None:
    select(0, 1)
    model = add_model(dice={key(6): 0.75, key(2): 0.55})
    for number in (1, 3, 6):
        predict(key(number), model, entropy=0.1 * number)
    groups = map_groups(mapped.project, colouring)
    keys = Counter(one for group in groups for one in group.keys)
    assert keys == Counter(key(n) for n in (0, 1, 2, 3, 4, 6))
    for group in groups:
        assert len(group.keys) == len(group.names) == len(group.xy) > 0
        assert group.color.startswith("#")
        assert len(group.color) == 7
        assert (group.marker == "triangle") == (group.keys == (key(6),))
        for name, (x, y) in zip(group.names, group.xy, strict=True):
            assert (x, y) == (float(name[-1]), -float(name[-1]))
        assert (group.values is not None) == (colouring in ("entropy", "dice"))
    assert len({(group.name, group.marker) for group in groups}) == len(groups)


def test_by_status(mapped: Session, key: Key, select: Callable[..., int]) -> None:
    select(0, 1)
    mapped.start(key(1))
    mapped.save(key(2), WHOLE, 0, done=True)
    mapped.exclude(key(3))
    assert described(map_groups(mapped.project, "status")) == {
        "Not labelled": ("case_4",),
        "Excluded": ("case_3",),
        "Labelled": ("case_2",),
        "In progress": ("case_1",),
        "Suggested": ("case_0",),
        "Test": ("case_6",),
    }


def test_by_cluster_and_by_round(mapped: Session, key: Key, select: Callable[..., int]) -> None:
    select(0, 1)
    mapped.queue_by_hand(key(2))
    assert described(map_groups(mapped.project, "cluster")) == {
        "Group 1": ("case_0", "case_2", "case_4"),
        "Group 2": ("case_1", "case_3"),
        "No group (test)": ("case_6",),
    }
    mapped.save(key(6), WHOLE, 0, done=True)  # a test case with a label map was not chosen
    assert described(map_groups(mapped.project, "round")) == {
        "Not chosen": ("case_3", "case_4"),
        "By hand": ("case_2",),
        "Round 1": ("case_0", "case_1"),
        "Not chosen (test)": ("case_6",),
    }


def test_what_is_chosen_lies_over_what_is_not(
    mapped: Session, key: Key, select: Callable[..., int]
) -> None:
    select(0, 1)
    mapped.start(key(1))
    names = [group.name for group in map_groups(mapped.project, "status")]
    assert names == ["Not labelled", "Test", "In progress", "Suggested"]
    names = [group.name for group in map_groups(mapped.project, "round")]
    assert names == ["Not chosen", "Not chosen (test)", "Round 1"]


def test_it_is_said_why_all_points_are_grey(
    mapped: Session, key: Key, add_model: Callable[..., str], predict: Callable[..., None]
) -> None:
    def words(colouring: str) -> str:
        return colour_words(colouring, map_groups(mapped.project, colouring))

    assert words("status") == ""
    assert words("round") == "No case has been chosen yet."
    assert words("entropy") == "No model has predicted these cases yet."
    assert words("dice") == "No model has been scored on these cases yet."
    model = add_model(dice={key(6): 0.75})
    predict(key(1), model, entropy=0.1)
    assert words("entropy") == "Dark: sure; yellow: unsure; grey: not known."
    assert words("dice") == "Dark: low; yellow: high; grey: not known."


def test_numbers_come_in_bins_with_those_that_have_none_apart(
    mapped: Session,
    key: Key,
    add_model: Callable[..., str],
    predict: Callable[..., None],
) -> None:
    model = add_model(dice={key(6): 1.0, key(2): 0.55, key(3): 0.5, key(1): 0.1})
    groups = map_groups(mapped.project, "dice")
    assert described(groups) == {
        "No value": ("case_0", "case_4"),
        "Dice 0.0 to 0.5": ("case_1",),
        "Dice 0.5 to 0.6": ("case_2", "case_3"),
        "Dice 0.9 to 1.0 (test)": ("case_6",),
    }
    for number in (0, 1, 2, 3):
        predict(key(number), model, entropy=0.1 * (number + 1))
    groups = map_groups(mapped.project, "entropy")
    assert described(groups)["No value"] == ("case_4",)
    with_value = [group for group in groups if not group.name.startswith("No value")]
    values = [value for group in with_value for value in group.values.tolist()]
    assert values == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert len({group.color for group in with_value}) == len(with_value)
    for number in (0, 1, 2, 3):
        predict(key(number), model, entropy=0.3)
    assert len([g for g in map_groups(mapped.project, "entropy") if "nats" in g.name]) == 1


def test_the_table_holds_every_colouring(
    mapped: Session,
    key: Key,
    select: Callable[..., int],
    add_model: Callable[..., str],
    predict: Callable[..., None],
    tmp_path: Path,
) -> None:
    select(0, 1)
    model = add_model(dice={key(6): 0.75})
    predict(key(1), model, entropy=0.25)
    write_map_csv(tmp_path / "map.csv", mapped.project)
    with (tmp_path / "map.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert list(rows) == [f"case_{n}" for n in (0, 1, 2, 3, 4, 6)]
    one = rows["case_1"]
    assert (one["status"], one["round"], one["cluster"]) == ("suggested", "1", "2")
    assert (float(one["x"]), float(one["y"]), float(one["entropy"])) == (1.0, -1.0, 0.25)
    assert (rows["case_6"]["dice"], rows["case_6"]["cluster"]) == ("0.75", "")
    assert np.isfinite([float(row["x"]) for row in rows.values()]).all()
