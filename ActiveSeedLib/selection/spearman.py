"""Spearman's rank correlation, and what of it is more than chance."""

import math

import numpy as np
from numpy.typing import ArrayLike


def spearman(one: ArrayLike, other: ArrayLike) -> float:
    """Return the rank correlation, −1 to 1, of two measures [n] of the same cases.

    Equal values share their mean rank. 0 below three cases, and where one of the two is all equal.
    """
    from scipy.stats import rankdata

    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if len(first) < 3:
        return 0.0
    first, second = rankdata(first), rankdata(second)
    first, second = first - first.mean(), second - second.mean()
    size = math.sqrt(float(first @ first) * float(second @ second))
    return float(np.clip(first @ second / size, -1.0, 1.0)) if size > 0 else 0.0


def surely_above(correlation: float, n: int, z: float) -> float:
    """Return the value that the true rank correlation exceeds, but for chance; −1 below 4 cases.

    Fisher's transformation with the variance 1.06/(n − 3) of Fieller, Hartley and Pearson 1957.

    Args:
        correlation: as measured.
        n: cases that it was measured on.
        z: standard errors to keep below; 1.28 is wrong in one of ten cases.
    """
    if n < 4:
        return -1.0
    inner = min(max(correlation, -1.0 + 1e-12), 1.0 - 1e-12)
    return math.tanh(math.atanh(inner) - z * math.sqrt(1.06 / (n - 3)))
