"""What a benchmark's evidence supports and what it does not, in words.

A difference is called one only where the 95 % interval of its mean leaves out 0 and the rank test,
corrected for the number of comparisons, stays below 0.05; else it is said how large a difference
the data leave possible, or that so few seeds could not have shown one. What `auto` must do is put
as its medians and means came out, without a test. All are compared on the seeds that both have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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


def findings(rows: Sequence[Row], reference: str = RANDOM) -> list[Finding]:
    """Return what can be said of the strategies that are in `rows`.

    Args:
        rows: of the table.
        reference: whom the last question of each data set compares all others with.
    """
    found = []
    for data in dict.fromkeys(row.data for row in rows):
        of_data = [row for row in rows if row.data == data]
        found += [*_claims(data, of_data), *_of_auto(data, of_data)]
        found += _best(data, of_data, reference)
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
    tested, each = [], []
    for question, strategy, other in CLAIMS:
        ours, of_both = _of_pair(rows, strategy, other)
        found = [one for one in compare_areas(of_both, other) if one.strategy == ours]
        if found:
            by_budget = compare_rows(of_both, other)
            tested.append((question, found[0]))
            each.append(", ".join(f"{one.budget}: {one.mean:+.3f}" for one in by_budget))
    again = corrected([one for _, one in tested])
    best = _at_best(again)
    for (question, _), one, least, budgets in zip(tested, again, best, each, strict=True):
        answer = f"{_said(one, least, len(again))} By labelled cases {budgets}."
        yield Finding(data, question, answer, _decided(one))
    for strategy, name in ((EXTENDED, "The cold start"), (LEVY, "Active selection")):
        spread = [one for one in spreads(rows) if one.strategy == strategy]
        if spread:
            question = f"{name} varies less over the seeds than random"
            yield Finding(data, question, *_variance(spread))


def _of_pair(rows: Sequence[Row], strategy: str, other: str) -> tuple[str, list[Row]]:
    """Return the strategy to compare with `other`, and the rows of both.

    Where the cold start was not extended, it is the first budget of the active selection.
    """
    if strategy == EXTENDED and not any(row.strategy == EXTENDED for row in rows):
        first = min((row.budget for row in rows if row.strategy == LEVY), default=0)
        rows, strategy = [row for row in rows if row.budget == first], LEVY
    return strategy, [row for row in rows if row.strategy in (strategy, other)]


def _said(one: Paired, least: float, comparisons: int) -> str:
    """Return a difference in area as a sentence that claims no more than it may.

    Args:
        one: the difference.
        least: the smallest corrected p that so many seeds could have given.
        comparisons: that it was corrected for.
    """
    better = f"better with {one.better} of {one.pairs} seeds"
    if one.low is None or one.high is None:
        return f"Dice {one.mean:+.4f} with one seed, which decides nothing."
    if one.ties == one.pairs:
        return f"The same Dice with each of {one.pairs} seeds."
    interval = f"95 % interval {one.low:+.4f} to {one.high:+.4f}"
    p = "" if one.p_corrected is None else f", p = {one.p_corrected:.3f}"
    text = f"Dice {one.mean:+.4f} on average over the budgets ({interval}{p}; {better})."
    if _decided(one) is not None:
        return text
    if least >= LEVEL:
        differ = " that differ" if one.ties else ""
        by = f", corrected for {comparisons} comparisons," if comparisons > 1 else ""
        few = f"{one.pairs - one.ties} seeds{differ} are too few for the rank test{by}"
        return f"{text} {few} to decide anything, whatever the differences."
    if not one.low <= 0 <= one.high:
        return f"{text} The interval leaves out 0, but the corrected rank test does not decide."
    largest = max(abs(one.low), abs(one.high))
    return f"{text} No difference was seen; the data leave one of up to {largest:.4f} possible."


def _at_best(compared: Sequence[Paired]) -> list[float]:
    """Return the smallest corrected p of each that any differences between its seeds could give."""
    possible = [
        one if one.p is None else replace(one, p=smallest_p(one.pairs - one.ties))
        for one in compared
    ]
    return [1.0 if one.p_corrected is None else one.p_corrected for one in corrected(possible)]


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
        said = f"{answer} It is {', '.join(words)} labelled (Pitman and Morgan)."
        return said, None if lower and higher else bool(lower)
    return f"{answer} At no budget can the two be told apart.", None


def _of_auto(data: str, rows: Sequence[Row]) -> Iterator[Finding]:
    """Yield whether `auto` does what a default must."""
    for other, name in ((RANDOM, "random"), (FOREGROUND, "foreground-aware random")):
        answer = _medians(rows, other)
        if answer:
            question = f"auto's median Dice is at or above that of {name} at every budget"
            yield Finding(data, question, *answer)
    published = [one for one in compare_areas(rows, AUTO) if one.strategy not in OWN]
    if published:
        ahead = [
            f"{one.strategy} ({one.mean:+.4f}, {one.pairs} seeds)"
            for one in published
            if one.mean >= 0
        ]
        (own,) = (one for one in areas(rows) if one.strategy == AUTO)
        yield Finding(
            data,
            "auto is ahead of every published method on average",
            f"Mean area {own.mean:.4f} with {own.seeds} seeds; "
            + (f"at or above it: {', '.join(ahead)}." if ahead else "all others are below."),
            not ahead,
        )
    found = sorted((one for one in spreads(rows) if one.strategy == AUTO), key=lambda o: o.budget)
    if found:
        one = found[0]
        p = "" if one.p is None else f"; equal: p = {one.p:.3f}"
        yield Finding(
            data,
            "auto's spread at the smallest budget is at most half of random's",
            f"{one.std:.4f} against {one.reference_std:.4f} with {one.budget} labelled "
            f"({one.seeds} seeds{p}).",
            one.ratio <= 0.5 if one.reference_std else None,
        )


def _medians(rows: Sequence[Row], other: str) -> tuple[str, bool] | None:
    """Return how `auto`'s medians differ from another's at each budget; None without both."""
    runs = [{(r.seed, r.budget) for r in rows if r.strategy == s} for s in (AUTO, other)]
    both = set.intersection(*runs)
    if not both:
        return None
    shared = [r for r in rows if r.strategy in (AUTO, other) and (r.seed, r.budget) in both]
    median = {(one.strategy, one.budget): one.dice_median for one in summarise_rows(shared)}
    budgets = sorted({budget for _, budget in both})
    gains = {budget: median[AUTO, budget] - median[other, budget] for budget in budgets}
    below = [str(budget) for budget, gain in gains.items() if not gain >= 0]
    each = ", ".join(f"{budget}: {gain:+.4f}" for budget, gain in gains.items())
    answer = f"By labelled cases {each} ({len({seed for seed, _ in both})} seeds)."
    return answer + (f" Below it with {', '.join(below)}." if below else ""), not below


def _best(data: str, rows: Sequence[Row], reference: str) -> Iterator[Finding]:
    compared = compare_areas(rows, reference)
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
    if min(_at_best(compared)) >= LEVEL:
        answer += (
            " With so few seeds and so many comparisons, the corrected rank test cannot fall below "
            f"{LEVEL}, whatever the differences."
        )
    question = f"Some strategy beats {reference} over all budgets"
    yield Finding(data, question, answer, bool(beat) or None)
