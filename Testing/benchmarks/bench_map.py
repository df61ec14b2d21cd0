"""Seconds of the 2-D map, how well it keeps neighbours, and whether a repeat is equal.

python Testing/benchmarks/bench_map.py [cases …]
"""

import sys
import time

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness

from ActiveSeedLib.features.map2d import map_pool, place

DIMENSION = 1280


def features(count: int) -> NDArray[np.float32]:
    """Twenty sub-populations of unequal size and spread, not negative (as pooled features are)."""
    random = np.random.default_rng(0)
    label = random.choice(20, size=count, p=random.dirichlet(np.full(20, 2.0)))
    centres = random.gamma(0.5, 1.0, size=(20, DIMENSION))
    spread = random.uniform(0.2, 0.6, size=20)[label][:, None]
    noise = random.normal(size=(count, 30)) @ random.normal(size=(30, DIMENSION)) / np.sqrt(30)
    return np.maximum(centres[label] + spread * noise, 0).astype(np.float32)


def main() -> None:
    print("| cases | method | implementation | s | trustworthiness | repeat equal | place 1 % |")
    print("| ---: | --- | --- | ---: | ---: | --- | ---: |")
    for count in [int(text) for text in sys.argv[1:]] or [1_000, 10_000]:
        points = features(count)
        for method in ("pca", "tsne"):
            started = time.perf_counter()
            result = map_pool(points, 0, method)
            seconds = time.perf_counter() - started
            equal = np.array_equal(result.coords, map_pool(points, 0, method).coords)
            kept = trustworthiness(points[:3000], result.coords[:3000], n_neighbors=12)
            started = time.perf_counter()
            place(points, result.coords, points[: max(1, count // 100)])
            placing = time.perf_counter() - started
            how = result.facts.get("implementation", "scikit-learn PCA")
            print(
                f"| {count:,} | {method} | {how} | {seconds:.1f} | {kept:.3f} | "
                f"{'yes' if equal else 'NO'} | {placing:.2f} |"
            )


if __name__ == "__main__":
    main()
