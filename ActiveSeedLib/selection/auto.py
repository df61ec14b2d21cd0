"""The rule of the strategy auto: what is known of a pool in, who picks and why out.

`RULES` is the whole rule; to tune it, change its lines. They rest on our comparison on three small
sets (`Resources/Benchmarks/three-small-sets`, seeds 43 to 46, on which the choice was made) and on
published ones:

- First cases: of eight cold starts MaxHerding (Bae et al. 2024, arXiv:2407.12212) was the only one
  whose mean Dice was not below random's on any of the sets; none differed significantly.
- Later cases: after it, ClaSP PE did best on two of the three. In 3-D it is the only one that
  generally beats a foreground-aware draw (Lüth et al. 2026, arXiv:2601.13677). Early doubt alone is
  often no better than chance: hence the line for noise.

With seeds 43 to 53, auto − random is −0.0006 ± 0.0007 (X-rays), +0.0033 ± 0.0021 (hippocampus) and
+0.010 ± 0.017 (ultrasound) in Dice over the budgets (mean and standard error): within the noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from ActiveSeedLib.errors import InputError

ENOUGH = 0.5  # share of the candidates that a model must have judged to be gone by
COMPARED = 10_000  # all pairs of more cases would take minutes


@dataclass(frozen=True)
class Situation:
    """What the rule reads.

    Attributes:
        candidates: cases that may be picked.
        budget: how many of them are to be picked.
        labelled: cases that are labelled, or in the queue to be.
        judged: candidates of which a model's doubt is known.
        showing: those in which it segments anything, and its doubt is known for each segment.
        trusted: whether that doubt was measured to be more than noise; None if not measured.
        trust: the sentence of `trust.measured_trust` about it.
    """

    candidates: int
    budget: int
    labelled: int = 0
    judged: int = 0
    showing: int = 0
    trusted: bool | None = None
    trust: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.budget <= self.candidates:
            raise InputError(
                f"The budget must lie between 1 and {self.candidates}, not {self.budget}."
            )


@dataclass(frozen=True)
class Rule:
    """One line of the rule.

    Attributes:
        name: for the record.
        holds: whether it applies.
        strategy: the registered strategy that picks, with its default parameters.
        because: why, in one sentence; what the situation holds stands in braces.
    """

    name: str
    holds: Callable[[Situation], bool]
    strategy: str
    because: str


COVER, TYPICAL, DOUBT = "maxherding", "typiclust", "clasp-pe"


def _judged(now: Situation) -> bool:
    return bool(now.labelled and now.judged and now.judged >= ENOUGH * now.candidates)


def _goes_by_doubt(now: Situation) -> bool:
    return _judged(now) and now.showing > 0 and now.trusted is not False


# The first line that holds decides.
RULES = (
    Rule(
        "a large pool",
        lambda now: now.candidates + now.labelled > COMPARED and not _goes_by_doubt(now),
        TYPICAL,
        "The pool is too large to compare each case with each other one ({candidates} candidates), "
        "so typical cases of groups with few labels were chosen.",
    ),
    Rule(
        "all that are left",
        lambda now: now.budget == now.candidates,
        COVER,
        "All cases that are left are taken ({candidates}), the most telling ones first.",
    ),
    Rule(
        "nothing labelled",
        lambda now: not now.labelled,
        COVER,
        "No case is labelled yet, so those were chosen that most of the pool resembles.",
    ),
    Rule(
        "no model",
        lambda now: not _judged(now),
        COVER,
        "A model has judged {judged} of {candidates} cases, too few to go by, so those were chosen "
        "that most of what is not labelled resembles.",
    ),
    Rule(
        "nothing segmented",
        lambda now: not now.showing,
        COVER,
        "The model is known to segment something in none of {candidates} cases, so those were "
        "chosen that most of what is not labelled resembles.",
    ),
    Rule("doubt is noise", lambda now: now.trusted is False, COVER, "{trust}"),
    Rule("doubt is trusted", lambda now: now.trusted is True, DOUBT, "{trust}"),
    Rule(
        "doubt is not measured",
        lambda _: True,
        DOUBT,
        "The model segments something in {showing} of {candidates} cases; whether its doubt can be "
        "trusted was not measured, so chance decided with it.",
    ),
)


@dataclass(frozen=True)
class Decision:
    """Which line of the rule decided, who picks, and why, in one sentence."""

    rule: str
    strategy: str
    because: str


def decide(now: Situation, rules: Sequence[Rule] = RULES) -> Decision:
    """Return what the first of `rules` that holds says; the last must always hold."""
    rule = next(rule for rule in rules if rule.holds(now))
    return Decision(rule.name, rule.strategy, rule.because.format(**asdict(now)))
