"""The strategies of Levy et al. 2026 (arXiv:2601.18532), and the parts of them that stand alone."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.explain import explained_cold_start
from ActiveSeedLib.selection.geometry import farthest_points
from ActiveSeedLib.selection.levy import ActiveSelection, active_selection, check_alpha, cold_start
from ActiveSeedLib.selection.strategy import (
    Candidates,
    Pick,
    Selection,
    entropy_ranks,
    strategies,
    with_entropy,
)

LEVY = "Levy et al. 2026, From Cold Start to Active Learning, arXiv:2601.18532"
PAPER_ALPHA = 0.3


@dataclass(frozen=True)
class ColdStartParameters:
    """How the first cases are chosen."""

    farthest_from: Literal["own", "all"] = field(
        default="own",
        metadata={
            "help": "Measure farthest cases from the picks of their own group, or from all picks."
        },
    )


@dataclass(frozen=True)
class ActiveParameters:
    """How uncertainty and diversity are weighed."""

    alpha: float = field(
        default=PAPER_ALPHA,
        metadata={
            "help": "Weight of diversity: 0 is uncertainty alone, 1 is distance alone.",
            "minimum": 0.0,
            "maximum": 1.0,
        },
    )
    count_labelled: bool = field(
        default=True,
        metadata={"help": "Keep away from the labelled cases too, not only from the new picks."},
    )

    def __post_init__(self) -> None:
        check_alpha(self.alpha)


@dataclass(frozen=True)
class LevyParameters(ActiveParameters, ColdStartParameters):
    """Both stages."""


@strategies.register(
    "levy",
    summary="Typical and diverse cases first; once a model is trained, uncertain and diverse ones.",
    citation=LEVY,
    parameters=LevyParameters,
    stage="any",
    needs="coords",
    unit="slice, case",
    cost="of levy-cold-start while nothing is labelled, then of levy-active",
)
def levy(pool: Candidates, budget: int, parameters: LevyParameters) -> Selection:
    """Cold start while nothing is labelled; then entropy and distance.

    Labelled cases without a model's entropy leave distance alone to decide; the note says so.
    """
    if not len(pool.labelled):
        return levy_cold_start(pool, budget, parameters)
    return _active(pool, budget, parameters)


@strategies.register(
    "levy-cold-start",
    summary="The most typical case of each group on the map, then the most different ones in each.",
    citation=LEVY,
    parameters=ColdStartParameters,
    stage="cold start",
    needs="coords",
    unit="slice, case",
    cost="k-means on the map for every number of groups; all pairs of 20,000 cases at most",
)
def levy_cold_start(pool: Candidates, budget: int, parameters: ColdStartParameters) -> Selection:
    """Cluster the candidates; cases labelled already take no part."""
    start = cold_start(
        np.asarray(pool.coords)[pool.candidates],
        budget,
        seed=pool.seed,
        farthest_from=parameters.farthest_from,
    )
    return explained_cold_start(start, pool)


@strategies.register(
    "levy-active",
    summary="Cases that the model is unsure about and that differ from those chosen so far.",
    citation=LEVY,
    parameters=ActiveParameters,
    stage="active",
    needs="entropy",
    unit="slice, case",
    cost="N a pick",
)
def levy_active(pool: Candidates, budget: int, parameters: ActiveParameters) -> Selection:
    """Highest entropy first, then greedily α·diversity + (1 − α)·entropy."""
    _need_entropy(pool, "levy-active")
    return _active(pool, budget, parameters)


@strategies.register(
    "entropy",
    summary="The cases that the model is least sure about.",
    citation=f"{LEVY} (α = 0)",
    stage="active",
    needs="entropy",
    unit="slice, case",
    cost="N log N",
)
def entropy(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Highest mean entropy, one by one."""
    _need_entropy(pool, "entropy")
    return _active(pool, budget, ActiveParameters(alpha=0.0))


@strategies.register(
    "distance",
    summary="The least sure case, then those farthest from all labelled and chosen ones.",
    citation=f"{LEVY} (α = 1), after Geifman and El-Yaniv 2017, arXiv:1711.00941",
    stage="active",
    needs="coords",
    unit="slice, case",
    cost="N a pick",
)
def distance(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """Farthest points; before a model exists, from the labelled cases alone."""
    if not len(pool.labelled):
        _need_entropy(pool, "distance")
    return _active(pool, budget, ActiveParameters(alpha=1.0))


def _need_entropy(pool: Candidates, name: str) -> None:
    if not len(with_entropy(pool)):
        raise InputError(
            f"The strategy {name} chooses by a model's uncertainty, and none has predicted this "
            "pool: train a model first, or choose levy, which needs none to start."
        )


def _active(pool: Candidates, budget: int, parameters: ActiveParameters) -> Selection:
    """Pick by score among the predicted candidates; should they not suffice, go on by distance."""
    known = with_entropy(pool)
    picks: list[Pick] = []
    facts: dict[str, Any] = {"stage": "active", "alpha": parameters.alpha, "without_entropy": 0}
    if len(known) and pool.entropy is not None:
        chosen = active_selection(
            pool.coords,
            pool.entropy,
            pool.labelled,
            min(budget, len(known)),
            parameters.alpha,
            known,
            count_labelled=parameters.count_labelled,
        )
        picks = _explained(chosen, pool, parameters.alpha)
    missing = len(pool.candidates) - len(known)
    if missing:
        facts["without_entropy"] = missing
        facts["note"] = _note(missing, len(pool.candidates), budget - len(picks))
    return Selection(picks + _by_distance(pool, picks, budget - len(picks)), facts)


def _note(missing: int, total: int, by_distance: int) -> str:
    if missing == total:
        return "No model has predicted the pool yet, so distance alone decided."
    if by_distance:
        return f"{by_distance} of the picks have no prediction and were chosen by distance alone."
    return f"{missing} of {total} candidates have no prediction and were passed over."


def _by_distance(pool: Candidates, picks: list[Pick], count: int) -> list[Pick]:
    """Pick `count` cases, each the farthest from all labelled and picked ones."""
    if not count:
        return []
    start = [*(int(index) for index in pool.labelled), *(pick.index for pick in picks)]
    indices, distances = farthest_points(pool.coords, pool.candidates, start, count)
    reason = "No model has judged it yet; it differs most from all labelled and chosen cases."
    return [
        Pick(int(index), reason, {"role": "farthest", "farthest_distance": float(distance)})
        for index, distance in zip(indices, distances, strict=True)
    ]


def _explained(chosen: ActiveSelection, pool: Candidates, alpha: float) -> list[Pick]:
    ranks = entropy_ranks(pool)
    picks = []
    for step, index in enumerate(chosen.picks.tolist()):
        alone = bool(np.isnan(chosen.distance[step]))
        why: dict[str, Any] = {
            "role": "most uncertain" if step == 0 else "score",
            "score": float(chosen.scores[step]),
            "normalised_entropy": float(chosen.entropy[step]),
            "normalised_distance": None if alone else float(chosen.dtilde[step]),
            "candidate_diameter": float(chosen.dmax[step]),
        }
        picks.append(Pick(index, _reason(step, ranks[index], len(ranks), alpha), why))
    return picks


def _reason(step: int, rank: int, total: int, alpha: float) -> str:
    if step == 0:
        return f"Of {total} cases, the one that the model is least sure about."
    unsure = f"number {rank} of {total} in uncertainty"
    if alpha == 0:
        return f"The model is unsure about it: {unsure}."
    if alpha == 1:
        return f"Of the cases left, the one least like all labelled and chosen ones ({unsure})."
    return f"It balances the model's doubt ({unsure}) and difference from the cases chosen so far."
