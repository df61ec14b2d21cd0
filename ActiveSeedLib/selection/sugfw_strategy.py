"""The strategy SUGFW: one case a cluster, with uncertainties that are spread out."""

from typing import Any

import numpy as np

from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.clusters import cluster_at_most
from ActiveSeedLib.selection.geometry import Indices, farthest_points
from ActiveSeedLib.selection.measures import needed
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies
from ActiveSeedLib.selection.sugfw import SpreadPicks, gscu


@strategies.register(
    "sugfw",
    summary="One case of each group of similar images, from clear to ambiguous for SAM.",
    citation="Ma et al., SUGFW, MICCAI 2025",
    stage="cold start",
    needs="features,sam_uncertainty",
    unit="slice, case",
    cost="k-means: N·B·D an iteration",
)
def sugfw(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Cluster the features, which are to be SAM's (PGDR), and spread the uncertainties (GSCU).

    Cases labelled already take no part. Candidates without an uncertainty come last, the farthest
    first.
    """
    uncertainty, rows = needed(pool, "sam_uncertainty", "sugfw")
    among = min(budget, len(rows))
    labels = cluster_at_most(np.asarray(pool.features)[rows], among, pool.seed)
    chosen = gscu(labels, uncertainty[rows], among)
    sizes = np.bincount(labels)
    picks = []
    for step, place in enumerate(chosen.picks.tolist()):
        index, group = int(rows[place]), int(labels[place])
        reason, role = _reason(chosen, step, group, sizes)
        why: dict[str, Any] = {
            "role": role,
            "cluster": group,
            "cluster_size": int(sizes[group]),
            "cluster_share": int(sizes[group]) / len(rows),
            "sam_uncertainty": float(uncertainty[index]),
            "gap": float(chosen.gaps[step]),
        }
        picks.append(Pick(index, reason, why))
    everywhere = np.full(len(pool.features), -1)
    everywhere[rows] = labels
    facts: dict[str, Any] = {
        "stage": "cold start",
        "k": len(sizes),
        "cluster_sizes": sizes.tolist(),
        "labels": everywhere.tolist(),
    }
    left = np.setdiff1d(pool.candidates, rows)
    if len(left):
        facts["note"] = (
            f"{len(left)} of {len(pool.candidates)} candidates were not seen by SAM and come last."
        )
    return Selection(picks + _farthest(pool, picks, left, budget - among), facts)


def _reason(
    chosen: SpreadPicks, step: int, group: int, sizes: np.ndarray[Any, Any]
) -> tuple[str, str]:
    size = int(sizes[group])
    of = f"the {size} similar cases of group {group + 1} of {len(sizes)}"
    if size == 1:
        return "The only case of its kind.", "single"
    if step == 0:
        return f"Of {of}, the one that is neither clear nor ambiguous for SAM.", "median"
    if chosen.gaps[step] == 0:
        return f"As ambiguous for SAM as a case picked before; one of {of}.", "spread"
    again = "" if step < chosen.clusters else " once more"
    return (
        f"Of {of}{again}, the one least like those picked before in how ambiguous it is for SAM.",
        "spread",
    )


def _farthest(pool: Candidates, picks: list[Pick], left: Indices, count: int) -> list[Pick]:
    """Pick `count` of the cases that SAM has not seen, the farthest from all others first."""
    if not count:
        return []
    start = [*(int(index) for index in pool.labelled), *(pick.index for pick in picks)]
    indices, distances = farthest_points(pool.features, left, start, count)
    reason = "SAM has not seen it; it differs most from all labelled and chosen cases."
    return [
        Pick(int(index), reason, {"role": "farthest", "farthest_distance": float(distance)})
        for index, distance in zip(indices, distances, strict=True)
    ]
