"""What a simulation found, as rows, text and pictures."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.files import write_bytes, write_json
from ActiveSeedLib.pictures import draw_learning_curves

COLUMNS = (
    "strategy",
    "seed",
    "budget",
    "round",
    "minutes",
    "dice",
    "dice_median",
    "hd95",
    "hd95_median",
)
Record = Mapping[str, Any]


def summarise(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return a row for each strategy and budget: mean, standard deviation and median over seeds.

    The standard deviation is that of the sample (n − 1), None for a single seed.
    """
    groups: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        groups[record["strategy"], record["budget"]].append(record)
    rows = []
    for (strategy, budget), group in groups.items():
        row: dict[str, Any] = {"strategy": strategy, "budget": budget, "seeds": len(group)}
        for measure in ("dice", "hd95"):
            values = np.array([record[measure] for record in group])
            row[f"{measure} mean"] = float(values.mean())
            row[f"{measure} std"] = float(values.std(ddof=1)) if len(values) > 1 else None
            row[f"{measure} median"] = float(np.median(values))
        rows.append(row)
    return rows


def compare(records: Sequence[Record], baseline: str = "random") -> list[dict[str, Any]]:
    """Return the paired differences of each strategy to `baseline`, seed by seed, for each budget.

    A positive Dice difference and a negative HD95 difference favour the strategy. Empty if the
    baseline was not run.
    """
    reference = {(r["seed"], r["budget"]): r for r in records if r["strategy"] == baseline}
    groups: dict[tuple[str, int], list[tuple[Record, Record]]] = defaultdict(list)
    for record in records:
        partner = reference.get((record["seed"], record["budget"]))
        if record["strategy"] != baseline and partner is not None:
            groups[record["strategy"], record["budget"]].append((record, partner))
    rows = []
    for (strategy, budget), pairs in groups.items():
        dice = np.array([a["dice"] - b["dice"] for a, b in pairs])
        hd95 = np.array([a["hd95"] - b["hd95"] for a, b in pairs])
        rows.append(
            {
                "strategy": strategy,
                "budget": budget,
                "pairs": len(pairs),
                f"dice − {baseline}": float(dice.mean()),
                "better in": f"{int((dice > 0).sum())} of {len(pairs)}",
                f"hd95 − {baseline}": float(hd95.mean()),
            }
        )
    return rows


def write_report(
    folder: Path, records: Sequence[Record], provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """Write results.json, results.csv and learning_curves.png into `folder`; return the summary."""
    result = {
        "summary": summarise(records),
        "paired": compare(records),
        "provenance": dict(provenance),
        "records": list(records),
    }
    write_json(folder / "results.json", result)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(records)
    write_bytes(folder / "results.csv", text.getvalue().encode())
    curves: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        curves[record["strategy"]][record["budget"]].append(record["dice"])
    draw_learning_curves(folder / "learning_curves.png", curves, "Dice")
    return result
