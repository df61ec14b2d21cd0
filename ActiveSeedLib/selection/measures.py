"""The measures of the pool that a strategy reads, or one sentence that says what is missing."""

import numpy as np

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.strategy import Candidates

_TRAIN = "train a model and let it predict the pool first"
# What a measure is called in a sentence, and what to do where there is none.
_MEASURES = {
    "difficulty": ("how hard a case is to reconstruct", "run the difficulty step first"),
    "sam_uncertainty": ("SAM's doubt about a case", "encode the pool with SAM first"),
    "entropy": ("a model's uncertainty", _TRAIN),
    "foreground_entropy": ("a model's uncertainty about the foreground", _TRAIN),
}


def known(pool: Candidates, name: str) -> tuple[Floats, Indices]:
    """Return the measure called `name` [N], and the candidates that have a finite value, ascending.

    Without the measure all of it is NaN, and there are none.
    """
    count = len(pool.features)
    given = pool.score(name)
    values = np.full(count, np.nan) if given is None else np.asarray(given, dtype=np.float64)
    if values.shape != (count,):
        raise InputError(
            f"The measure {name} must have one number for each of the {count} cases, "
            f"but its shape is {values.shape}."
        )
    candidates: Indices = np.asarray(pool.candidates, dtype=np.int64)
    return values, candidates[np.isfinite(values[candidates])]


def needed(pool: Candidates, name: str, strategy: str) -> tuple[Floats, Indices]:
    """Return the same as `known`, or raise `InputError` where no candidate has the measure."""
    values, rows = known(pool, name)
    if not len(rows):
        what, todo = _MEASURES.get(name, (f"the measure {name}", _TRAIN))
        raise InputError(f"The strategy {strategy} chooses by {what}, and none is known: {todo}.")
    return values, rows
