"""The file that says what a benchmark compares: TOML, a table for each data set.

```toml
title = "Three small sets"
strategies = ["random", "levy", "typiclust+entropy", "kmeans@once", "full"]
seeds = 11                    # from first_seed on, which is 43 as in Levy et al. 2026
test_fraction = 0.2
reference = "random"          # what the others are compared with

[training]                    # training settings for every data set
steps = 300

[[data]]
name = "hippocampus"
images = "hippocampus/images" # below the folder that --data names, or the file's own
labels = "hippocampus/labels"
patients = "hippocampus/dataset.json"  # a table, or a regular expression; may be left out
budgets = [5, 11, 21, 42]     # labelled after each round, or shares of the pool: ["3%", "30%"]
unit = "case"                 # or "slice"
encoder = "descriptor"
encoder_parameters = {}
[data.training]               # what differs from [training]
spacing = [2, 2, 2]
[data.autoencoder]            # of the one that strategies with `difficulty` train
epochs = 10
```
"""

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ActiveSeedLib.benchmark.minutes import MODEL
from ActiveSeedLib.benchmark.protocol import FIRST_SEED, Protocol
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features import DEFAULT_ENCODER
from ActiveSeedLib.registry import parse_parameters
from ActiveSeedLib.segmentation.settings import WITHOUT_INFLUENCE, TrainSettings

SHIPPED = Path(__file__).with_name("configs")
_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")


@dataclass(frozen=True)
class DataSet:
    """One data set of a benchmark; fields as in the file, `training` with what is common."""

    name: str
    images: str
    labels: str
    budgets: list[int | str]
    patients: str | None = None
    unit: Literal["case", "slice"] = "case"
    encoder: str = DEFAULT_ENCODER
    encoder_parameters: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    autoencoder: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.+-]*", self.name):
            raise InputError(
                f"A data set is called {self.name!r}: use letters, digits and, after "
                "the first, any of . + - _, as it names a folder."
            )
        TrainSettings.from_json(self.training)
        self.budgets_of(10**6, 0.2)

    def budgets_of(self, units: int, test_fraction: float) -> tuple[int, ...]:
        """Return the budgets in cases or slices.

        Args:
            units: cases or slices of the data set; a share is one of those that are not for
                testing, rounded, the same for every seed.
            test_fraction: share that is.
        """
        budgets = []
        for budget in self.budgets:
            share = _SHARE.fullmatch(budget) if isinstance(budget, str) else None
            if share is None and (isinstance(budget, str) or not math.isfinite(budget)):
                raise InputError(
                    f"A budget of {self.name} is {budget!r}: write a number, or a share as '5%'."
                )
            if share is not None:
                pool = units * (1 - test_fraction)
                budgets.append(max(1, round(pool * float(share.group(1)) / 100)))
            else:
                budgets.append(int(budget))
        return tuple(budgets)


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark compares; fields as in the file."""

    strategies: list[str]
    data: list[DataSet]
    title: str = "Benchmark"
    seeds: int = 11
    first_seed: int = FIRST_SEED
    test_fraction: float = 0.2
    reference: str = "random"

    def __post_init__(self) -> None:
        if not self.data:
            raise InputError("The benchmark names no data set: add a [[data]].")
        names = [one.name for one in self.data]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"Two data sets are called {name}: give each its own name.")
        for one in self.data:
            self.protocol(one, one.budgets_of(10**6, self.test_fraction))

    @property
    def all_seeds(self) -> list[int]:
        """The seeds of all repetitions."""
        return list(range(self.first_seed, self.first_seed + self.seeds))

    def protocol(self, data: DataSet, budgets: tuple[int, ...]) -> Protocol:
        """Return what is compared on one data set; `InputError` if that cannot be."""
        try:
            return Protocol(
                tuple(self.strategies), budgets, self.seeds, self.test_fraction, self.first_seed
            )
        except InputError as error:
            raise InputError(f"{data.name}: {error}") from error

    def describe(self) -> list[str]:
        """Return what is compared, in sentences."""
        sentences = [
            "Paired runs: for one seed every strategy meets the same test cases "
            f"({self.test_fraction:.0%} of all, whole patients), the same initial weights and "
            "order of batches; only the labelled cases differ. Label maps play the annotator.",
            "With @once all cases of each budget are chosen at once, as if nothing were labelled; "
            "a plus joins the strategies of the first and of all later rounds; full labels the "
            "whole pool. Minutes of annotation are an assumption: "
            + ", ".join(f"{value:g} {name}" for name, value in MODEL.items())
            + ".",
        ]
        for data in self.data:
            settings = ", ".join(f"{name} {value}" for name, value in data.training.items())
            sentences.append(
                f"{data.name}: {', '.join(map(str, data.budgets))} labelled "
                f"{data.unit}s; encoder {data.encoder}; training: {settings or 'as by default'}."
            )
        return sentences

    def digest(self, data: DataSet) -> str:
        """Return a short hash of all in the file that determines a row of one data set.

        Seeds and strategies do not: further ones extend a table.
        """
        training = TrainSettings.from_json(data.training).to_json()
        without = (*WITHOUT_INFLUENCE, "seed")  # the seed is a column of its own
        facts = {
            **{name: value for name, value in asdict(data).items() if name not in _PLACES},
            "training": {n: v for n, v in training.items() if n not in without},
            "patients": data.patients is not None,
            "test_fraction": self.test_fraction,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


_PLACES = ("name", "images", "labels")


def shipped() -> list[str]:
    """Return the names of the configurations that come with ActiveSeed."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def find_config(name: str) -> Path:
    """Return the file that `name` means: a path, or a configuration that comes with ActiveSeed."""
    path = Path(name)
    if path.is_file():
        return path
    if name in shipped():
        return SHIPPED / f"{name}.toml"
    raise InputError(
        f"There is no file {name}; name a configuration of your own, or one that comes with "
        f"ActiveSeed: {', '.join(shipped())}."
    )


def read_config(path: Path, data: Path | None = None) -> Benchmark:
    """Return what a file says.

    Args:
        path: of the file.
        data: folder below which the data sets lie; by default the file's own.

    Raises:
        InputError: it cannot be read, or something in it is wrong; the message names it.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read as TOML ({error}).") from error
    folder = path.parent if data is None else data
    common = content.pop("training", {})
    try:
        sets = [_data_set(one, common, folder.absolute()) for one in content.pop("data", [])]
        return parse_parameters("the benchmark", Benchmark, {**content, "data": sets})
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _data_set(values: Any, common: Mapping[str, Any], folder: Path) -> DataSet:
    if not isinstance(values, dict):
        raise InputError("data is not a list of tables: begin each with [[data]].")
    placed = dict(values)
    for name in ("images", "labels"):
        if isinstance(values.get(name), str):
            placed[name] = str(folder / values[name])
    rule = values.get("patients")
    if isinstance(rule, str) and (folder / rule).is_file():
        placed["patients"] = str(folder / rule)
    placed["training"] = {**common, **values.get("training", {})}
    return parse_parameters("a data set", DataSet, placed)
