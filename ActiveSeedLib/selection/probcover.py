"""ProbCover of Yehuda et al. 2022 (arXiv:2205.11320): balls of radius δ that cover the pool.

Every case covers those nearer than δ, itself among them. The case that covers the most that is not
covered yet is picked, again and again. δ is the largest radius at which 95 % of the balls are pure:
all cases within them bear the same k-means pseudo-label. That is no search: a ball is pure up to
the distance of the nearest case of another label, so δ is an order statistic of those distances.

When all is covered, the authors' code repeats an index; here farthest points follow. The SUGFW
repository's variant (δ on a grid, the rim belongs to the ball, covered cases are not picked) is an
option of the functions. All pairs are compared, but never kept.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.clusters import cluster_at_most
from ActiveSeedLib.selection.coreset import k_centre_greedy
from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.greedy import greedy
from ActiveSeedLib.selection.neighbours import Distances, check_all_pairs, distances_between
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies

PURITY = 0.95


def distance_to_other_labels(features: ArrayLike, labels: ArrayLike) -> Floats:
    """Return how far each case [N] is from the nearest one of another label; infinite if none."""
    distances = Distances(features)
    names = np.asarray(labels)
    if names.shape != (len(distances),):
        raise InputError(
            f"There must be one label for each of the {len(distances)} cases, "
            f"but the labels have the shape {names.shape}."
        )
    if (names == names[0]).all():
        return np.full(len(names), np.inf)
    far = np.empty(len(names))
    for rows, block in distances.blocks():
        block[names[rows][:, None] == names] = np.inf
        near = block.argmin(axis=1)[:, None]
        far[rows] = distances_between(distances.points, rows, near)[:, 0]
    return far


def purity(radii: ArrayLike, delta: float, *, inclusive: bool = False) -> float:
    """Return the share of cases within `delta` of which all bear one label.

    Args:
        radii: [N] the distance of each case to the nearest one of another label.
        delta: δ.
        inclusive: the rim belongs to the ball.
    """
    distances = np.asarray(radii)
    pure = distances > delta if inclusive else distances >= delta
    return float(np.mean(pure))


def widest_pure_delta(
    radii: ArrayLike, least: float = PURITY, grid: ArrayLike | None = None, inclusive: bool = False
) -> float:
    """Return the largest δ whose purity is at least `least`.

    Args:
        radii: [N] the distance of each case to the nearest one of another label.
        least: the purity wanted, 0 (excluded) to 1.
        grid: ascending radii to choose from; by default any radius may be the answer, which is then
            one of `radii`. Where not even the first is pure enough, it is the first.
        inclusive: the rim belongs to the ball (matters on a grid only).
    """
    distances = np.sort(np.asarray(radii, dtype=np.float64))
    if not 0 < least <= 1:
        raise InputError(f"The purity must be above 0 and at most 1, not {least}.")
    if grid is None:
        pure = math.ceil(least * len(distances) - 1e-9)
        return float(distances[len(distances) - max(1, pure)])
    widest = float(np.asarray(grid)[0])
    for delta in np.asarray(grid, dtype=np.float64).tolist():
        if purity(distances, delta, inclusive=inclusive) < least:
            break
        widest = delta
    return widest


@dataclass(frozen=True)
class ProbCover:
    """The picks of ProbCover, B of them.

    Attributes:
        picks: [B] rows, in the order picked.
        covers: [B] how many cases each newly covers, itself among them; 0 for those picked when all
            was covered.
        coverage: [B + 1] share of all cases that is covered before each pick, and after the last.
    """

    picks: Indices
    covers: Indices
    coverage: Floats


class _Balls:
    """Which cases are near a labelled or picked one."""

    def __init__(self, features: ArrayLike, delta: float, inclusive: bool) -> None:
        self._distances = Distances(features)
        slack = self._distances.slack if inclusive else -self._distances.slack
        tiny = float(np.finfo(self._distances.points.dtype).tiny)  # a case covers itself
        self._limit = max(delta * delta + slack, tiny) if delta > 0 or inclusive else tiny
        self.covered: NDArray[np.bool_] = np.zeros(len(self._distances), dtype=bool)

    def counts(self, rows: Indices) -> Indices:
        """Return how many of `rows` each case [N] covers."""
        counts = np.zeros(len(self.covered), dtype=np.int64)
        for _, block in self._distances.blocks(rows):
            counts += np.count_nonzero(block < self._limit, axis=0)
        return counts

    def cover(self, row: int) -> Indices:
        """Cover what `row` covers; return what was not covered before."""
        near = self._distances.squared(np.array([row]))[0] < self._limit
        new: Indices = np.flatnonzero(near & ~self.covered)
        self.covered[new] = True
        return new


def out_degrees(features: ArrayLike, delta: float, *, inclusive: bool = False) -> Indices:
    """Return how many cases each case [N] covers, itself among them."""
    balls = _Balls(features, delta, inclusive)
    return balls.counts(np.arange(len(balls.covered)))


def probcover(
    features: ArrayLike,
    budget: int,
    delta: float,
    labelled: ArrayLike = (),
    *,
    inclusive: bool = False,
    from_covered: bool = True,
) -> ProbCover:
    """Pick `budget` rows, each covering the most that is not covered; then farthest points.

    Args:
        features: [N, D], the labelled cases among them.
        budget: B, 1 to the number of cases that are not labelled.
        delta: δ, the radius of a ball.
        labelled: rows that are labelled; what they cover is covered from the start.
        inclusive: the rim belongs to the ball.
        from_covered: a covered case may be picked for what it covers besides.
    """
    known = np.unique(np.asarray(labelled, dtype=np.int64))
    balls = _Balls(features, delta, inclusive)
    count = len(balls.covered)
    if budget > count - len(known):
        raise PoolTooSmallError(count - len(known), budget)
    for row in known.tolist():
        balls.cover(row)
    coverage: list[float] = []
    # Each case is compared with all others once here or when it is covered: N² in all.
    gains = balls.counts(np.flatnonzero(~balls.covered)).astype(np.float64)
    gains[known] = -np.inf
    if not from_covered:
        gains[balls.covered] = -np.inf

    def take(row: int) -> None:
        coverage.append(float(balls.covered.mean()))
        new = balls.cover(row)
        np.subtract(gains, balls.counts(new), out=gains)
        if not from_covered:
            gains[new] = -np.inf

    picks, covers = greedy(gains, take, budget)
    rest = budget - len(picks)
    if rest:
        beyond = k_centre_greedy(features, rest, [*known.tolist(), *picks])
        picks += beyond.picks.tolist()
        covers += [0.0] * rest
    coverage += [float(balls.covered.mean())] * (rest + 1)
    return ProbCover(np.array(picks), np.array(covers, dtype=np.int64), np.array(coverage))


@dataclass(frozen=True)
class ProbCoverParameters:
    """How wide a ball is."""

    delta: float = field(
        default=0.0,
        metadata={
            "help": "Radius within which a case stands for others; 0 finds the widest pure one.",
            "minimum": 0.0,
        },
    )
    purity: float = field(
        default=PURITY,
        metadata={
            "help": "Share of balls that must lie within one group of similar cases.",
            "minimum": 0.01,
            "maximum": 1.0,
        },
    )
    groups: int = field(
        default=0,
        metadata={
            "help": "Groups of similar cases that purity is measured by; 0 is one for each pick.",
            "minimum": 0,
        },
    )

    def __post_init__(self) -> None:
        if not 0 < self.purity <= 1:
            raise InputError(f"The purity must be above 0 and at most 1, not {self.purity}.")
        if self.delta < 0 or self.groups < 0:
            raise InputError("The radius and the number of groups must not be negative.")


@strategies.register(
    "probcover",
    summary="Cases that many others are close to, until every case is close to one of them.",
    citation="Yehuda et al. 2022, Active Learning Through a Covering Lens, arXiv:2205.11320",
    parameters=ProbCoverParameters,
    stage="any",
    needs="features",
    unit="slice, case",
    cost="N²·D about three times, little memory; up to 50,000 cases",
)
def probcover_strategy(pool: Candidates, budget: int, parameters: ProbCoverParameters) -> Selection:
    """Cover labelled cases and candidates; δ from the k-means groups of them all."""
    rows = np.concatenate([pool.labelled, pool.candidates])
    check_all_pairs("probcover", len(rows), "typiclust or coreset")
    features = np.asarray(pool.features)[rows]
    delta = parameters.delta
    if not delta:
        labels = cluster_at_most(features, parameters.groups or max(2, budget), pool.seed)
        delta = widest_pure_delta(distance_to_other_labels(features, labels), parameters.purity)
    # Without a second group nothing is impure: one ball holds all.
    chosen = probcover(features, budget, delta, np.arange(len(pool.labelled)))
    picks = [_explained(chosen, step, rows) for step in range(budget)]
    facts = {
        "delta": delta if math.isfinite(delta) else None,
        "coverage": chosen.coverage.tolist(),
    }
    return Selection(picks, facts)


def _explained(chosen: ProbCover, step: int, rows: Indices) -> Pick:
    covers = int(chosen.covers[step])
    why: dict[str, Any] = {
        "role": "covers" if covers else "farthest",
        "covers": covers,
        "coverage": float(chosen.coverage[step + 1]),
    }
    if covers > 1:
        reason = f"It and {covers - 1} similar cases had no labelled or chosen case near them."
    elif covers:
        reason = "No labelled or chosen case is near it, and it stands for itself alone."
    else:
        reason = "Every case is near a labelled or chosen one; this one is farther than the others."
    return Pick(int(rows[chosen.picks[step]]), reason, why)
