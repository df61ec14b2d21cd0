"""The benchmark's one table: a row for each data set, strategy, seed and budget.

Tables of several machines merge: a row says what determined it (`protocol`, `cohort`, `encoder`)
and where it was computed.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import csv_text, write_bytes

FULL = "full"
"""Named as a strategy: the whole pool is labelled, which is what full supervision reaches."""


@dataclass(frozen=True)
class Row:
    """One trained model, scored on the test cases of its seed.

    Attributes:
        data: name of the data set.
        strategy: as the protocol names it, such as "typiclust+entropy" or "kmeans@once".
        seed: of split, map, selection, initial weights and order of batches.
        budget: labelled cases (or slices).
        round: how many selections led to them.
        pool: cases (or slices) that could be labelled.
        tested: test cases.
        dice: mean over the test cases of the mean over the classes; `dice_median` their median.
        hd95: the same for the 95 % Hausdorff distance, in mm (of images without a size: pixels).
        minutes: of annotation, by `benchmark.minutes`.
        slices: of the labelled cases that show a structure.
        voxels: of the labelled cases.
        foreground: of these, the labelled voxels.
        select_seconds: to choose the last cases; `train_seconds`, `predict_seconds` (test cases
            and pool) and `measure_seconds` (further passes) likewise, on one machine.
        picks: names of the cases chosen in this round, in order.
        protocol: digest of all in the configuration that determines the row.
        cohort: digest of the images' and label maps' content.
        encoder: its hash.
        device: "cpu" or the GPU's name.
        machine: as Python names it.
        versions: of ActiveSeed, torch and monai, such as "activeseed 0.1.0, torch 2.13.0".
    """

    data: str
    strategy: str
    seed: int
    budget: int
    round: int
    pool: int
    tested: int
    dice: float
    dice_median: float
    hd95: float
    hd95_median: float
    minutes: float
    slices: int
    voxels: int
    foreground: int
    select_seconds: float
    train_seconds: float
    predict_seconds: float
    measure_seconds: float
    picks: tuple[str, ...]
    protocol: str
    cohort: str
    encoder: str
    device: str
    machine: str
    versions: str

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What no two rows of a table share: data set, strategy, seed, budget."""
        return self.data, self.strategy, self.seed, self.budget


COLUMNS = tuple(field.name for field in dataclasses.fields(Row))


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write `rows` as CSV, sorted by data set, seed, strategy and budget; atomically."""
    ordered = sorted(rows, key=lambda row: (row.data, row.seed, row.strategy, row.budget))
    cells = [
        {**dataclasses.asdict(row), "picks": json.dumps(row.picks, ensure_ascii=False)}
        for row in ordered
    ]
    # lines end alike on every system, and in version control
    write_bytes(path, csv_text(cells, COLUMNS).replace("\r\n", "\n").encode())


def read_table(path: Path) -> list[Row]:
    """Return the rows of a table that `write_table` wrote.

    Raises:
        InputError: it cannot be read, or is no such table; the message names file, line and column.
    """
    try:
        lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The table {path} cannot be read ({error}).") from error
    missing = [name for name in COLUMNS if not lines or name not in lines[0]]
    if missing:
        raise InputError(
            f"{path} is not a benchmark's table: it has no column {missing[0]}. Name a results.csv "
            "that activeseed benchmark wrote."
        )
    return [
        _parsed(dict(zip(lines[0], line, strict=False)), f"{path}, line {number}")
        for number, line in enumerate(lines[1:], start=2)
    ]


def _parsed(cells: dict[str, str], place: str) -> Row:
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Row):
        text = cells.get(field.name, "")
        try:
            if field.name == "picks":
                values[field.name] = tuple(str(name) for name in json.loads(text))
            elif field.type in (int, float, str):
                values[field.name] = field.type(text)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{place}: the column {field.name} holds {text[:60]!r}, which is not what "
                "belongs there."
            ) from error
    return Row(**values)


def merge(tables: Sequence[Iterable[Row]]) -> list[Row]:
    """Return the rows of all tables, each run once; of a run that several hold, the first's.

    Raises:
        InputError: rows of one data set were made by different protocols, cohorts or encoders.
    """
    merged: dict[tuple[str, str, int, int], Row] = {}
    first: dict[str, Row] = {}
    for row in (row for table in tables for row in table):
        known = first.setdefault(row.data, row)
        for name in ("protocol", "cohort", "encoder"):
            if getattr(row, name) != getattr(known, name):
                raise InputError(
                    f"The tables do not belong together: the {name} of {row.data} is "
                    f"{getattr(known, name)} in one row and {getattr(row, name)} in another. Merge "
                    "tables of the same configuration and images."
                )
        merged.setdefault(row.key, row)
    return list(merged.values())
