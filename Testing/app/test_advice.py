"""Whether going on is likely to pay: the rule, worked by hand and in the long run."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.app.advice import (
    FEWEST_CASES,
    WORTHWHILE,
    Gain,
    advise,
    judge,
    paired_gain,
    write_scores_csv,
)
from ActiveSeedLib.app.session import Session

AddModel = Callable[..., str]
VERDICTS = ("is likely to pay", "is unlikely to pay", "Too early to tell")
dice = st.floats(0, 1)


def scores(*values: float) -> dict[str, float]:
    return {f"case {number}": value for number, value in enumerate(values)}


def verdict(gain: Gain) -> str:
    (found,) = (one for one in VERDICTS if one in judge(gain, "from 8 to 16 label maps"))
    return found


def test_without_scores_it_says_what_to_do(session: Session, add_model: AddModel) -> None:
    assert "No model has been scored yet" in advise(session.project).sentence
    add_model()
    assert advise(session.project).scores == ()


def test_one_round_is_too_early(session: Session, add_model: AddModel) -> None:
    add_model(dice=scores(0.6, 0.7, 0.8, 0.9), labelled=8)
    found = advise(session.project)
    assert found.sentence == (
        "The latest model reaches Dice 0.750 (4 test cases; half of them between 0.675 and "
        "0.825). Too early to tell whether going on pays: that takes two scored rounds."
    )
    (one,) = found.scores
    assert (one.labelled, one.split, one.cases) == (8, "test", 4)
    assert (one.dice, one.low, one.high) == pytest.approx((0.75, 0.675, 0.825))


def test_a_gain_worked_by_hand() -> None:
    # Differences 0.02 … 0.06: mean 0.04, s = √0.00025 = 0.015811, t(0.975, 4) = 2.776445.
    gain = paired_gain(np.array([0.02, 0.03, 0.04, 0.05, 0.06]))
    half = 2.776445 * 0.0158114 / math.sqrt(5)
    assert (gain.mean, gain.low, gain.high) == pytest.approx((0.04, 0.04 - half, 0.04 + half))
    assert verdict(gain) == "is likely to pay"
    assert "from 8 to 16 label maps, Dice changed by +0.040 on the same 5 cases" in judge(
        gain, "from 8 to 16 label maps"
    )


@pytest.mark.parametrize(
    ("mean", "low", "high", "cases", "wanted"),
    [
        (0.05, 0.03, 0.07, 10, "is likely to pay"),
        (0.05, -0.01, 0.11, 10, "Too early to tell"),  # the spread is larger than the gain
        (0.05, 0.03, 0.07, FEWEST_CASES - 1, "Too early to tell"),
        (0.002, -0.004, 0.008, 10, "is unlikely to pay"),  # a plateau, well measured
        (0.005, 0.001, 0.009, 10, "is unlikely to pay"),  # real, but not worth a round
        (0.008, 0.001, 0.015, 10, "Too early to tell"),
        (-0.05, -0.08, -0.02, 10, "is unlikely to pay"),
        (-0.05, -0.12, 0.02, 10, "Too early to tell"),
        (0.0, 0.0, 0.0, 10, "is unlikely to pay"),
    ],
)
def test_the_rule(mean: float, low: float, high: float, cases: int, wanted: str) -> None:
    assert verdict(Gain(mean, low, high, cases)) == wanted


def test_a_model_that_got_worse_asks_for_a_look_at_the_label_maps() -> None:
    assert "look at the newest label maps first" in judge(Gain(-0.05, -0.08, -0.02, 9), "…")


@given(st.lists(st.tuples(dice, dice), max_size=30))
def test_the_verdict_follows_from_the_interval(pairs: list[tuple[float, float]]) -> None:
    gain = paired_gain(np.array([after - before for before, after in pairs]))
    assert gain.low <= gain.mean <= gain.high
    said = verdict(gain)
    if said == "is likely to pay":
        assert gain.cases >= FEWEST_CASES
        assert gain.low > 0
        assert gain.mean >= WORTHWHILE
    if gain.cases < FEWEST_CASES or gain.low <= 0 < WORTHWHILE <= gain.high:
        assert said == "Too early to tell"
    swapped = paired_gain(np.array([before - after for before, after in pairs]))
    assert (swapped.low, swapped.high) == pytest.approx((-gain.high, -gain.low))


def test_chance_is_seldom_taken_for_a_gain() -> None:
    """Two equal models differ by chance alone: at most 2.5 % of the time is a gain seen."""
    rng = np.random.default_rng(0)
    found = [verdict(paired_gain(rng.normal(0, 0.05, 12))) for _ in range(2000)]
    assert found.count("is likely to pay") / 2000 < 0.035
    grown = [verdict(paired_gain(rng.normal(0.06, 0.05, 12))) for _ in range(500)]
    assert grown.count("is likely to pay") / 500 > 0.9


def test_only_the_same_cases_are_compared(session: Session, add_model: AddModel) -> None:
    """The newly labelled cases are harder: the mean falls, though every old case got better."""
    before = scores(*(0.70 + 0.01 * n for n in range(6)))
    add_model("cross-validation", before, labelled=6)
    after = {name: value + 0.03 for name, value in before.items()}
    add_model("cross-validation", after | {f"new {n}": 0.2 for n in range(6)}, labelled=12)
    found = advise(session.project)
    assert found.scores[1].dice < found.scores[0].dice
    assert "Going on is likely to pay: from 6 to 12 label maps" in found.sentence
    assert "+0.030 on the same 6 cases" in found.sentence
    assert "12 cases, cross-validated" in found.sentence


def test_scores_made_in_different_ways_are_not_compared(
    session: Session, add_model: AddModel
) -> None:
    add_model("cross-validation", scores(*[0.5] * 8), labelled=8)
    add_model("test", scores(*[0.9] * 8), labelled=16)
    found = advise(session.project)
    assert [one.split for one in found.scores] == ["cross-validation", "test"]
    assert "that takes two scored rounds" in found.sentence


def test_a_retraining_on_the_same_label_maps_is_no_round(
    session: Session, add_model: AddModel
) -> None:
    add_model(dice=scores(*[0.5] * 8), labelled=8)
    add_model(dice=scores(*[0.6] * 8), labelled=16)
    add_model(dice=scores(*[0.7] * 8), labelled=16)  # with other settings, say
    found = advise(session.project)
    assert len(found.scores) == 3
    assert "from 8 to 16 label maps, Dice changed by +0.200" in found.sentence


def test_cases_that_none_has_in_common_tell_nothing(session: Session, add_model: AddModel) -> None:
    add_model(dice={f"a{n}": 0.5 for n in range(8)}, labelled=8)
    add_model(dice={f"b{n}": 0.9 for n in range(8)}, labelled=16)
    assert "only 0 cases were scored in both" in advise(session.project).sentence


def test_an_unfinished_model_does_not_count(session: Session, add_model: AddModel) -> None:
    add_model(dice=scores(0.5), labelled=8)
    model = session.project.start_model({}, {})
    session.project.add_metrics(model.id, "test", [{"case": "a", "dice": 0.1}], {})
    assert len(advise(session.project).scores) == 1


AT_REST = "a plateau, at which the rule of CSCS-AL advises stopping."


def test_two_rounds_that_hardly_change_are_a_plateau(session: Session, add_model: AddModel) -> None:
    """|0.803 − 0.800| and |0.801 − 0.803| are below 0.005, whatever the spread over the cases."""
    wide = (-0.2, -0.1, 0.0, 0.0, 0.1, 0.2)
    turned = wide[::-1]
    for labelled, mean, around in ((4, 0.7, wide), (8, 0.8, turned), (16, 0.803, wide)):
        add_model(dice=scores(*(mean + d for d in around)), labelled=labelled)
        assert AT_REST not in advise(session.project).sentence
    add_model(dice=scores(*(0.801 + d for d in turned)), labelled=20)
    said = advise(session.project).sentence
    assert "Too early to tell" in said
    assert said.endswith(
        f" The mean Dice changed by less than 0.005 in each of the last 2 rounds: {AT_REST}"
    )
    add_model(dice=scores(*(0.86 + d for d in turned)), labelled=24)
    assert AT_REST not in advise(session.project).sentence


def test_without_scores_the_doubt_about_the_pool_may_come_to_a_plateau(
    session: Session, add_model: AddModel, key: Callable[[int], str]
) -> None:
    """From 0.2 to 0.201 to 0.2 it changes by half a per cent; the plateau is at 2 %."""
    for labelled, doubt in ((2, 0.3), (3, 0.2), (4, 0.201), (5, 0.2)):
        assert AT_REST not in advise(session.project).sentence
        model = add_model(labelled=labelled)
        for number in range(3):
            facts = {"foreground_entropy": doubt + 0.1 * (number - 1)}
            session.project.record_prediction(key(number), model, facts)
    assert advise(session.project).sentence.endswith(
        " The model's doubt about the pool changed by less than 2% in each of the last 2 rounds: "
        + AT_REST
    )


def test_the_curve_as_a_table(session: Session, add_model: AddModel, tmp_path: Path) -> None:
    add_model(dice=scores(0.6, 0.8), labelled=8)
    add_model("cross-validation", dice=scores(0.7, 0.9), labelled=16)
    write_scores_csv(tmp_path / "curve.csv", session.project)
    with (tmp_path / "curve.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["labelled"], r["model"], r["split"], r["cases"]) for r in rows] == [
        ("8", "model-001", "test", "2"),
        ("16", "model-002", "cross-validation", "2"),
    ]
    assert [float(r["dice"]) for r in rows] == pytest.approx([0.7, 0.8])
