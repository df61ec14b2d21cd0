"""Where the per-case work of a command is done: here, or on a cluster."""

import argparse
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.executor.current import executing
from ActiveSeedLib.executor.settings import VARIABLE, executor_settings
from ActiveSeedLib.project.received import check_links
from ActiveSeedLib.project.store import DATABASE
from ActiveSeedLib.registry import read_assignments

_LOOK_SECONDS = 2.0
_OPTIONS = ("executor", "partition", "gpus_per_task", "cpus_per_task", "time", "array_width")


def add_executor(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where each case is encoded, predicted and scored."""
    group = parser.add_argument_group(
        "where each case is encoded, predicted and scored",
        f"The environment variable {VARIABLE} holds what these options do not say.",
    )
    group.add_argument(
        "--executor",
        choices=("local", "slurm", "shared"),
        help="local: on this machine, in a process a GPU; slurm: in a job array; shared: where "
        "activeseed tasks runs",
    )
    group.add_argument("--partition", help="of the cluster")
    group.add_argument("--gpus-per-task", type=int, metavar="N", help="GPUs of a task (0)")
    group.add_argument("--cpus-per-task", type=int, metavar="N", help="cores of a task (1)")
    group.add_argument("--time", type=int, metavar="MIN", help="minutes a task may take (60)")
    group.add_argument(
        "--array-width", type=int, metavar="W", help="tasks at a time (default: a GPU each, or 16)"
    )
    group.add_argument(
        "--slurm",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other option of sbatch: account=lab, mem=16G",
    )


def executor_params(options: argparse.Namespace) -> dict[str, Any]:
    """Return the parameter of a job that the options ask for; {} where they ask for nothing.

    Raises:
        InputError: an option is wrong.
    """
    chosen = {name: getattr(options, name, None) for name in _OPTIONS}
    chosen["slurm"] = read_assignments(getattr(options, "slurm", [])) or None
    values = {name: value for name, value in chosen.items() if value is not None}
    if not values:
        return {}
    executor_settings(values)
    return {"executor": values}


def set_executor(options: argparse.Namespace) -> None:
    """Let the jobs of all processes started from here use the executor that the options ask for."""
    for values in executor_params(options).values():
        words = [f"{name}={json.dumps(value)}" for name, value in values.items()]
        os.environ[VARIABLE] = " ".join([os.environ.get(VARIABLE, ""), shlex.join(words)])


def tasks(options: argparse.Namespace) -> None:
    """Begin the tasks that jobs on other machines ask for, until Ctrl+C."""
    from ActiveSeedLib.jobs.shards import task_server

    project = Path(options.project).absolute()
    if not (project / DATABASE).is_file():
        raise InputError(f"{project} is not an ActiveSeed project: it has no {DATABASE}.")
    check_links(project)
    settings = executor_settings(executor_params(options).get("executor"))
    if settings.executor == "shared":
        raise InputError("The tasks are begun here: choose the executor local or slurm.")
    with executing(settings):
        server = task_server(project, settings)
        print(f"Tasks for {project} begin here; Ctrl+C ends them.", file=sys.stderr, flush=True)
        said = None
        try:
            while True:
                if (counts := server.look()) != said and not options.json:
                    said = counts
                    print(f"{counts['run']} tasks run, {counts['wait']} wait.", flush=True)
                time.sleep(min(settings.poll, _LOOK_SECONDS))
        finally:
            server.close()
