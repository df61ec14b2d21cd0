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
- `cscs`: typicality, difficulty, dcr, alpha_eff, pacing, ranks, score, strata, stratified_picks,
  plateau
- `uncertainty_strategies`: least_confidence, margin
- `bald`: entropy, conditional_entropy, bald, batch_bald
- `badge`: gradient_embedding, seeding_probabilities, kmeans_plus_plus
- `stochastic_batches`: random_batches, group_scores, best_batch
- `rokach`: top_share, uniform_among_top
- `foreground_random`: with_foreground, foreground_aware
- `clasp_pe`: power, noisy_scores, quotas, compose
- `sugfw`: union_of_masks, uncertainty_map, pool_uncertainty, pgdr, image_uncertainty, gscu
- `levy_plus`: scheduled_alpha, balanced_picks; `trust`: measured_trust
- `feature_space`: fuse_features, principal_points
- `wrapped`: one_a_patient, per_minute, value_per_minute, chooser
- `auto`: decide; `auto_strategy`: look_at, patients_or_copies
- `typiclust`: cluster_count, typicality, cluster_order, typiclust
- `coreset`: most_central, k_centre_greedy, farthest_pairs
- `probcover`: distance_to_other_labels, purity, widest_pure_delta, out_degrees, probcover
- `herding`: unit_features, kernel, adaptive_width, herding
- `calr`: birch_labels, information_density, calr
- `usl`: mean_squared_distance, usl
"""

# The order is the one in which the front ends list the strategies, after the default one.
from ActiveSeedLib.selection import levy_strategies, random_choice, kmeans_to_budget  # isort: skip
from ActiveSeedLib.selection import typiclust  # isort: skip
from ActiveSeedLib.selection import uncertainty_strategies, badge  # isort: skip
from ActiveSeedLib.selection import stochastic_batches, rokach, foreground_random  # isort: skip
from ActiveSeedLib.selection import clasp_pe  # isort: skip
from ActiveSeedLib.selection import coreset  # isort: skip
from ActiveSeedLib.selection import cscs_strategy, sugfw_strategy  # isort: skip
from ActiveSeedLib.selection import levy_plus_strategy, wrapped  # isort: skip
from ActiveSeedLib.selection import probcover  # isort: skip
from ActiveSeedLib.selection import herding  # isort: skip
from ActiveSeedLib.selection import alps  # isort: skip
from ActiveSeedLib.selection import calr  # isort: skip
from ActiveSeedLib.selection import usl  # isort: skip
from ActiveSeedLib.selection import auto_strategy  # isort: skip

__all__ = [
    "alps",
    "auto_strategy",
    "badge",
    "calr",
    "clasp_pe",
    "coreset",
    "cscs_strategy",
    "foreground_random",
    "herding",
    "kmeans_to_budget",
    "levy_plus_strategy",
    "levy_strategies",
    "probcover",
    "random_choice",
    "rokach",
    "stochastic_batches",
    "sugfw_strategy",
    "typiclust",
    "uncertainty_strategies",
    "usl",
    "wrapped",
]
