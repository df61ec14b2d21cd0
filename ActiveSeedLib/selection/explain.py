"""From a cold start's arrays to picks with reasons."""

import math
from typing import Any

import numpy as np

from ActiveSeedLib.selection.levy import ColdStart
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection


def explained_cold_start(start: ColdStart, pool: Candidates) -> Selection:
    """Return `start`, whose indices count the candidates of `pool`, as a selection with reasons."""
    labels = np.full(len(pool.features), -1)
    labels[pool.candidates] = np.unique(start.labels, return_inverse=True)[1]
    sizes = np.bincount(labels[pool.candidates])
    picks = [
        _pick(int(pool.candidates[index]), int(cluster), float(distance), sizes)
        for index, cluster, distance in zip(start.order, start.cluster, start.distance, strict=True)
    ]
    facts: dict[str, Any] = {
        "stage": "cold start",
        "k": len(start.medoids),
        "cluster_sizes": sizes.tolist(),
        "farthest_points_by_cluster": start.allocation.tolist(),
        "labels": labels.tolist(),
    }
    if start.choice is not None:
        facts["silhouettes"] = {
            str(k): None if math.isnan(score) else score
            for k, score in zip(start.choice.ks, start.choice.silhouettes.tolist(), strict=True)
        }
        facts["silhouettes_on"] = start.choice.sampled
    return Selection(picks, facts)


def _pick(index: int, cluster: int, distance: float, sizes: np.ndarray[Any, Any]) -> Pick:
    size, total = int(sizes[cluster]), int(sizes.sum())
    group = f"group {cluster + 1} of {len(sizes)}" if len(sizes) > 1 else "the pool"
    why: dict[str, Any] = {
        "role": "medoid",
        "cluster": cluster,
        "cluster_size": size,
        "cluster_share": size / total,
    }
    if math.isnan(distance):
        holds = f", which holds {size / total:.0%} of the pool ({size} of {total} cases)"
        reason = f"The most typical case of {group}{holds if len(sizes) > 1 else ''}."
        return Pick(index, reason, why)
    why |= {"role": "farthest", "farthest_distance": distance}
    if distance == 0:
        return Pick(index, f"Equal to cases of {group} picked before it; all are equal.", why)
    return Pick(index, f"Of the cases in {group}, the one least like those picked before it.", why)
