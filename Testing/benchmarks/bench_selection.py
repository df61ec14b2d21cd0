"""Seconds of a cold start and of an active round, and the ratio to the straightforward versions.

    python Testing/benchmarks/bench_selection.py [POINTS] [COLD_BUDGET] [PICKS]

The straightforward versions follow the equations as written: k-means with ten starts and
scikit-learn's `silhouette_score` for every k, medoids by all pairs; in the active round all
distances from candidates to selected cases and all pairs of candidates anew at every pick. At
100,000 points they would take hours, so they are timed on fewer points and scaled: k-means and
distances to the selected cases with N, everything over pairs of points with N². The number of
clusters is the same in both.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist, pdist
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from ActiveSeedLib.selection.clusters import medoids
from ActiveSeedLib.selection.levy import active_selection, choose_k, cold_start
from ActiveSeedLib.selection.strategy import Candidates, select

FEW = 4_000  # points on which the straightforward versions are timed


def seconds(work: Callable[[], Any]) -> float:
    """Return the least of three runs, or the only one where it takes more than ten seconds."""
    times: list[float] = []
    while len(times) < 3 and sum(times) < 10:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def plain_cold_start(points: np.ndarray, budget: int, scale: float) -> dict[str, float]:
    """Return the scaled seconds of each part of a cold start as written."""
    ks = range(2, budget + 1)
    with threadpool_limits(limits=1):  # as ours: threads that wait for each other cost more
        labelings = {k: KMeans(k, n_init=1, random_state=0).fit_predict(points) for k in ks}
        one_start = seconds(
            lambda: [KMeans(k, n_init=1, random_state=0).fit_predict(points) for k in ks]
        )
    silhouette = seconds(lambda: [silhouette_score(points, labelings[k]) for k in ks])
    labels = labelings[min(12, budget)]
    by_pairs = seconds(
        lambda: [
            cdist(points[labels == c], points[labels == c]).sum(axis=1).argmin()
            for c in np.unique(labels)
        ]
    )
    return {
        "k-means, ten starts": 10 * one_start * scale,
        "silhouettes": silhouette * scale**2,
        "medoids": by_pairs * scale**2,
    }


def plain_active_round(points: np.ndarray, picks: int, scale: float) -> dict[str, float]:
    """Return the scaled seconds of each part of an active round as written."""
    to_selected = seconds(
        lambda: [cdist(points, points[: 20 + step]).min(axis=1) for step in range(picks)]
    )
    return {
        "distances to selected": to_selected * scale,
        "D_max by all pairs": picks * seconds(lambda: pdist(points).max()) * scale**2,
    }


def report(name: str, fast: float, plain: dict[str, float]) -> None:
    """Print one line: the seconds, the straightforward parts, and the ratio."""
    parts = ", ".join(f"{part} {value:,.1f}" for part, value in plain.items())
    total = sum(plain.values())
    print(f"{name}: {fast:.2f} s; straightforward {total:,.0f} s ({parts}): {total / fast:,.0f} ×")


def main(count: int = 100_000, budget: int = 30, picks: int = 100) -> None:
    """Run the benchmark; all seconds are those of this machine as it is loaded now."""
    points = make_blobs(count, centers=12, cluster_std=2.5, center_box=(-40, 40), random_state=0)[0]
    few, scale = points[:FEW], count / min(FEW, count)
    choice = choose_k(points, budget, seed=0)
    print(f"{count:,} points in 2-D; straightforward versions timed on {len(few):,} and scaled")
    print(f"  silhouettes on {choice.sampled:,} points, k = {choice.k} of 2..{choice.ks[-1]}")
    report(
        f"cold start of {budget}",
        seconds(lambda: cold_start(points, budget, seed=0)),
        plain_cold_start(few, budget, scale),
    )
    print(f"  of which the choice of k {seconds(lambda: choose_k(points, budget, seed=0)):.2f} s")
    print(f"  and the exact medoids {seconds(lambda: medoids(points, choice.labels)):.3f} s")
    entropy, labelled = np.random.default_rng(0).random(count), np.arange(20)
    plain = plain_active_round(few, picks, scale)
    for alpha in (0.3, 1.0):
        fast = seconds(lambda a=alpha: active_selection(points, entropy, labelled, picks, a))
        report(f"active round of {picks}, alpha {alpha}", fast, plain)
    pool = Candidates(points, points, np.arange(20, count), labelled, entropy, 0)
    print(f"  with every reason: {seconds(lambda: select('levy', pool, picks)):.2f} s")


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))
