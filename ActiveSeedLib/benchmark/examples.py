"""Test cases on which two strategies' models differ most, and where a run's picks lie on the map.

These are what figures 5 and 6 of Levy et al. 2026 (arXiv:2601.18532) show, of any run.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.benchmark.cohort import Cohort
from ActiveSeedLib.benchmark.outcome import SECTIONS, fullest_section
from ActiveSeedLib.benchmark.runs import labelled_at
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pictures import Example
from ActiveSeedLib.pool.case import Case


def most_different(
    cohort: Cohort,
    test: Sequence[Case],
    scores: Mapping[str, Mapping[str, float]],
    folders: Mapping[str, Path],
    count: int = 4,
) -> list[Example]:
    """Return the test cases whose Dice differs most between the first two strategies.

    As many in favour of the one as of the other, as far as there are, so that the pictures do not
    flatter; in the order of their names.

    Args:
        cohort: reads images and label maps.
        test: the test cases.
        scores: strategy → name of a test case → Dice.
        folders: strategy → where its predictions lie (`outcome.SECTIONS`).
        count: cases to return.

    Raises:
        InputError: the predictions are not there (any more).
    """
    first, second = list(scores)[:2]
    gain = {case.name: scores[first][case.name] - scores[second][case.name] for case in test}
    order = sorted(test, key=lambda case: (-gain[case.name], case.name))
    half = min(count, len(order)) // 2
    chosen = order[: min(count, len(order)) - half] + (order[-half:] if half else [])
    sections = {strategy: _sections(folder) for strategy, folder in folders.items()}
    examples = []
    for case in sorted(chosen, key=lambda case: case.name):
        label = cohort.load_label(case)
        axis, index = fullest_section(label)
        examples.append(
            Example(
                case.name,
                np.take(cohort.load_image(case).array, index, axis=axis),
                np.take(label.array, index, axis=axis),
                {strategy: found[case.key] for strategy, found in sections.items()},
                {strategy: of_case[case.name] for strategy, of_case in scores.items()},
            )
        )
    return examples


def groups_of_picks(
    records: Sequence[Mapping[str, Any]], split: Mapping[str, Any], budget: int
) -> dict[str, list[str]]:
    """Return the groups of `pictures.draw_map`: names of the pool, the picks and the test cases.

    Args:
        records: of one run, in order.
        split: what lies beside it (`runs.SPLIT`).
        budget: the labelled cases to show.

    Raises:
        InputError: the run has no such budget.
    """
    labelled = labelled_at(records, budget)
    later = [pick["case"] for record in records if record["round"] > 1 for pick in record["picks"]]
    groups = {
        "pool": [name for name in split["pool"] if name not in set(labelled)],
        "cold start": [name for name in labelled if name not in set(later)],
        "active": [name for name in labelled if name in set(later)],
        "test": list(split["test"]),
    }
    return {name: names for name, names in groups.items() if names}


def _sections(folder: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(folder / SECTIONS, allow_pickle=False) as content:
            return {key: content[key] for key in content.files}
    except OSError as error:
        raise InputError(
            f"The predictions of this run are not in {folder}: pictures can be drawn only where "
            "the run was made."
        ) from error
