"""The README's results: Levy cold start and one active round against random, on real images.

Run it with `make results` (an hour on two cores), or name the sets to run.
It prints Markdown; every run is kept in results/ and is not done twice.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from ActiveSeedLib.worker.client import WorkerClient

PROJECT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ACTIVESEED_DATA", PROJECT.parent / "shared"))
SETS: dict[str, dict[str, Any]] = {
    "cxr_lung": {"budgets": [8, 16], "settings": {"epochs": 60, "mixed_precision": "bf16"}},
    "hippocampus": {"budgets": [8, 16], "settings": {"epochs": 100}},
    "us_nerve_vessel": {"budgets": [8, 16], "settings": {"epochs": 60, "mixed_precision": "bf16"}},
}


def run(name: str, strategies: list[str], seeds: int, out: Path) -> dict[str, Any]:
    """Simulate on one data set and return the whole report."""
    data = SHARED / "data" / name

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "progress" and event["fraction"] - on_event.last > 0.01:  # type: ignore[attr-defined]
            on_event.last = event["fraction"]  # type: ignore[attr-defined]
            print(
                f"{time.strftime('%H:%M:%S')} {event['fraction']:.0%} {event['step']}", flush=True
            )

    on_event.last = 0.0  # type: ignore[attr-defined]
    params = {
        "images": str(data / "images"),
        "labels": str(data / "labels"),
        "patients": str(data / "dataset.json"),
        "out": str(out / name),
        "strategies": strategies,
        "seeds": seeds,
        **SETS[name],
    }
    with WorkerClient() as client:
        client.run("simulate", params, on_event)
    report: dict[str, Any] = json.loads((out / name / "results.json").read_text(encoding="utf-8"))
    return report


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return rows as a Markdown table."""
    names = list(rows[0])

    def cell(value: Any) -> str:
        if value is None:
            return "–"
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    lines = [names, ["---"] * len(names), *([cell(row[n]) for n in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=["cxr_lung", "hippocampus"])
    parser.add_argument("--strategies", default="levy,random")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=PROJECT / "results")
    options = parser.parse_args()
    for one in options.sets:
        found = run(one, options.strategies.split(","), options.seeds, options.out.absolute())
        print(f"\n### {one}\n\n{markdown(found['summary'])}\n\n{markdown(found['paired'])}\n")
