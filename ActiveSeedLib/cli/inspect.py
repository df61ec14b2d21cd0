"""`activeseed inspect`: whether an encoder is worth trusting on this pool."""

from argparse import Namespace
from typing import Any

from ActiveSeedLib.app.inspection import encoder_report
from ActiveSeedLib.cli.output import print_json
from ActiveSeedLib.cli.running import runner
from ActiveSeedLib.registry import read_assignments


def inspect(options: Namespace) -> None:
    """Tell what an encoder is good for before any case is labelled."""
    params: dict[str, Any] = {
        "budget": options.budget,
        "encoder": options.encoder,
        "encoder_parameters": read_assignments(options.encoder_parameters),
        "map_method": options.map_method,
        "seed": options.seed,
    }
    with runner(options) as run:
        result = run.on_project("inspect", options.project, params)
    report = encoder_report(result)
    if options.json:
        return print_json({**result, "sentence": report.verdict, "findings": report.findings})
    return print(report.text())
