"""The benchmark's report: its numbers are the statistics', and nothing in it is taken as code."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.benchmark.figures import is_different, joined, limits, ranks_figure, styles
from ActiveSeedLib.benchmark.labels_needed import labels_needed
from ActiveSeedLib.benchmark.ranks import Ranks
from ActiveSeedLib.benchmark.report import write_report
from ActiveSeedLib.benchmark.sections import Picture, make_sections
from ActiveSeedLib.benchmark.statistics import areas, compare_areas, summarise_rows
from ActiveSeedLib.benchmark.table import FULL, Row
from Testing.benchmark.rows import row

STRATEGIES = ("random", "levy", "kmeans@once", "levy-cold-start@once", "auto")
EVIL = '<script>alert("1")</script>|`x`'


def _rows(
    sets: tuple[str, ...] = ("cxr", "mr"), seeds: int = 6, strategies: tuple[str, ...] = STRATEGIES
) -> list[Row]:
    generator = np.random.default_rng(7)
    rows = [
        row(
            data=data,
            strategy=name,
            seed=43 + seed,
            budget=budget,
            dice=generator.uniform(0.8, 0.9),
        )
        for data in sets
        for seed in range(seeds)
        for name in strategies
        for budget in (6, 12, 24)
    ]
    full = [
        row(data=data, strategy=FULL, seed=43 + seed, budget=100 + seed, dice=0.95)
        for data in sets
        for seed in range(seeds)
    ]
    return rows + full


class _Nested(HTMLParser):
    """Fails where an element is closed that is not the open one; keeps the texts."""

    VOID = ("meta", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name.endswith(("src", "href"))]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _page(folder: Path) -> _Nested:
    parser = _Nested()
    parser.feed((folder / "report.html").read_text(encoding="utf-8"))
    parser.close()
    assert parser.open == []
    return parser


def test_the_numbers_are_those_of_the_statistics(tmp_path: Path) -> None:
    rows = _rows()
    write_report(tmp_path, "Two sets", make_sections(rows, ["What was done."]))
    page = _page(tmp_path)
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "What was done." in page.texts
    for area in areas(rows):
        text = f"{area.mean:.4f} ± {area.std:.4f} ({area.median:.4f})"
        assert text in page.texts
        assert f"| {area.strategy} | {text} |" in markdown
    for one in compare_areas(rows):
        assert f"{one.low:+.4f} to {one.high:+.4f}" in page.texts
        assert f"{one.better} of 6" in page.texts
    for needed in labels_needed(rows):
        if needed.costs:
            text = f"{needed.costs['cases']:.0f} ({needed.costs['minutes']:.0f} min)"
            assert any(found in page.texts for found in (text, f"≤ {text}"))
    for summary in summarise_rows(rows):
        if summary.strategy != FULL:
            text = f"{summary.dice_mean:.3f} ± {summary.dice_std:.3f} ({summary.dice_median:.3f})"
            assert text in page.texts


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    picture = Picture("cxr-map", "A map", b"\x89PNG\r\n")
    sections = make_sections(_rows(), [], pictures={"cxr": [picture]})
    write_report(tmp_path, "Two sets", sections)
    page = _page(tmp_path)
    links = page.links
    assert all(link.startswith(("data:", "#")) for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids)), "no figure takes another one's marks"
    assert "://" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert sum(link.startswith("data:image/png") for link in links) == 1
    # differences, curves, areas and ranks of either set, and the ranks over both
    assert page.tags.count("svg") == 9
    for path in re.findall(r"\]\((.*?)\)", (tmp_path / "report.md").read_text(encoding="utf-8")):
        assert (tmp_path / path).is_file()


def test_every_strategy_is_named_in_every_figure(tmp_path: Path) -> None:
    write_report(tmp_path, "One set", make_sections(_rows(("cxr",)), []))
    for kind in ("differences", "curves", "areas", "ranks"):
        svg = (tmp_path / "figures" / f"cxr-{kind}.svg").read_text(encoding="utf-8")
        for name in STRATEGIES[1:]:
            assert f">{name}" in svg or f" {name}<" in svg


def test_what_differs_is_filled_and_bold(tmp_path: Path) -> None:
    rows = [
        row(strategy=name, seed=43 + seed, budget=budget, dice=0.8 + gain + 0.001 * seed**2)
        for name, gain in (("random", 0.0), ("levy", 0.05), ("auto", 0.0))
        for seed in range(9)
        for budget in (6, 12)
    ]
    rows = [
        replace(one, dice=one.dice + 0.0001 * one.seed * (one.strategy == "levy")) for one in rows
    ]
    write_report(tmp_path, "One set", make_sections(rows, []))
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    gains = {one.strategy: one for one in compare_areas(rows)}
    assert is_different(gains["levy"])
    assert not is_different(gains["auto"])
    assert f"**{gains['levy'].mean:+.4f}**" in markdown
    assert f"| {gains['auto'].mean:+.4f} |" in markdown
    best = [one for one in summarise_rows(rows) if one.strategy == "levy"]
    for one in best:
        text = f"{one.dice_mean:.3f} ± {one.dice_std:.3f} ({one.dice_median:.3f})"
        assert f"**{text}**" in markdown
    assert "< 0.001" in markdown or f"{gains['levy'].p_corrected:.3f}" in markdown


def test_one_failed_run_leaves_the_others_legible() -> None:
    rows = _rows(("cxr",), 6, ("random", *"abcdefgh"))
    usual = _width(rows)
    rows[-20] = replace(rows[-20], dice=0.01)
    assert _width(rows) < 3 * usual


def _width(rows: list[Row]) -> float:
    low, high = limits(compare_areas(rows))
    return high - low


def test_a_name_is_no_formula_and_up_to_24_look_different(tmp_path: Path) -> None:
    names = [f"{n}_$x^{n}$" for n in range(24)]
    looks = styles(["random", *names, FULL], "random")
    assert (
        len({(one["color"], one.get("marker"), one.get("linestyle")) for one in looks.values()})
        == 25
    )
    rows = _rows(("cxr",), 2, ("random", *names[:14]))
    sections = make_sections(rows, [])
    for picture in sections[1].pictures:
        assert all(name in picture.content.decode() for name in names[:14]), picture.name
    assert sections[0].tables, "the questions with their verdicts come first"


def test_names_are_text_and_nothing_more(tmp_path: Path) -> None:
    rows = _rows(("cxr",), 2, ("random", EVIL))
    write_report(tmp_path, EVIL, make_sections(rows, [EVIL]))
    assert EVIL in _page(tmp_path).texts
    lines = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    tables = [line for line in lines if line.startswith("|")]
    for line in tables:
        assert "<" not in line
    evil = next(line for line in tables if "script" in line)
    assert len(re.findall(r"(?<!\\)\|", evil)) == 7  # of six columns


@pytest.mark.parametrize(
    "rows",
    [
        _rows(("cxr",), seeds=1),
        _rows(("cxr",), 1, ("random",)),
        _rows(("cxr",), strategies=("levy", "auto")),
        [one for one in _rows(("cxr",)) if one.strategy != FULL],
        [one for one in _rows(("cxr",)) if one.budget == 6],
    ],
    ids=["one seed", "nothing to compare", "no reference", "no full supervision", "one budget"],
)
def test_whatever_is_there_is_reported(tmp_path: Path, rows: list[Row]) -> None:
    write_report(tmp_path, "Some", make_sections(rows, []))
    page = _page(tmp_path)
    area = areas(rows)[0]
    assert any(f"{area.mean:.4f}" in text for text in page.texts)


def test_bars_join_what_does_not_differ() -> None:
    def ranks(*values: float, difference: float | None = 1.0) -> Ranks:
        return Ranks("d", 9, tuple("abcde"[: len(values)]), values, 0.1, difference)

    assert joined(ranks(1.0, 1.5, 2.2, 4.0, 4.9)) == [(0, 1), (1, 2), (3, 4)]
    assert joined(ranks(1.0, 2.0, 3.0, difference=5.0)) == [(0, 2)]
    assert joined(ranks(1.0, 3.0)) == []
    assert joined(ranks(1.0, 1.1, difference=None)) == []
    assert "wider than the axis" in ranks_figure(ranks(1.0, 2.0, difference=5.0))
