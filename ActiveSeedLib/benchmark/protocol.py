"""What a simulation compares: strategies, budgets and seeds, checked before all computing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ActiveSeedLib.benchmark.table import FULL
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.registry import read_assignments
from ActiveSeedLib.selection.columns import NEIGHBOURS
from ActiveSeedLib.selection.strategy import strategies
from ActiveSeedLib.selection.wanted import Wanted, is_of_model, wanted

STANDING = ("difficulty", "patients", "sam_uncertainty")
"""The measures of a pool that no training changes, and that are known in a simulation."""
Spec = tuple[str, dict[str, Any]]
ONCE = "@once"
FIRST_SEED = 43  # seeds are 42 + r, r = 1, 2, … (Levy et al. 2026, section 4.1.2)


@dataclass(frozen=True)
class Course:
    """How the labelled cases of one strategy come about: names and parameters.

    Attributes:
        first: chooses the first cases.
        later: chooses all later ones.
        once: `first` chooses all cases of each budget at once, as if nothing were labelled.
    """

    first: Spec
    later: Spec
    once: bool = False


@dataclass(frozen=True)
class Protocol:
    """What is compared, and how.

    Attributes:
        strategies: names of the registry, each optionally with parameters: "levy:alpha=0.5". Two
            with a plus between, such as "typiclust+entropy": for the first cases, and for all
            later ones. With "@once", such as "kmeans@once", all cases of each budget are chosen at
            once, as if nothing were labelled. "full" labels the whole pool.
        budgets: labelled cases after each round, growing: the first is the cold start.
        seeds: how many repetitions; each uses its seed for everything: `first_seed`, the next, …
        test_fraction: share of the cases, whole patients, held out for scoring.
        first_seed: by default the paper's.
    """

    strategies: tuple[str, ...]
    budgets: tuple[int, ...]
    seeds: int = 3
    test_fraction: float = 0.2
    first_seed: int = FIRST_SEED

    def __post_init__(self) -> None:
        if not self.strategies:
            raise InputError("Name at least one strategy to simulate.")
        if len(set(self.strategies)) < len(self.strategies):
            raise InputError("A strategy is named twice; name each once.")
        if not self.budgets or any(b < 1 for b in self.budgets):
            raise InputError("The budgets must be positive numbers, such as 8,16.")
        if list(self.budgets) != sorted(set(self.budgets)):
            raise InputError("The budgets are the labelled cases after each round: let them grow.")
        if self.seeds < 1:
            raise InputError("The number of seeds must be at least 1.")
        for spec in self.strategies:
            if spec != FULL:
                _check_course(spec, self.budgets)


def parse_strategy(spec: str) -> Spec:
    """Return name and parameters of "levy:alpha=0.5:…"; unknown ones raise `InputError`."""
    name, *assignments = spec.split(":")
    parameters = read_assignments(assignments)
    strategies.get(name).parse(parameters)
    return name, parameters


def parse_course(spec: str) -> Course:
    """Return the strategies of "first+later", "both" or "all@once"; `InputError` if unknown."""
    parts = re.split(r"\+(?=[a-z])", spec.removesuffix(ONCE))
    if len(parts) > 2 or (len(parts) == 2 and spec.endswith(ONCE)):
        raise InputError(
            f"{spec} joins {len(parts)} strategies; it may join 2, first and later, and with "
            f"{ONCE} none."
        )
    strategies = [parse_strategy(part) for part in parts]
    return Course(strategies[0], strategies[-1], spec.endswith(ONCE))


def needs_of(spec: str) -> frozenset[str]:
    """Return the measures that the strategies of `spec` cannot do without."""
    if spec == FULL:
        return frozenset()
    course = parse_course(spec)
    return wanted(*course.first).needs | wanted(*course.later).needs


def uses_of(spec: str) -> frozenset[str]:
    """Return the measures that the strategies of `spec` read where they are there."""
    if spec == FULL:
        return frozenset()
    course = parse_course(spec)
    return wanted(*course.first).uses | wanted(*course.later).uses


def _check_course(spec: str, budgets: Sequence[int]) -> None:
    """Raise `InputError` if the strategies of `spec` cannot choose in a simulation."""
    course = parse_course(spec)
    first, later = course.first, course.later
    rounds = 1 if course.once else len(budgets)
    reads = wanted(*first)
    if reads.needs_model or strategies.get(first[0]).tags.get("stage") == "active":
        raise InputError(
            f"The strategy {first[0]} needs a trained model, so it cannot choose the first cases: "
            f"name one that can before it, such as typiclust+{spec}."
        )
    if "minutes" in reads.needs:
        raise InputError(
            f"The strategy {first[0]} minds how long a case takes, which is known of labelled ones "
            f"only: name one that can choose before it, such as typiclust+{spec}."
        )
    if rounds > 1:
        reads = Wanted(reads.needs | wanted(*later).needs, frozenset())
    if "minutes" in reads.needs and budgets[0] < NEIGHBOURS:
        raise InputError(
            f"{spec} minds how long a case takes, which is predicted from {NEIGHBOURS} labelled "
            f"cases: let the first budget be {NEIGHBOURS} or more."
        )
    for name in sorted(reads.needs - {*STANDING, "minutes"}):
        if not is_of_model(name):
            raise InputError(
                f"{spec} cannot be simulated: the measure {name} is not known in a simulation."
            )
