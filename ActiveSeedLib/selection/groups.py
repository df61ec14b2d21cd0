"""The groups that a strategy forms of similar cases, in the numbers that explain its picks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.selection.geometry import Indices, farthest_points
from ActiveSeedLib.selection.strategy import Candidates, Pick


@dataclass(frozen=True)
class Groups:
    """The groups of some rows of a pool.

    Attributes:
        rows: [M] the rows that were clustered.
        labels: [M] the group of each, 0 to k − 1.
        sizes: [k] members of each group.
    """

    rows: Indices
    labels: Indices
    sizes: Indices

    def why(self, place: int) -> dict[str, Any]:
        """Return the group of `rows[place]`, its size and its share of all rows."""
        group = int(self.labels[place])
        size = int(self.sizes[group])
        return {"cluster": group, "cluster_size": size, "cluster_share": size / len(self.rows)}

    def size(self, place: int) -> int:
        """Return how many members the group of `rows[place]` has."""
        return int(self.sizes[self.labels[place]])

    def facts(self, pool: Candidates) -> dict[str, Any]:
        """Return the number and sizes of the groups, and the group of every row of the pool."""
        of_rows = np.full(len(pool.features), -1)
        of_rows[self.rows] = self.labels
        of_rows[pool.labelled] = -1
        return {
            "k": len(self.sizes),
            "cluster_sizes": self.sizes.tolist(),
            "labels": of_rows.tolist(),
        }


def groups_of(rows: ArrayLike, labels: ArrayLike) -> Groups:
    """Return the groups of `rows` [M] by their `labels` [M], numbered from 0 in label order."""
    numbers = np.unique(np.asarray(labels), return_inverse=True)[1]
    return Groups(np.asarray(rows, dtype=np.int64), numbers, np.bincount(numbers))


def copies(pool: Candidates, features: ArrayLike, chosen: Sequence[int], count: int) -> list[Pick]:
    """Return `count` candidates more where there are fewer distinct ones than asked for.

    Args:
        pool: the pool.
        features: [M, D] of its candidates.
        chosen: places of those picked so far.
        count: how many are wanted.
    """
    if not count:
        return []
    reason = "Equal to a case that is chosen; there are fewer different cases than asked for."
    places, _ = farthest_points(features, np.arange(len(pool.candidates)), chosen, count)
    return [Pick(int(pool.candidates[place]), reason, {"role": "copy"}) for place in places]
