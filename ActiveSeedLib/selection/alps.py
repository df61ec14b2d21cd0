"""ALPS: as many k-means clusters as cases to pick, and the case nearest to each centroid.

ALPS of Yuan et al. 2020 (arXiv:2010.09535) embeds by a language model and then chooses like this;
in MedCAL-Bench it is the best cold start for segmentation on DINO features. COLosSAL looks for the
nearest case to a centroid in the whole pool, which may be the same case twice: here it is a member
of the cluster. COLosSAL's other method, a random member of each of B clusters by Ward's linkage, is
left out; `calr` forms its groups much alike.
"""

import numpy as np

from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.clusters import cluster_at_most, nearest_to_centroid
from ActiveSeedLib.selection.groups import copies, groups_of
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
    groups = groups_of(pool.candidates, labels)
    picks = []
    for place in chosen.tolist():
        why = {"role": "nearest to centroid", **groups.why(place)}
        size = groups.size(place)
        of = f"a group of {size} similar cases" if size > 1 else "a group that it alone makes up"
        picks.append(Pick(int(pool.candidates[place]), f"The case in the middle of {of}.", why))
    picks += copies(pool, features, chosen.tolist(), budget - len(picks))
    return Selection(picks, groups.facts(pool))
