"""What a benchmark's report holds, whatever it is written as: sentences, tables and pictures."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ActiveSeedLib.benchmark.evidence import Finding, findings
from ActiveSeedLib.benchmark.figures import (
    Style,
    curves_figure,
    differences_figure,
    forest_figure,
    is_different,
    ranks_figure,
    styles,
)
from ActiveSeedLib.benchmark.labels_needed import COSTS, labels_needed
from ActiveSeedLib.benchmark.ranks import ALL, Ranks, mean_ranks
from ActiveSeedLib.benchmark.statistics import (
    Paired,
    Summary,
    areas,
    compare_areas,
    compare_rows,
    failed_runs,
    spreads,
    summarise_rows,
)
from ActiveSeedLib.benchmark.table import FULL, Row

NONE = "–"
VERDICTS = {True: "supported", False: "contradicted", None: "open"}
BOLD_P = "Bold: corrected p below 0.05."
FILLED = "Filled: corrected p below 0.05. What lies far outside is cut off; the tables have it."
MARKS = {"supported": "✓", "contradicted": "✗", "open": "?"}


class Strong(str):
    """A cell that stands out."""

    __slots__ = ()


@dataclass(frozen=True)
class Table:
    """Rows of text under a title.

    Attributes:
        title: says what the table holds.
        columns: headings; the first column names the row.
        rows: a cell a column.
        folded: shown when it is asked for.
        note: how to read it.
        words: the cells are words, not numbers.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    folded: bool = False
    note: str = ""
    words: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture with its caption; `name` becomes a file's, `content` is SVG or PNG."""

    name: str
    caption: str
    content: bytes

    @property
    def kind(self) -> str:
        """How the file ends: "png" or "svg"."""
        return "png" if self.content.startswith(b"\x89PNG") else "svg"


@dataclass(frozen=True)
class Section:
    """A part of the report under one heading."""

    title: str
    sentences: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)


def make_sections(
    rows: Sequence[Row],
    sentences: Sequence[str],
    reference: str = "random",
    pictures: Mapping[str, Sequence[Picture]] | None = None,
) -> list[Section]:
    """Return the parts of the report.

    Args:
        rows: of the table.
        sentences: what was compared, in words.
        reference: whom the others are compared with.
        pictures: data set → further pictures of it.
    """
    sets = list(dict.fromkeys(row.data for row in rows))
    said = findings(rows, reference)
    whole = Section(
        "What was compared", list(sentences), [one for one in said if not one.data], [], []
    )
    if any(one.data for one in said):
        whole.tables.append(_overview(said, sets))
    parts = [whole]
    looks = styles([row.strategy for row in rows], reference)
    for data in sets:
        of_data = [row for row in rows if row.data == data]
        part = _data_section(data, of_data, reference, looks)
        part.findings.extend(one for one in said if one.data == data)
        part.pictures.extend((pictures or {}).get(data, ()))
        parts.append(part)
    everything = [one for one in mean_ranks(rows) if one.data == ALL]
    if everything:
        parts.append(_ranks_section(everything[0]))
    return [*parts, _provenance(rows)]


def _overview(said: Sequence[Finding], sets: Sequence[str]) -> Table:
    """Return every question with the verdict of each data set."""
    verdicts = {(one.question, one.data): MARKS[VERDICTS[one.supported]] for one in said}
    questions = dict.fromkeys(one.question for one in said if one.data)
    rows = [(asked, *(verdicts.get((asked, data), NONE) for data in sets)) for asked in questions]
    note = ", ".join(f"{mark} {verdict}" for verdict, mark in MARKS.items())
    note += "; with each data set is what that rests on."
    return Table("What the data say", ("", *sets), rows, note=note, words=True)


def _data_section(
    data: str, rows: Sequence[Row], reference: str, looks: Mapping[str, Style]
) -> Section:
    summaries = summarise_rows(rows)
    seeds = sorted({row.seed for row in rows})
    pools = sorted({row.pool for row in rows})
    tested = sorted({row.tested for row in rows})
    sentences = [
        f"{len(seeds)} seeds ({_span(seeds)}); {_span(pools)} cases to choose from, "
        f"{_span(tested)} to test on."
    ]
    differences = compare_rows(rows, reference)
    whole = compare_areas(rows, reference)
    pictures = _data_pictures(data, rows, reference, looks)
    place = {one.strategy: -one.mean for one in areas(rows)}
    ranked = sorted(summaries, key=lambda one: place.get(one.strategy, 0.0))
    tables = [
        _area_table(rows, whole, reference),
        _measure_table("Dice, mean ± standard deviation (median)", ranked, "dice"),
        *_needed_tables(rows),
        _measure_table("HD95 in mm (pixels where they have no size)", ranked, "hd95", True),
        _difference_table(differences, reference, "dice"),
        _difference_table(compare_rows(rows, reference, "hd95"), reference, "hd95"),
        _spread_table(rows, reference),
        _time_table(rows),
    ]
    return Section(data, sentences, [], [one for one in tables if one.rows], pictures)


def _data_pictures(
    data: str, rows: Sequence[Row], reference: str, looks: Mapping[str, Style]
) -> list[Picture]:
    summaries, whole = summarise_rows(rows), compare_areas(rows, reference)
    differences = compare_rows(rows, reference)
    minutes = {
        (one.strategy, one.budget): float(
            np.mean(
                [r.minutes for r in rows if (r.strategy, r.budget) == (one.strategy, one.budget)]
            )
        )
        for one in summaries
        if one.strategy != FULL
    }
    pictures = []
    if differences:
        pictures.append(
            _picture(
                f"{data}-differences",
                f"{data}: each strategy's mean difference in Dice to {reference}, with 95 % "
                f"intervals. {FILLED}",
                differences_figure(differences, reference),
            )
        )
    pictures.append(
        _picture(
            f"{data}-curves",
            f"{data}: mean Dice against labelled cases and against minutes of annotation; bars are "
            "the standard error over the seeds. Named in the order of the last budget. A mean "
            "that a failed training drags down may lie below the axis.",
            curves_figure(summaries, minutes, looks),
        )
    )
    if whole:
        caption = f"{data}: differences in area under the budget curve, with 95 % intervals. "
        caption += FILLED
        pictures.append(_picture(f"{data}-areas", caption, forest_figure(whole, reference)))
    pictures += [
        _picture(
            f"{data}-ranks",
            f"{data}: mean ranks by area over {ranks.blocks} seeds.{_left_out(ranks)}",
            ranks_figure(ranks),
        )
        for ranks in mean_ranks(rows)
        if len(ranks.strategies) > 1
    ]
    return pictures


def _picture(name: str, caption: str, svg: str) -> Picture:
    return Picture(name, caption, svg.encode())


def _area_table(rows: Sequence[Row], whole: Sequence[Paired], reference: str) -> Table:
    compared = {one.strategy: one for one in whole}
    lines = []
    for area in sorted(areas(rows), key=lambda one: -one.mean):
        one = compared.get(area.strategy)
        lines.append(
            (
                area.strategy,
                _spread(area.mean, area.std, area.median, 4),
                *(_difference(one) if one else (NONE,) * 4),
            )
        )
    columns = ("strategy", "area", f"− {reference}", "95 % interval", "better in", "p, corrected")
    note = f"Seed by seed; p by Wilcoxon's signed-rank test and Holm. {BOLD_P}"
    return Table("Area under the budget curve (a Dice)", columns, lines, note=note)


def _difference(one: Paired, digits: int = 4) -> tuple[str, str, str, str]:
    interval = NONE
    if one.low is not None and one.high is not None:
        interval = f"{one.low:+.{digits}f} to {one.high:+.{digits}f}"
    mean, p = f"{one.mean:+.{digits}f}", _p(one.p_corrected)
    if is_different(one):
        mean, p = Strong(mean), Strong(p)
    return mean, interval, f"{one.better} of {one.pairs}", p


def _p(p: float | None) -> str:
    if p is None:
        return NONE
    return "< 0.001" if p < 0.0005 else f"{p:.3f}"


def _difference_table(found: Sequence[Paired], reference: str, measure: str) -> Table:
    digits = 4 if measure == "dice" else 2
    lines = [
        (one.strategy, str(one.budget), *_difference(one, digits), f"{one.median:+.{digits}f}")
        for one in found
    ]
    columns = ("strategy", "labelled", "mean", "95 % interval", "better in", "p, corrected")
    title = f"{'Dice' if measure == 'dice' else 'HD95'} − {reference}, seed by seed"
    return Table(title, (*columns, "median"), lines, True, BOLD_P)


def _measure_table(
    title: str, summaries: Sequence[Summary], measure: str, folded: bool = False
) -> Table:
    budgets = sorted({one.budget for one in summaries if one.strategy != FULL})
    found = {(one.strategy, one.budget): one for one in summaries if one.strategy != FULL}
    best = {budget: _best(found.values(), budget, measure) for budget in budgets}
    lines = []
    for strategy in dict.fromkeys(one.strategy for one in summaries if one.strategy != FULL):
        cells = []
        for budget in budgets:
            one = found.get((strategy, budget))
            cell = NONE if one is None else _measured(one, measure)
            cell += f", {one.failed} failed" if one and one.failed else ""
            cells.append(Strong(cell) if one is best[budget] else cell)
        lines.append((strategy, *cells))
    for one in (one for one in summaries if one.strategy == FULL):
        cell = f"{_measured(one, measure)} with about {one.budget}"
        lines.append((f"{FULL} supervision", *[NONE] * (len(budgets) - 1), cell))
    note = "Bold: the best mean at a budget, which need not differ from the others."
    return Table(title, ("strategy", *(f"{b} labelled" for b in budgets)), lines, folded, note)


def _best(summaries: Iterable[Summary], budget: int, measure: str) -> Summary | None:
    """Return the one with the best mean at the budget; None if no mean is a number."""
    known = [one for one in summaries if one.budget == budget]
    if measure == "dice":
        known = [one for one in known if math.isfinite(one.dice_mean)]
        return max(known, key=lambda one: one.dice_mean, default=None)
    known = [one for one in known if math.isfinite(one.hd95_mean)]
    return min(known, key=lambda one: one.hd95_mean, default=None)


def _measured(one: Summary, measure: str) -> str:
    if measure == "dice":
        return _spread(one.dice_mean, one.dice_std, one.dice_median, 3)
    return _spread(one.hd95_mean, one.hd95_std, one.hd95_median, 2)


def _spread(mean: float, std: float | None, median: float, digits: int) -> str:
    around = "" if std is None else f" ± {std:.{digits}f}"
    return f"{mean:.{digits}f}{around} ({median:.{digits}f})"


def _needed_tables(rows: Sequence[Row]) -> list[Table]:
    """Return cases and minutes, a strategy a line; and folded all costs."""
    needed = labels_needed(rows)
    shares = list(dict.fromkeys(one.share for one in needed))
    short: dict[str, dict[float, str]] = {}
    long = []
    for one in needed:
        costs = dict.fromkeys(COSTS, NONE)
        if one.costs is not None:
            most = "≤ " if one.at_most else ""
            costs = {name: f"{most}{one.costs[name]:,.0f}" for name in COSTS}
            text = f"{costs['cases']} ({one.costs['minutes']:,.0f} min)"
            short.setdefault(one.strategy, {})[one.share] = text
        long.append((one.strategy, f"{one.share:.0%} ({one.target:.3f})", *costs.values()))
    names = dict.fromkeys(one.strategy for one in needed)
    lines = [(name, *(short.get(name, {}).get(one, NONE) for one in shares)) for name in names]
    title = "Labelled (and minutes of annotation) to reach a share of full supervision's Dice"
    note = f"On the mean curve; ≤: at the first budget already, {NONE}: not reached."
    heads = ("strategy", *(f"{share:.0%}" for share in shares))
    columns = ("strategy", "of full supervision", *COSTS)
    folded = Table("Labels needed to come near full supervision: all costs", columns, long, True)
    return [Table(title, heads, lines, note=note), folded]


def _spread_table(rows: Sequence[Row], reference: str) -> Table:
    lines = [
        (
            one.strategy,
            str(one.budget),
            f"{one.std:.4f}",
            f"{one.reference_std:.4f}",
            f"{one.ratio:.2f}",
            _p(one.p),
        )
        for one in spreads(rows, reference)
    ]
    columns = ("strategy", "labelled", "std of Dice", f"std of {reference}", "ratio", "p")
    return Table("Spread over the seeds (p by Pitman and Morgan)", columns, lines, folded=True)


def _time_table(rows: Sequence[Row]) -> Table:
    names = ("select", "train", "predict", "measure")
    lines = []
    # what runs took on different devices has no common mean
    for strategy, device in dict.fromkeys((row.strategy, row.device) for row in rows):
        group = [row for row in rows if (row.strategy, row.device) == (strategy, device)]
        means = [np.mean([getattr(row, f"{name}_seconds") for row in group]) for name in names]
        lines.append((strategy, *(f"{mean:.2f}" for mean in means), device, str(len(group))))
    columns = ("strategy", *names, "device", "rounds")
    return Table("Seconds a round", columns, lines, folded=True)


def _ranks_section(ranks: Ranks) -> Section:
    p = "" if ranks.p is None else f" Friedman's test: p {_p(ranks.p)}."
    text = (
        f"Mean ranks by area over {ranks.blocks} data sets and seeds; bars join strategies that do "
        f"not differ (Nemenyi, 0.05).{p} Seeds of one data set share its images: this speaks of "
        f"these data sets, not of others.{_left_out(ranks)}"
    )
    figure = _picture(
        "ranks", "Critical-difference diagram over all data sets.", ranks_figure(ranks)
    )
    return Section("All data sets", [text], [], [], [figure])


def _left_out(ranks: Ranks) -> str:
    missing = ", ".join(ranks.left_out)
    return f" Not ranked, as runs of theirs are missing: {missing}." if missing else ""


def _provenance(rows: Sequence[Row]) -> Section:
    columns = ("data", "protocol", "cohort", "encoder", "device", "machine", "versions")
    unique = dict.fromkeys(tuple(str(getattr(row, name)) for name in columns) for row in rows)
    failed = [
        (one.row.data, one.row.strategy, str(one.row.seed), str(one.row.budget), one.because)
        for one in failed_runs(rows)
    ]
    named = ("data", "strategy", "seed", "labelled", "because")
    tables = [
        Table("Failed trainings", named, list(failed), words=True),
        Table("Where the rows come from", columns, list(unique), words=True),
    ]
    tables = [table for table in tables if table.rows]
    return Section("Provenance", [], [], tables, [])


def _span(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
