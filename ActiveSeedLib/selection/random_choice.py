"""Cases drawn at random: the baseline of every comparison."""

import numpy as np

from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies


@strategies.register(
    "random",
    summary="Cases drawn at random, each as likely as the other.",
    citation="Baseline",
    stage="any",
    needs="nothing",
)
def random_choice(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Draw without replacement."""
    drawn = np.random.default_rng(pool.seed).choice(pool.candidates, budget, replace=False)
    total = len(pool.candidates)
    reason = f"Drawn at random from {total} cases."
    return Selection([Pick(int(index), reason, {"role": "random"}) for index in drawn])
