"""ALPS: as many k-means clusters as cases to pick, and the case nearest to each centroid.

ALPS of Yuan et al. 2020 (arXiv:2010.09535) embeds by a language model and then chooses like this;
in MedCAL-Bench it is the best cold start for segmentation on DINO features. COLosSAL looks for the
nearest case to a centroid in the whole pool, which may be the same case twice: here it is a member
of the cluster.
"""

from typing import Any

import numpy as np

from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.clusters import cluster_at_most, nearest_to_centroid
from ActiveSeedLib.selection.coreset import k_centre_greedy
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies


@strategies.register(
    "alps",
    summary="As many groups of similar cases as cases to pick; the case nearest to the middle of "
    "each.",
    citation="Yuan et al. 2020, Cold-start Active Learning through Self-supervised Language "
    "Modeling, arXiv:2010.09535, as in MedCAL-Bench",
    stage="cold start",
    needs="features",
    unit="slice, case",
    cost="k-means with as many groups as picks",
)
def alps(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Cluster the candidates' features; cases labelled already take no part.

    With fewer distinct cases than the budget, farthest points, which are copies, fill it up.
    """
    features = np.asarray(pool.features)[pool.candidates]
    labels = cluster_at_most(features, budget, pool.seed)
    chosen = nearest_to_centroid(features, labels)
    sizes = np.bincount(labels)
    picks = []
    for place in chosen.tolist():
        group = int(labels[place])
        size = int(sizes[group])
        why: dict[str, Any] = {
            "role": "nearest to centroid",
            "cluster": group,
            "cluster_size": size,
            "cluster_share": size / len(features),
        }
        of = f"a group of {size} similar cases" if size > 1 else "a group that it alone makes up"
        picks.append(Pick(int(pool.candidates[place]), f"The case in the middle of {of}.", why))
    if rest := budget - len(picks):
        copies = k_centre_greedy(features, rest, chosen).picks
        reason = "Equal to a case that is chosen; there are fewer different cases than asked for."
        picks += [Pick(int(pool.candidates[at]), reason, {"role": "copy"}) for at in copies]
    of_rows = np.full(len(pool.features), -1)
    of_rows[pool.candidates] = labels
    facts = {"k": len(sizes), "cluster_sizes": sizes.tolist(), "labels": of_rows.tolist()}
    return Selection(picks, facts)
