"""The files of a benchmark's runs: out/<data set>/runs/seed-<seed>/<strategy>.json.

A file holds the rows of one strategy on one seed, and beside them all that is known of each round:
the picks with their reasons, the scores of every test case. It is written when the run is done.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ActiveSeedLib.benchmark.table import Row
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import make_folder, write_json

SPLIT = "split.json"
"""Beside the runs of a seed: names and places on the map of pool and test cases."""


def seed_folder(out: Path, data: str, seed: int) -> Path:
    """Return where the runs of one seed of a data set lie."""
    return out / data / "runs" / f"seed-{seed}"


def write_run(folder: Path, rows: Sequence[Row], records: Sequence[Mapping[str, Any]]) -> Path:
    """Write what one strategy came to on one seed, atomically; return the file."""
    path = make_folder(folder) / f"{_file_name(rows[0].strategy)}.json"
    write_json(path, {"rows": [asdict(row) for row in rows], "records": list(records)})
    return path


def read_runs(out: Path) -> Iterator[Row]:
    """Yield the rows of all runs below `out`."""
    for path in sorted(out.glob("*/runs/seed-*/*.json")):
        if path.name != SPLIT:
            for values in json.loads(path.read_text(encoding="utf-8"))["rows"]:
                yield Row(**{**values, "picks": tuple(values["picks"])})


def read_records(out: Path, data: str, seed: int, strategy: str) -> list[dict[str, Any]]:
    """Return the records of one run, a round each; empty if it has no file."""
    path = seed_folder(out, data, seed) / f"{_file_name(strategy)}.json"
    if not path.is_file():
        return []
    records: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["records"]
    return records


def labelled_at(records: Sequence[Mapping[str, Any]], budget: int) -> list[str]:
    """Return the names of the cases that a run has labelled at a budget.

    Raises:
        InputError: the run has no such budget.
    """
    names: list[str] = []
    for record in records:
        picks = [pick["case"] for pick in record["picks"]]
        names = picks if record["round"] == 1 else names + picks
        if record["budget"] == budget:
            return names
    raise InputError(f"There is no run with {budget} labelled.")


def _file_name(strategy: str) -> str:
    """Return a name for a file that no system refuses, and no other strategy has."""
    plain = re.sub(r"[^\w.@+-]", "_", strategy)
    return plain if plain == strategy else f"{plain}-{strategy.encode().hex()[-8:]}"
