"""What a benchmark's evidence supports and what it does not, in words.

A difference is called one only where the 95 % interval of its mean leaves out 0 and the rank test,
corrected for the number of comparisons, stays below 0.05; else it is said how large a difference
the data leave possible.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ActiveSeedLib.benchmark.statistics import (
    LEVEL,
    Paired,
    Spread,
    areas,
    compare_areas,
    compare_rows,
    corrected,
    failed_runs,
    smallest_p,
    spreads,
    summarise_rows,
)
from ActiveSeedLib.benchmark.table import FULL, Row

LEVY, ENTROPY, DISTANCE = "levy", "levy:alpha=0", "levy:alpha=1"
EXTENDED, KMEANS = "levy-cold-start@once", "kmeans@once"
RANDOM, FOREGROUND, AUTO = "random", "random+foreground-random", "auto"
OWN = (RANDOM, FOREGROUND, AUTO, FULL)
"""Not a published method: the two draws, ours, and full supervision."""


@dataclass(frozen=True)
class Finding:
    """One question, put to the table.

    Attributes:
        data: the data set, or "" for all together.
        question: as a hypothesis.
        answer: with the numbers.
        supported: True or False where the data decide; None where they leave it open.
    """

    data: str
    question: str
    answer: str
    supported: bool | None


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Return what can be said of the strategies that are in `rows`."""
    found = []
    for data in dict.fromkeys(row.data for row in rows):
        of_data = [row for row in rows if row.data == data]
        found += [*_claims(data, of_data), *_of_auto(data, of_data), *_best(data, of_data)]
    failed = failed_runs(rows)
    if rows:
        named = "; ".join(
            f"{one.row.data}, {one.row.strategy}, seed {one.row.seed}, {one.row.budget} labelled: "
            f"{one.because}"
            for one in failed[:10]
        )
        more = f"; and {len(failed) - 10} more" if len(failed) > 10 else ""
        answer = f"{len(failed)} of {len(rows)} trainings failed" + (
            f" ({named}{more})." if failed else "."
        )
        found.append(Finding("", "No training failed", answer, not failed))
    return found


CLAIMS = (
    ("The cold start beats random", EXTENDED, RANDOM),
    ("The cold start beats k-means to the budget", EXTENDED, KMEANS),
    ("Entropy plus distance beats entropy alone", LEVY, ENTROPY),
    ("Entropy plus distance beats distance alone", LEVY, DISTANCE),
    ("Active selection beats random", LEVY, RANDOM),
    ("Active selection beats the same cold start, extended to its budget", LEVY, EXTENDED),
)
"""Levy et al.'s claims as hypotheses, and the question that the paper did not ask."""


def _claims(data: str, rows: Sequence[Row]) -> Iterator[Finding]:
    """Yield what becomes of `CLAIMS`: on the area, corrected for their number."""
    tested, each = [], {}
    for question, strategy, other in CLAIMS:
        pair = [row for row in rows if row.strategy in (strategy, other)]
        found = [one for one in compare_areas(pair, other) if one.strategy == strategy]
        if found:
            tested.append((question, found[0]))
            each[question] = ", ".join(
                f"{one.budget}: {one.mean:+.3f}" for one in compare_rows(pair, other)
            )
    again = corrected([one for _, one in tested])
    for (question, _), one in zip(tested, again, strict=True):
        answer = f"{_said(one)} By labelled cases {each[question]}."
        yield Finding(data, question, answer, _decided(one))
    for strategy, name in ((EXTENDED, "The cold start"), (LEVY, "Active selection")):
        spread = [one for one in spreads(rows) if one.strategy == strategy]
        if spread:
            question = f"{name} varies less over the seeds than random"
            yield Finding(data, question, *_variance(spread))


def _said(one: Paired) -> str:
    """Return a difference in area as a sentence that claims no more than it may."""
    better = f"better with {one.better} of {one.pairs} seeds"
    if one.low is None or one.high is None:
        return f"Dice {one.mean:+.4f} with one seed, which decides nothing."
    interval = f"95 % interval {one.low:+.4f} to {one.high:+.4f}"
    p = "" if one.p_corrected is None else f", p = {one.p_corrected:.3f}"
    text = f"Dice {one.mean:+.4f} on average over the budgets ({interval}{p}; {better})."
    if _decided(one) is not None:
        return text
    if smallest_p(one.pairs) >= LEVEL:
        few = f"{one.pairs} seeds are too few for the rank test to decide anything"
        return f"{text} {few[0].upper()}{few[1:]}."
    largest = max(abs(one.low), abs(one.high))
    return f"{text} No difference was seen; the data leave one of up to {largest:.4f} possible."


def _decided(one: Paired) -> bool | None:
    if one.low is None or one.high is None or one.p_corrected is None:
        return None
    if one.low <= 0 <= one.high or one.p_corrected >= LEVEL:
        return None
    return one.mean > 0


def _variance(found: Sequence[Spread]) -> tuple[str, bool | None]:
    each = ", ".join(
        f"{one.budget}: {one.std:.4f} against {one.reference_std:.4f}" for one in found
    )
    tested = [one for one in found if one.p is not None]
    lower = [one for one in tested if (one.p or 0) * len(tested) < LEVEL and one.ratio < 1]
    higher = [one for one in tested if (one.p or 0) * len(tested) < LEVEL and one.ratio > 1]
    answer = f"Standard deviation of Dice by labelled cases {each}."
    if lower or higher:
        words = [
            f"{word} with {' and '.join(str(one.budget) for one in group)}"
            for word, group in (("lower", lower), ("higher", higher))
            if group
        ]
        return f"{answer} It is {', '.join(words)} labelled (Pitman and Morgan).", not higher
    return f"{answer} At no budget can the two be told apart.", None


def _of_auto(data: str, rows: Sequence[Row]) -> Iterator[Finding]:
    """Yield whether `auto` does what a default must."""
    summaries = {(one.strategy, one.budget): one for one in summarise_rows(rows)}
    budgets = sorted({budget for strategy, budget in summaries if strategy == AUTO})
    for other, name in ((RANDOM, "random"), (FOREGROUND, "foreground-aware random")):
        both = [b for b in budgets if (other, b) in summaries]
        if both:
            gains = {
                b: summaries[AUTO, b].dice_median - summaries[other, b].dice_median for b in both
            }
            each = ", ".join(f"{budget}: {gain:+.4f}" for budget, gain in gains.items())
            yield Finding(
                data,
                f"auto's median Dice is at or above that of {name} at every budget",
                f"By labelled cases {each}.",
                all(gain >= 0 for gain in gains.values()),
            )
    mean = {one.strategy: one.mean for one in areas(rows)}
    published = {s: m for s, m in mean.items() if s not in OWN}
    if AUTO in mean and published:
        ahead = [f"{s} ({m:.4f})" for s, m in published.items() if m >= mean[AUTO]]
        yield Finding(
            data,
            "auto is ahead of every published method on average",
            f"Mean area {mean[AUTO]:.4f}; "
            + (f"at or above it: {', '.join(ahead)}." if ahead else "all others are below."),
            not ahead,
        )
    found = sorted((one for one in spreads(rows) if one.strategy == AUTO), key=lambda o: o.budget)
    if found:
        one = found[0]
        yield Finding(
            data,
            "auto's spread at the smallest budget is at most half of random's",
            f"{one.std:.4f} against {one.reference_std:.4f} with {one.budget} labelled.",
            one.ratio <= 0.5,
        )


def _best(data: str, rows: Sequence[Row]) -> Iterator[Finding]:
    compared = compare_areas(rows)
    if not compared:
        return
    order = sorted(compared, key=lambda one: -one.mean)
    beat = [one for one in order if _decided(one) is True]
    worse = [one for one in order if _decided(one) is False]
    answer = (
        f"Largest mean difference: {order[0].strategy} ({order[0].mean:+.4f}); smallest: "
        f"{order[-1].strategy} ({order[-1].mean:+.4f}). "
    )
    answer += f"Above it: {', '.join(one.strategy for one in beat) or 'none'}; "
    answer += f"below it: {', '.join(one.strategy for one in worse) or 'none'}."
    if smallest_p(max(one.pairs for one in compared)) * len(compared) >= LEVEL:
        answer += (
            " With so few seeds and so many comparisons, the corrected rank test cannot fall below "
            f"{LEVEL}, whatever the differences."
        )
    yield Finding(data, "Some strategy beats random over all budgets", answer, bool(beat) or None)
