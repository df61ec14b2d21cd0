"""The cases that a trained model is least sure of, by one measure or another.

Every measure is averaged over voxels, never summed, which would favour large images; over the
whole image, or around the predicted foreground, since whole-image means are ruled by background.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.geometry import Floats
from ActiveSeedLib.selection.ranking import Region, most_unsure, over
from ActiveSeedLib.selection.strategy import Candidates, Selection, strategies


def least_confidence(probabilities: ArrayLike) -> Floats:
    """Return 1 − the highest class probability; [..., C] becomes [...]."""
    return np.asarray(1.0 - np.asarray(probabilities, dtype=np.float64).max(axis=-1))


def margin(probabilities: ArrayLike) -> Floats:
    """Return the highest class probability − the second; [..., C ≥ 2] becomes [...].

    A small margin is doubt; the measure "margin" of a case is the mean of 1 − margin, so that for
    it, as for every measure, higher is less sure.
    """
    two = np.partition(np.asarray(probabilities, dtype=np.float64), -2, axis=-1)[..., -2:]
    return two[..., 1] - two[..., 0]


@dataclass(frozen=True)
class RegionParameters:
    """Where the model's uncertainty counts."""

    over: Region = field(
        default="image",
        metadata={
            "help": "Average over the whole image, or over the predicted foreground and its rim."
        },
    )


@strategies.register(
    "foreground-entropy",
    summary="The cases that the model is least sure about, in and around what it segments.",
    citation="Entropy as in Levy et al. 2026, arXiv:2601.18532, over the dilated foreground",
    stage="active",
    needs="foreground_entropy",
    unit="slice, case",
    cost="N log N",
)
def foreground_entropy(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Pick the highest mean entropy over the dilated predicted foreground."""
    return most_unsure(pool, budget, "foreground_entropy", "foreground-entropy")


@strategies.register(
    "least-confidence",
    summary="The cases in whose likeliest answer the model has the least confidence.",
    citation="Lewis and Gale 1994; Settles 2009, Active Learning Literature Survey",
    parameters=RegionParameters,
    stage="active",
    needs="least_confidence",
    unit="slice, case",
    cost="N log N",
)
def by_least_confidence(pool: Candidates, budget: int, parameters: RegionParameters) -> Selection:
    """Pick the highest mean of 1 − the highest class probability."""
    return most_unsure(pool, budget, over("least_confidence", parameters.over), "least-confidence")


@strategies.register(
    "margin",
    summary="The cases whose two likeliest answers the model can hardly tell apart.",
    citation="Scheffer et al. 2001; Settles 2009, Active Learning Literature Survey",
    parameters=RegionParameters,
    stage="active",
    needs="margin",
    unit="slice, case",
    cost="N log N",
)
def by_margin(pool: Candidates, budget: int, parameters: RegionParameters) -> Selection:
    """Pick the lowest mean margin, that is the highest measure "margin"."""
    return most_unsure(pool, budget, over("margin", parameters.over), "margin")


@strategies.register(
    "bald",
    summary="The cases on which passes through the model with random parts switched off differ.",
    citation="Houlsby et al. 2011, arXiv:1112.5745; Gal et al. 2017, arXiv:1703.02910",
    parameters=RegionParameters,
    stage="active",
    needs="bald",
    unit="slice, case",
    cost="N log N; 10 predictions a case before it",
)
def by_bald(pool: Candidates, budget: int, parameters: RegionParameters) -> Selection:
    """Pick the highest mean mutual information of label and weights."""
    return most_unsure(pool, budget, over("bald", parameters.over), "bald")


@strategies.register(
    "tta",
    summary="The cases whose predictions agree least when the image is mirrored or brightened.",
    citation="Test-time augmentation: Wang et al. 2019, arXiv:1807.07356",
    stage="active",
    needs="tta",
    unit="slice, case",
    cost="N log N; 4 predictions a case before it",
)
def by_agreement(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Pick the lowest mean Dice between the predictions of altered views of an image."""
    return most_unsure(pool, budget, "tta", "tta")


@strategies.register(
    "ensemble",
    summary="The cases that models trained alike disagree about most.",
    citation="Beluch et al. 2018, The Power of Ensembles for Active Learning, CVPR",
    parameters=RegionParameters,
    stage="active",
    needs="ensemble",
    unit="slice, case",
    cost="N log N; a prediction a case and model before it",
)
def by_ensemble(pool: Candidates, budget: int, parameters: RegionParameters) -> Selection:
    """Pick the highest mean mutual information of label and ensemble member."""
    return most_unsure(pool, budget, over("ensemble", parameters.over), "ensemble")
