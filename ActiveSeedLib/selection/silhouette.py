"""The mean silhouette of many labelings of the same points, exactly and in one pass.

Rousseeuw 1987 (doi:10.1016/0377-0427(87)90125-7): s(i) = (b − a) / max(a, b), where a is the mean
distance to the other members of i's cluster and b the least mean distance to another cluster.

The labelings' common refinement parts the points into cells that no labeling cuts. The distances
from a point are computed once and summed by cell; every cluster of every labeling is then a sum of
few cells. The cost is that of N² distances, whatever the number of labelings.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.geometry import Floats, as_points

_BLOCK = 1 << 20  # distances held at a time by each thread (8 MB)
_THREADS = 4


def silhouettes(coords: ArrayLike, labelings: ArrayLike) -> Floats:
    """Return the mean silhouette of each labeling, [K].

    The scores are exact (those of `sklearn.metrics.silhouette_score`) for any N; time grows with
    N², memory with N.

    Args:
        coords: [N, D] points.
        labelings: [K, N] cluster labels, any integers.

    Returns:
        [K] scores in [−1, 1]. A point alone in its cluster counts 0. NaN where the silhouette is
        not defined: only one cluster, or every point alone in its own.
    """
    points = as_points(coords)
    labels = np.atleast_2d(np.asarray(labelings))
    if labels.shape[1] != len(points):
        raise InputError(
            f"Each labeling must name a cluster for every one of the {len(points)} points, "
            f"but there are {labels.shape[1]} labels."
        )
    compact = [np.unique(row, return_inverse=True)[1] for row in labels]
    defined = [k for k, row in enumerate(compact) if 2 <= row.max() + 1 < len(points)]
    scores = np.full(len(labels), np.nan)
    if defined:
        groups = list(_groups([compact[k] for k in defined]))
        scores[defined] = _mean_silhouettes(points, groups)
    return scores


@dataclass(frozen=True)
class _Group:
    """Labelings that share a refinement of few cells.

    Attributes:
        labelings: each [N], clusters numbered from 0.
        sizes: of each labeling's clusters.
        cells: sparse [cells, N]; one where a point lies in a cell.
        clusters: sparse [all clusters of all labelings, cells]; one where a cluster holds a cell.
    """

    labelings: list[NDArray[np.intp]]
    sizes: list[NDArray[np.intp]]
    cells: Any
    clusters: Any


def _groups(labelings: list[NDArray[np.intp]]) -> Iterator[_Group]:
    """Group neighbouring labelings while folding cells into clusters costs less than a pass."""
    waiting: list[NDArray[np.intp]] = []
    cells = labelings[0]
    for labeling in labelings:
        finer = labeling if not waiting else _common_refinement(cells, labeling)
        if waiting and (finer.max() + 1) * (len(waiting) + 1) > len(labeling):
            yield _group(waiting, cells)
            waiting, finer = [], labeling
        waiting.append(labeling)
        cells = finer
    yield _group(waiting, cells)


def _common_refinement(one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
    cells: NDArray[np.intp] = np.unique(one * (other.max() + 1) + other, return_inverse=True)[1]
    return cells


def _group(labelings: list[NDArray[np.intp]], cells: NDArray[np.intp]) -> _Group:
    """Build the two sparse 0/1 matrices that sum points into cells and cells into clusters."""
    from scipy.sparse import csr_matrix

    count, points = int(cells.max()) + 1, len(cells)
    first = np.unique(cells, return_index=True)[1]
    sizes = [np.bincount(labeling) for labeling in labelings]
    offsets = np.cumsum([0, *(len(size) for size in sizes)])
    owners = np.concatenate(
        [offset + labeling[first] for offset, labeling in zip(offsets, labelings, strict=False)]
    )
    columns = np.tile(np.arange(count), len(labelings))
    return _Group(
        labelings,
        sizes,
        csr_matrix((np.ones(points), (cells, np.arange(points))), (count, points)),
        csr_matrix((np.ones(len(owners)), (owners, columns)), (int(offsets[-1]), count)),
    )


def _mean_silhouettes(points: Floats, groups: list[_Group]) -> Floats:
    """Sum the silhouettes over blocks of points, each on its own thread, in a fixed order."""
    from scipy.spatial.distance import cdist

    rows = max(1, _BLOCK // len(points))

    def block(start: int) -> Floats:
        here = slice(start, min(start + rows, len(points)))
        distances = np.ascontiguousarray(cdist(points[here], points).T)
        return np.concatenate([_block_sums(group, distances, here) for group in groups])

    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        total = sum(pool.map(block, range(0, len(points), rows)), start=np.float64(0.0))
    return np.asarray(total / len(points))


def _block_sums(group: _Group, distances: Floats, here: slice) -> Floats:
    """Return for each labeling of `group` the summed silhouettes of the block's points.

    Args:
        group: the labelings.
        distances: [N, points of the block].
        here: which points the block holds.
    """
    sums = group.clusters @ (group.cells @ distances)
    columns = np.arange(sums.shape[1])
    result = np.empty(len(group.labelings))
    stop = 0
    for k, (labeling, sizes) in enumerate(zip(group.labelings, group.sizes, strict=True)):
        start, stop = stop, stop + len(sizes)
        own = labeling[here]
        within = sums[start + own, columns] / np.maximum(sizes[own] - 1, 1)
        means = sums[start:stop] / sizes[:, None]
        means[own, columns] = np.inf
        between = means.min(axis=0)
        larger = np.maximum(within, between)
        score = np.divide(between - within, larger, out=np.zeros_like(larger), where=larger > 0)
        result[k] = score[sizes[own] > 1].sum()
    return result
