"""Which executor per-case work goes to, and what it may use."""

import os
import shlex
from dataclasses import dataclass, field
from typing import Any, Literal

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.registry import parse_parameters, read_assignments

VARIABLE = "ACTIVESEED_EXECUTOR"
"""The environment variable that holds the settings of jobs that are given none: NAME=VALUE …"""


@dataclass(frozen=True)
class ExecutorSettings:
    """Where per-case work is done.

    Attributes:
        executor: "local": in this process or, with several GPUs, in one process each; "slurm": in
            the tasks of a job array; "shared": in tasks that `activeseed tasks` begins on another
            machine, which sees the project's folder.
        array_width: tasks at a time; by default a GPU each locally, 16 on a cluster.
        partition: of SLURM; its default one if None.
        gpus_per_task: how many GPUs SLURM gives a task.
        cpus_per_task: how many cores SLURM gives a task.
        time: minutes that a task may take; what it has not done goes to another one.
        retries: how often a shard that ends with nothing done is given to another task.
        poll: seconds between two questions to SLURM.
        slurm: further options of sbatch, such as {"account": "lab", "mem": "16G"}.
    """

    executor: Literal["local", "slurm", "shared"] = "local"
    array_width: int | None = None
    partition: str | None = None
    gpus_per_task: int = 0
    cpus_per_task: int = 1
    time: int = 60
    retries: int = 2
    poll: float = 5.0
    slurm: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        least = {"array_width": 1, "gpus_per_task": 0, "cpus_per_task": 1, "time": 1, "retries": 0}
        for name, lowest in least.items():
            value = getattr(self, name)
            if value is not None and value < lowest:
                words = name.replace("_", " ")
                raise InputError(f"The executor's {words} must be at least {lowest}, not {value}.")


def executor_settings(values: dict[str, Any] | None = None) -> ExecutorSettings:
    """Return the settings that `values` and, where they say nothing, the environment describe.

    Raises:
        InputError: a name or a value is wrong.
    """
    usual = read_assignments(shlex.split(os.environ.get(VARIABLE, "")))
    return parse_parameters("executor", ExecutorSettings, {**usual, **(values or {})})
