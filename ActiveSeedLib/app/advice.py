"""What each round brought, and whether going on is likely to pay. Advice, never a gate.

The rule compares the latest model with the last one trained on fewer label maps, case by case:
d_i = Dice of the later model − Dice of the earlier one, over the n cases that both were scored on
in the same way (test split, or cross-validation). With their mean g and its 95 % confidence
interval a … b (Student 1908: g ± t(0.975, n − 1) · s / √n):

- fewer than two scored rounds, or n < `FEWEST_CASES`: too early to tell;
- b < 0: it got worse; look at the newest label maps before going on;
- b < `WORTHWHILE`: even the optimistic end is below a hundredth of Dice; going on is unlikely
  to pay;
- a > 0 and g ≥ `WORTHWHILE`: the gain is real and worth it; going on is likely to pay;
- otherwise the spread over the cases is too large for the gain: too early to tell.

The next round is taken to bring at most about what the last one did, as learning curves flatten.

Where that rule does not promise a gain, the plateau rule of CSCS-AL (`cscs.plateau`) may advise
stopping besides: two rounds in a row that hardly changed the mean Dice or, where no model is
scored, the model's mean doubt about the pool.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.files import csv_text, write_bytes
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import ModelRecord
from ActiveSeedLib.selection.cscs import STILL, plateau

TEST, CROSS_VALIDATION = "test", "cross-validation"
WORTHWHILE = 0.01
"""Dice; a choice: a round of labelling is seldom worth less than a hundredth."""
FEWEST_CASES = 5
"""With fewer, the interval rests on a standard deviation that is a guess itself."""


@dataclass(frozen=True)
class RoundScore:
    """How the model of one round scored.

    Attributes:
        labelled: label maps it was trained on.
        model: its id.
        split: "test" or "cross-validation".
        dice: mean over the cases, of the mean over the segments.
        low: lower quartile over the cases.
        high: upper quartile over the cases.
        cases: how many were scored.
    """

    labelled: int
    model: str
    split: str
    dice: float
    low: float
    high: float
    cases: int


@dataclass(frozen=True)
class Advice:
    """A plain sentence or two, and the learning curve behind it (oldest model first)."""

    sentence: str
    scores: tuple[RoundScore, ...] = ()


@dataclass(frozen=True)
class Gain:
    """Mean difference of paired scores with its 95 % confidence interval."""

    mean: float
    low: float
    high: float
    cases: int


def advise(project: Project) -> Advice:
    """Return what each round brought and whether going on is likely to pay."""
    finished = [model for model in project.models() if model.state == "finished"]
    scored = [one for one in map(_scored, finished) if one is not None]
    scores = tuple(score for score, _ in scored)
    if not scored:
        return Advice(
            "No model has been scored yet: train one, with label maps of test cases or with "
            f"cross-validation.{_doubt_at_rest(project, finished)}",
        )
    latest, by_case = scored[-1]
    earlier = [
        (score, cases)
        for score, cases in scored[:-1]
        if score.split == latest.split and score.labelled < latest.labelled
    ]
    said = f"The latest model reaches Dice {latest.dice:.3f} ({_where(latest)})"
    if not earlier:
        return Advice(
            f"{said}. Too early to tell whether going on pays: that takes two scored rounds.",
            scores,
        )
    before, before_by_case = earlier[-1]
    common = [name for name in by_case if name in before_by_case]
    gain = paired_gain(np.array([by_case[name] - before_by_case[name] for name in common]))
    step = f"from {before.labelled} to {project.counted_labels(latest.labelled)}"
    rest = "" if _worthwhile(gain) else _dice_at_rest(scores)
    return Advice(f"{said}. {judge(gain, step)}{rest}", scores)


def _dice_at_rest(scores: Sequence[RoundScore]) -> str:
    """Return a sentence if the mean Dice has come to a plateau; only the latest's split counts."""
    rounds = {one.labelled: one.dice for one in scores if one.split == scores[-1].split}
    found = plateau([dice for _, dice in sorted(rounds.items())], "dice")
    if not found.reached:
        return ""
    return (
        f" The mean Dice changed by less than {STILL['dice']} in each of the last {found.flat} "
        "rounds: a plateau, at which the rule of CSCS-AL advises stopping."
    )


def _doubt_at_rest(project: Project, models: Sequence[ModelRecord]) -> str:
    """Return a sentence if the models' mean doubt about the pool has come to a plateau."""
    rounds = {_labelled(model): _mean_doubt(project, model) for model in models}
    found = plateau([doubt for _, doubt in sorted(rounds.items())], "uncertainty")
    if not found.reached:
        return ""
    return (
        f" The model's doubt about the pool changed by less than {STILL['uncertainty']:.0%} in "
        f"each of the last {found.flat} rounds: a plateau, at which the rule of CSCS-AL advises "
        "stopping."
    )


def _mean_doubt(project: Project, model: ModelRecord) -> float:
    """Return the mean entropy in and around what `model` predicts; NaN if it predicted nothing."""
    facts = project.unit_predictions(model.id).values()
    doubts = [one["foreground_entropy"] for one in facts if "foreground_entropy" in one]
    return float(np.mean(doubts)) if doubts else math.nan


def paired_gain(differences: NDArray[np.float64]) -> Gain:
    """Return the mean of paired differences with its interval, infinite for fewer than two."""
    n = len(differences)
    if n < 2:
        mean = float(differences.mean()) if n else 0.0
        return Gain(mean, -math.inf, math.inf, n)
    from scipy.special import stdtrit

    mean = float(differences.mean())
    half = float(stdtrit(n - 1, 0.975) * differences.std(ddof=1) / math.sqrt(n))
    return Gain(mean, mean - half, mean + half, n)


def judge(gain: Gain, step: str) -> str:
    """Return what a gain says about going on; the rule stands above. `step`: "from 8 to 16 …"."""
    if gain.cases < FEWEST_CASES:
        return (
            f"Too early to tell whether going on pays: only {gain.cases} cases were scored in "
            f"both of the last rounds, and it takes {FEWEST_CASES}."
        )
    change = f"{step}, Dice changed by {gain.mean:+.3f} on the same {gain.cases} cases"
    change += f" (95 % interval {gain.low:+.3f} to {gain.high:+.3f})"
    if gain.high < 0:
        return (
            f"Going on like this is unlikely to pay: {change}; look at the newest label maps first."
        )
    if gain.high < WORTHWHILE:
        return f"Going on is unlikely to pay: {change}."
    if _worthwhile(gain):
        return f"Going on is likely to pay: {change}."
    return f"Too early to tell whether going on pays: {change}, which leaves both open."


def _worthwhile(gain: Gain) -> bool:
    return gain.cases >= FEWEST_CASES and gain.low > 0 and gain.mean >= WORTHWHILE


def write_scores_csv(path: Path, project: Project) -> None:
    """Write `scores_csv` into a file."""
    write_bytes(path, scores_csv(project).encode())


def scores_csv(project: Project) -> str:
    """Return the learning curve: one line a scored model."""
    names = [field.name for field in fields(RoundScore)]
    return csv_text([asdict(score) for score in advise(project).scores], names)


def _scored(model: ModelRecord) -> tuple[RoundScore, dict[str, float]] | None:
    """Return the score of a model on test cases, else cross-validated, and Dice by case."""
    split = TEST if TEST in model.scores else CROSS_VALIDATION
    cases: list[dict[str, Any]] = model.scores.get(split, {}).get("cases", [])
    if not cases:
        return None
    by_case = {case.get("key", case["case"]): float(case["dice"]) for case in cases}
    dice = np.array(list(by_case.values()))
    low, high = np.percentile(dice, (25, 75))
    mean = float(dice.mean())
    return RoundScore(
        _labelled(model), model.id, split, mean, float(low), float(high), len(by_case)
    ), by_case


def _labelled(model: ModelRecord) -> int:
    """Return how many label maps a model was trained on."""
    return int(model.metrics.get("labelled", len(model.provenance.get("labels", {}))))


def _where(score: RoundScore) -> str:
    noun = "case" if score.cases == 1 else "cases"
    how = (
        f"{score.cases} test {noun}"
        if score.split == TEST
        else f"{score.cases} {noun}, cross-validated"
    )
    return f"{how}; half of them between {score.low:.3f} and {score.high:.3f}"
