"""auto: every line of its rule by hand, and what it picks in every situation."""

import dataclasses
import json
import string

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.auto import RULES, Rule, Situation, decide
from ActiveSeedLib.selection.auto_strategy import look_at, patients_or_copies
from ActiveSeedLib.selection.strategy import Candidates, Selection, select, strategies
from ActiveSeedLib.selection.wanted import wanted
from Testing.selection.contract import before_a_model, equal_pool, full_pool, without

# --- the rule, numbers in ------------------------------------------------------------------------

BY_HAND = (
    (Situation(7, 7, 20, 7, 7, True), "all that are left", "maxherding"),
    (Situation(1, 1), "all that are left", "maxherding"),
    (Situation(50, 8), "nothing labelled", "maxherding"),
    # A model of elsewhere does not make up for labels.
    (Situation(50, 8, 0, 50, 50, True), "nothing labelled", "maxherding"),
    (Situation(50, 8, 8), "no model", "maxherding"),
    (Situation(50, 8, 8, 24, 24, True), "no model", "maxherding"),
    (Situation(50, 8, 8, 25, 0, True), "nothing segmented", "maxherding"),
    (Situation(50, 8, 8, 50, 50, False, "Noise."), "doubt is noise", "maxherding"),
    (Situation(50, 8, 8, 50, 1, True, "It counts."), "doubt is trusted", "clasp-pe"),
    (Situation(50, 8, 8, 25, 3, None), "doubt is not measured", "clasp-pe"),
    # Beyond 10,000 cases, labelled ones among them, not all pairs are compared.
    (Situation(10_000, 8), "nothing labelled", "maxherding"),
    (Situation(10_001, 8), "a large pool", "typiclust"),
    (Situation(9_999, 8, 2), "a large pool", "typiclust"),
    (Situation(20_000, 20_000), "a large pool", "typiclust"),
    (Situation(20_000, 8, 8, 20_000, 9, False), "a large pool", "typiclust"),
    (Situation(20_000, 8, 8, 20_000, 9, None), "doubt is not measured", "clasp-pe"),
)


@pytest.mark.parametrize(("now", "rule", "strategy"), BY_HAND)
def test_the_rule_by_hand(now: Situation, rule: str, strategy: str) -> None:
    decision = decide(now)
    assert (decision.rule, decision.strategy) == (rule, strategy)


def test_every_line_is_reached_and_names_a_strategy_that_can_pick_then() -> None:
    assert {rule for _, rule, _ in BY_HAND} == {rule.name for rule in RULES}
    for rule in RULES:
        reads = wanted(rule.strategy)
        assert reads.needs | reads.uses <= wanted("auto").all
        for now, reached, _ in BY_HAND:
            if reached == rule.name and not now.showing:
                assert not reads.needs_model


def test_the_reason_is_one_sentence_with_its_numbers() -> None:
    sentences = [decide(now).because for now, _, _ in BY_HAND]
    assert "judged 24 of 50 cases" in sentences[5]
    assert "none of 50 cases" in sentences[6]
    assert sentences[7:9] == ["Noise.", "It counts."]
    assert "in 3 of 50 cases" in sentences[9]
    for sentence in sentences:
        assert sentence.endswith(".")
        assert sentence.count(". ") == 0
    fields = {field.name for field in dataclasses.fields(Situation)}
    for rule in RULES:
        assert {name for _, name, _, _ in string.Formatter().parse(rule.because) if name} <= fields


def test_another_table_decides_otherwise() -> None:
    table = (Rule("always", lambda _: True, "random", "{budget} of {candidates}."), *RULES)
    assert decide(Situation(9, 2), table).because == "2 of 9."


def test_refuses_a_budget_that_cannot_be() -> None:
    for budget in (0, 6):
        with pytest.raises(InputError, match=f"between 1 and 5, not {budget}"):
            Situation(5, budget)


# --- the strategy, pools in ----------------------------------------------------------------------


def _indices(selection: Selection) -> list[int]:
    return [pick.index for pick in selection.picks]


def _strangers(pool: Candidates) -> Candidates:
    """Return `pool` with no patient known."""
    return dataclasses.replace(pool, patients=None)


def _with_error(pool: Candidates, sign: float) -> Candidates:
    """Return `pool` with errors on its labelled cases that follow the doubt, or contradict it."""
    error = np.full(len(pool.features), np.nan)
    error[pool.labelled] = sign * pool.scores["foreground_entropy"][pool.labelled]
    return dataclasses.replace(pool, scores={**pool.scores, "error": error})


def _nothing_segmented(pool: Candidates) -> Candidates:
    return dataclasses.replace(pool, class_scores=np.full((len(pool.features), 3), np.nan))


@pytest.mark.parametrize(
    ("pool", "rule", "strategy"),
    [
        (before_a_model(full_pool(labelled=0)), "nothing labelled", "maxherding"),
        (before_a_model(full_pool(labelled=9)), "no model", "maxherding"),
        (_nothing_segmented(full_pool()), "nothing segmented", "maxherding"),
        (without(full_pool(), "class_scores"), "nothing segmented", "maxherding"),
        (_with_error(full_pool(80, labelled=20), -1), "doubt is noise", "maxherding"),
        (_with_error(full_pool(80, labelled=20), 1), "doubt is trusted", "clasp-pe"),
        (full_pool(), "doubt is not measured", "clasp-pe"),
    ],
)
def test_passes_on_to_the_strategy_that_the_rule_names(
    pool: Candidates, rule: str, strategy: str
) -> None:
    chosen = select("auto", _strangers(pool), 6)
    assert _indices(chosen) == _indices(select(strategy, _strangers(pool), 6))
    assert (chosen.facts["rule"], chosen.facts["strategy"]) == (rule, strategy)
    for pick in chosen.picks:
        assert (pick.why["rule"], pick.why["strategy"]) == (rule, strategy)
        assert pick.reason.endswith(".")
    assert chosen.facts["note"] == decide(look_at(_strangers(pool), 6)[0]).because
    json.dumps(chosen.facts, allow_nan=False)


def test_the_numbers_that_decided_are_kept() -> None:
    noise = _with_error(full_pool(80, labelled=20), -1)
    assert select("auto", noise, 6).facts["read"] == {
        "candidates": 60,
        "budget": 6,
        "labelled": 20,
        "judged": 60,
        "showing": int(np.isfinite(noise.class_scores[noise.candidates]).any(axis=1).sum()),
        "trusted": False,
        "doubt": "foreground_entropy",
        "trusted_by": "errors",
        "correlation": -1.0,
        "correlation_of": 20,
    }
    fresh = before_a_model(full_pool(labelled=0))
    assert set(select("auto", fresh, 6).facts["read"]) == {
        *("candidates", "budget", "labelled", "judged", "showing", "trusted"),
    }


def test_the_last_models_doubt_opens_or_shuts_the_gate() -> None:
    pool = full_pool(80, labelled=20)
    doubt = pool.scores["foreground_entropy"]
    for before, rule in (
        (doubt, "doubt is trusted"),
        (np.random.default_rng(5).random(80), "doubt is noise"),
    ):
        scores = {**pool.scores, "previous_foreground_entropy": before}
        facts = select("auto", dataclasses.replace(pool, scores=scores), 6).facts
        assert (facts["rule"], facts["read"]["trusted_by"]) == (rule, "another model")


def test_the_whole_image_serves_where_nothing_is_known_around_the_foreground() -> None:
    pool = without(full_pool(), "foreground_entropy")
    facts = select("auto", pool, 6).facts
    assert (facts["rule"], facts["read"]["doubt"]) == ("doubt is not measured", "entropy")


def test_a_model_that_has_judged_few_cases_does_not_decide() -> None:
    pool = full_pool()
    for name in ("foreground_entropy", "entropy"):
        values = pool.score(name)
        assert values is not None
        values[pool.candidates[10:]] = np.nan
    assert "judged 10 of 36 cases" in select("auto", pool, 6).facts["note"]


@pytest.mark.parametrize("labelled", [0, 3])
@pytest.mark.parametrize("free", [1, 2, 3, 5])
def test_tiny_pools(free: int, labelled: int) -> None:
    whole = full_pool(free + labelled, labelled)
    for pool in (whole, before_a_model(whole), equal_pool(whole), _strangers(equal_pool(whole))):
        for budget in range(1, free + 1):
            chosen = select("auto", pool, budget)
            assert len(set(_indices(chosen))) == budget
        assert chosen.facts["rule"] == "all that are left"


def test_one_cluster_and_one_case_apart() -> None:
    pool = before_a_model(_strangers(full_pool(30, labelled=0)))
    close = dataclasses.replace(pool, features=np.random.default_rng(1).normal(size=(30, 4)))
    assert len(select("auto", close, 5).picks) == 5
    apart = equal_pool(pool)
    apart.features[7] = 5.0
    # All but one are copies: these two are unlike, so both come before a copy does.
    assert 7 in _indices(select("auto", apart, 2))


# --- patients and near-copies --------------------------------------------------------------------


@pytest.mark.parametrize("pool", [full_pool(60, 6), before_a_model(full_pool(60, labelled=0))])
def test_no_patient_twice_while_there_are_others(pool: Candidates) -> None:
    pool = dataclasses.replace(pool, patients=np.arange(60) // 4)
    assert pool.patients is not None
    seen = set(pool.patients[pool.labelled].tolist())
    budget = len(set(pool.patients[pool.candidates].tolist()) - seen)
    picked = pool.patients[_indices(select("auto", pool, budget))].tolist()
    assert len(set(picked)) == budget
    assert not seen & set(picked)
    assert len(select("auto", pool, budget + 5).picks) == budget + 5


def test_near_copies_of_unknown_patients_count_as_one_patient() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(size=(12, 5))
    features[[4, 9]] = features[0] + 1e-3 * rng.normal(size=(2, 5))
    features[7] = features[3] + 1e-3
    features[11] = features[5]
    patients = np.array([-1, 6, -1, -1, -1, 8, -1, -1, -1, -1, -1, -1])
    pool = dataclasses.replace(
        full_pool(12, labelled=0), features=features, candidates=np.arange(12), patients=patients
    )
    # 11 is a copy of a case whose patient is known: it stays as it is.
    assert patients_or_copies(pool).tolist() == [9, 6, -1, 10, 9, 8, -1, 10, -1, 9, -1, -1]
    assert patients.tolist().count(-1) == 10
    bare = before_a_model(dataclasses.replace(pool, patients=None))
    assert patients_or_copies(bare).tolist() == [1, -1, -1, 2, 1, 3, -1, 2, -1, 1, -1, 3]
    kinds = patients_or_copies(bare)[_indices(select("auto", bare, 8))]
    assert sorted(kinds[kinds >= 0].tolist()) == [1, 2, 3]
    outside = dataclasses.replace(pool, candidates=np.arange(9), patients=None)
    assert patients_or_copies(outside).tolist() == [1, -1, -1, 2, 1, -1, -1, 2, *[-1] * 4]


def test_refuses_patients_that_do_not_fit() -> None:
    pool = dataclasses.replace(full_pool(), patients=np.arange(3))
    with pytest.raises(InputError, match="one patient for each of the 40 cases"):
        select("auto", pool, 3)


def test_it_can_be_chosen_at_any_time_without_parameters() -> None:
    entry = strategies.get("auto")
    assert entry.tags["stage"] == "any"
    assert not dataclasses.fields(entry.parameters)
    assert wanted("auto").needs == set()
    assert "patients" in wanted("auto").uses
