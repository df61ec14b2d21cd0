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
    unit="slice, case",
    cost="N",
)
def random_choice(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Draw without replacement.

    The number of labelled cases goes into the seed: with the same draws on nearly the same
    candidates, a later round would take the neighbours of the first one's picks.
    """
    generator = np.random.default_rng([pool.seed, len(pool.labelled)])
    drawn = generator.choice(pool.candidates, budget, replace=False)
    total = len(pool.candidates)
    reason = f"Drawn at random from {total} cases."
    return Selection([Pick(int(index), reason, {"role": "random"}) for index in drawn])
