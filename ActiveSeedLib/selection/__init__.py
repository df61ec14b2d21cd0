"""Vectors → which cases to label, and why: one file a method; arrays in, picks out.

Importing any part registers every strategy; none of it imports SciPy or scikit-learn before a
strategy runs.

`strategy.select` is the door to whole strategies. The steps of each method stand alone, on plain
arrays:

- `levy`: choose_k, proportional_allocation, cold_start, mean_entropy, normalise_entropy, diversity,
  acquisition, active_selection
- `silhouette`: silhouettes
- `clusters`: cluster, medoids, nearest_to_centroid
- `geometry`: farthest_points, diameter, NearestSelected
- `cscs`: typicality, dcr, alpha_eff, pacing, ranks, score, strata, stratified_picks, plateau
- `uncertainty_strategies`: least_confidence, margin
- `bald`: entropy, conditional_entropy, bald, batch_bald
- `badge`: gradient_embedding, seeding_probabilities, kmeans_plus_plus
- `typiclust`: cluster_count, typicality, cluster_order, typiclust
- `coreset`: most_central, k_centre_greedy, farthest_pairs
"""

# The order is the one in which the front ends list the strategies.
from ActiveSeedLib.selection import levy_strategies, random_choice, kmeans_to_budget  # isort: skip
from ActiveSeedLib.selection import typiclust  # isort: skip
from ActiveSeedLib.selection import uncertainty_strategies, badge  # isort: skip
from ActiveSeedLib.selection import coreset  # isort: skip
from ActiveSeedLib.selection import cscs_strategy  # isort: skip

__all__ = [
    "badge",
    "coreset",
    "cscs_strategy",
    "kmeans_to_budget",
    "levy_strategies",
    "random_choice",
    "typiclust",
    "uncertainty_strategies",
]
