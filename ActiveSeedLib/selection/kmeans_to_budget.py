"""K-means to budget: as many clusters as cases to pick, in feature space, the medoid of each.

The baseline of Levy et al. 2026, section 4.4, after Yuan and Hong 2024 (arXiv:2402.02561).
"""

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.clusters import cluster_at_most
from ActiveSeedLib.selection.explain import explained_cold_start
from ActiveSeedLib.selection.levy import ColdStart, cold_start
from ActiveSeedLib.selection.strategy import Candidates, Selection, strategies


def kmeans_to_budget(features: ArrayLike, budget: int, *, seed: int) -> ColdStart:
    """Return the medoids of k = `budget` clusters, in label order.

    With fewer distinct points than the budget there are as many clusters as distinct points, and
    the rest is filled with their repetitions.

    Args:
        features: [N, D].
        budget: B, 1 to N.
        seed: for k-means.
    """
    labels = cluster_at_most(features, budget, seed)
    return cold_start(features, budget, seed=seed, labels=labels)


@strategies.register(
    "kmeans",
    summary="As many groups of similar cases as cases to pick; the most typical case of each.",
    citation="Yuan and Hong 2024, arXiv:2402.02561, as in Levy et al. 2026, section 4.4",
    stage="cold start",
    needs="features",
    unit="slice, case",
    cost="k-means with as many groups as picks; all pairs within a group",
)
def kmeans(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Cluster the candidates' features; cases labelled already take no part."""
    features = np.asarray(pool.features)[pool.candidates]
    return explained_cold_start(kmeans_to_budget(features, budget, seed=pool.seed), pool)
