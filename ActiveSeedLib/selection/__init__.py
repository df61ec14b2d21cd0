"""Vectors → which cases to label, and why: one file a method; arrays in, picks out.

Importing any part registers every strategy; none of it imports SciPy or scikit-learn before a
strategy runs.
"""

# The order is the one in which the front ends list the strategies.
from ActiveSeedLib.selection import levy_strategies, random_choice, kmeans_to_budget  # isort: skip

__all__ = ["kmeans_to_budget", "levy_strategies", "random_choice"]
