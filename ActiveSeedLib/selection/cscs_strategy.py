"""The strategy CSCS: cold start by difficulty, later rounds by a model's uncertainty."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ActiveSeedLib.selection.cscs import (
    THIN_BELOW,
    StratifiedPicks,
    alpha_eff,
    dcr,
    neighbours_for,
    pacing,
    percentile_score,
    strata,
    stratified_picks,
    typicality,
)
from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.measures import known, needed
from ActiveSeedLib.selection.neighbours import check_all_pairs
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies


@dataclass(frozen=True)
class CscsParameters:
    """What the paper and its follow-up leave to choose."""

    fill: Literal["ranking", "thin clusters"] = field(
        default="ranking",
        metadata={
            "help": "Fill the places of groups under three cases from the ranking of the whole "
            "pool (as published), or from the best of those groups first (more diverse)."
        },
    )
    later: Literal["clusters", "ranking"] = field(
        default="clusters",
        metadata={
            "help": "In later rounds, pick the best of each group, or the best of the whole pool "
            "(as in the follow-up)."
        },
    )
    neighbours: int = field(
        default=0,
        metadata={
            "help": "Neighbours that typicality is measured by; 0 for 20, or 15 in pools under "
            "100 cases.",
            "minimum": 0,
        },
    )


@dataclass(frozen=True)
class _Round:
    """The measures of one round, each [N] (NaN where a case has none), and what follows of them."""

    rows: Indices
    typical: Floats
    doubt: Floats
    doubt_is: str
    gamma: float
    facts: dict[str, Any]


@strategies.register(
    "cscs",
    summary="In each group of similar cases the one both typical and hard; how much hardness "
    "counts depends on the pool and the budget.",
    citation="CSCS, arXiv:2606.20765; later rounds by its follow-up, CSCS-AL",
    parameters=CscsParameters,
    stage="any",
    needs="features,difficulty",
    uses="foreground_entropy, entropy",
    unit="slice, case",
    cost="k-means with as many groups as picks, and N²·D once, little memory; up to 50,000 cases",
)
def cscs(pool: Candidates, budget: int, parameters: CscsParameters) -> Selection:
    """Best score of each of `budget` clusters; by a model's uncertainty once there is one."""
    now = _measure(pool, budget, parameters)
    among, facts = min(budget, len(now.rows)), dict(now.facts)
    if now.doubt_is != "difficulty" and parameters.later == "ranking":
        picks = _by_ranking(now, among)
    else:
        labels = strata(np.asarray(pool.features)[now.rows], among, pool.seed)
        chosen = stratified_picks(
            now.typical[now.rows],
            now.doubt[now.rows],
            labels,
            among,
            now.gamma,
            fill=parameters.fill,
        )
        picks = _explained(chosen, labels, now)
        everywhere = np.full(len(pool.features), -1)
        everywhere[now.rows] = labels
        facts |= {
            "k": int(labels.max()) + 1,
            "cluster_sizes": np.bincount(labels).tolist(),
            "thin_clusters": list(chosen.thin),
            "labels": everywhere.tolist(),
        }
    left = np.setdiff1d(pool.candidates, now.rows)
    if len(left):
        facts["note"] = (
            f"{len(left)} of {len(pool.candidates)} candidates have no measured "
            f"{now.doubt_is} and come last."
        )
    return Selection(picks + _by_typicality(now, left, budget - among), facts)


def _measure(pool: Candidates, budget: int, parameters: CscsParameters) -> _Round:
    """Measure the whole pool, labelled cases too; the candidates of `rows` can be scored."""
    difficulty, rows = needed(pool, "difficulty", "cscs")
    whole = np.union1d(pool.candidates, pool.labelled)
    check_all_pairs("cscs", len(whole), "levy-plus or typiclust")
    k = parameters.neighbours or neighbours_for(len(whole))
    typical = np.full(len(pool.features), np.nan)
    typical[whole] = typicality(np.asarray(pool.features)[whole], k)
    judged = whole[np.isfinite(difficulty[whole])]
    ratio = dcr(difficulty[judged], typical[judged])
    doubt, doubt_is, spent = difficulty, "difficulty", budget
    if len(pool.labelled):
        for name in ("foreground_entropy", "entropy"):
            values, predicted = known(pool, name)
            if len(predicted):
                doubt, rows, doubt_is, spent = values, predicted, name, len(pool.labelled)
                break
    gamma = pacing(ratio, spent, len(whole))
    facts: dict[str, Any] = {
        "stage": "cold start" if doubt_is == "difficulty" else "active",
        "uncertainty": doubt_is,
        "dcr": ratio,
        "alpha_eff": alpha_eff(spent, len(whole)),
        "gamma": gamma,
        "neighbours": k,
    }
    return _Round(rows, typical, doubt, doubt_is, gamma, facts)


def _explained(chosen: StratifiedPicks, labels: np.ndarray[Any, Any], now: _Round) -> list[Pick]:
    sizes = np.bincount(labels)
    picks = []
    for step, place in enumerate(chosen.picks.tolist()):
        group = int(chosen.clusters[step])
        filled = bool(chosen.filled[step])
        members = np.arange(len(labels)) if filled else np.flatnonzero(labels == group)
        where, why = _standing(now, now.rows[members], int(now.rows[place]))
        size = int(sizes[group])
        why |= {
            "role": "fills a thin group" if filled else "best of its group",
            "cluster": group,
            "cluster_size": size,
            "cluster_share": size / len(labels),
            "score": float(chosen.scores[step]),
        }
        if filled:
            reason = f"Among all {len(labels)} cases it is {where}."
            if size < THIN_BELOW:
                reason = (
                    f"It is one of few cases of its kind; among all {len(labels)} it is {where}."
                )
        else:
            reason = (
                f"Of the {size} similar cases of group {group + 1} of {len(sizes)} it is {where}."
            )
        picks.append(Pick(int(now.rows[place]), reason, why))
    return picks


def _by_ranking(now: _Round, budget: int) -> list[Pick]:
    """Pick the highest scores of the whole pool, as the follow-up does."""
    scores = percentile_score(now.typical[now.rows], now.doubt[now.rows], now.gamma)
    picks = []
    for place in np.argsort(-scores, kind="stable")[:budget].tolist():
        where, why = _standing(now, now.rows, int(now.rows[place]))
        why |= {"role": "score", "score": float(scores[place])}
        reason = f"Among all {len(now.rows)} cases it is {where}."
        picks.append(Pick(int(now.rows[place]), reason, why))
    return picks


def _standing(now: _Round, among: Indices, index: int) -> tuple[str, dict[str, Any]]:
    """Return how typical and how hard the case `index` is among others, in words and numbers."""
    typical = 1 + int(np.count_nonzero(now.typical[among] > now.typical[index]))
    hard = 1 + int(np.count_nonzero(now.doubt[among] > now.doubt[index]))
    cold = now.doubt_is == "difficulty"
    by = "how hard it is to reconstruct" if cold else "the model's doubt"
    words = f"number {typical} by how typical it is and number {hard} by {by}"
    kind = "difficulty" if cold else "uncertainty"
    why = {
        "typicality": float(now.typical[index]),
        "typicality_rank": typical,
        kind: float(now.doubt[index]),
        f"{kind}_rank": hard,
    }
    return words, why


def _by_typicality(now: _Round, left: Indices, count: int) -> list[Pick]:
    """Pick `count` of the cases that cannot be scored, the most typical first."""
    order = left[np.argsort(-now.typical[left], kind="stable")][:count]
    reason = "Nothing but its place among the others is known; it is typical of those left."
    return [
        Pick(int(index), reason, {"role": "typical", "typicality": float(now.typical[index])})
        for index in order
    ]
