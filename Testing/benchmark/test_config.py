"""The file that says what a benchmark compares."""

from pathlib import Path
from typing import Any

import pytest

from ActiveSeedLib.benchmark.config import DataSet, find_config, read_config, shipped
from ActiveSeedLib.errors import InputError

PLAIN = """
title = "Small"
strategies = ["random", "kmeans@once", "full"]
seeds = 2
[training]
steps = 4
decay = "on"
[[data]]
name = "one"
images = "one/images"
labels = "one/labels"
budgets = [2, "50%"]
[data.training]
channels = [8, 16]
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "benchmark.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_with_what_is_common_to_all_sets(tmp_path: Path) -> None:
    found = read_config(_write(tmp_path, PLAIN))
    (one,) = found.data
    assert (found.title, found.seeds, found.first_seed, found.reference) == (
        "Small",
        2,
        43,
        "random",
    )
    assert one.training == {"steps": 4, "decay": "on", "channels": [8, 16]}
    assert Path(one.images) == tmp_path / "one" / "images"
    assert Path(read_config(_write(tmp_path, PLAIN), Path("/data")).data[0].images) == Path(
        "/data/one/images"
    )
    # of 20 cases 16 are not for testing, whatever the seed
    assert one.budgets_of(20, 0.2) == (2, 8)


@pytest.mark.parametrize("name", shipped())
def test_those_that_come_along_can_be_read(name: str, tmp_path: Path) -> None:
    found = read_config(find_config(name), tmp_path)
    assert found.data
    assert found.reference in found.strategies


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"random",', '"randon",', "no strategy called 'randon'"),
        ("steps = 4", "step = 4", "no training setting 'step'"),
        ("steps = 4", "steps = 4\nepochs = 2", "not both"),
        ('"50%"', '"half"', "'half': write a number, or a share"),
        ("budgets =", "budget =", "no parameter 'budget'"),
        ('labels = "one/labels"', "", "needs the parameter labels"),
        ('name = "one"', 'name = "../one"', "names a folder"),
        ("[[data]]", "[data]", "begin each with"),
        ('title = "Small"', "title = ", "cannot be read as TOML"),
        ("seeds = 2", 'seeds = "two"', "must be a whole number"),
        ("kmeans@once", "levy-active@once", "needs a trained model"),
        ("kmeans@once", "levy+kmeans@once", "it may join 2"),
    ],
)
def test_a_slip_is_told_with_the_file(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in PLAIN
    path = _write(tmp_path, PLAIN.replace(before, after))
    with pytest.raises(InputError, match=said) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


def test_two_sets_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Two data sets are called one"):
        read_config(_write(tmp_path, PLAIN + PLAIN[PLAIN.index("[[data]]") :]))


def test_the_digest_tells_what_determines_a_row(tmp_path: Path) -> None:
    def digest(text: str, **changed: Any) -> str:
        found = read_config(_write(tmp_path, text))
        (one,) = found.data
        return found.digest(DataSet(**{**vars(one), **changed}))

    base = digest(PLAIN)
    assert digest(PLAIN, images="elsewhere") == base
    assert digest(PLAIN.replace("seeds = 2", "seeds = 9").replace('"random",', "")) == base
    assert digest(PLAIN, training={"steps": 4, "decay": "on", "channels": (8, 16)}) == base
    assert digest(PLAIN, budgets=[2, 4]) != base
    assert digest(PLAIN.replace("steps = 4", "steps = 5")) != base
    assert digest("test_fraction = 0.3\n" + PLAIN) != base


def test_a_name_that_is_no_file_is_told_what_there_is() -> None:
    with pytest.raises(InputError, match="three-small-sets"):
        find_config("nothing.toml")
