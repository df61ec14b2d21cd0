"""Names are text: in the terminal, in tables for spreadsheets, in the report, on the page."""

import csv
import html
import io
import json
import re
import unicodedata
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from ActiveSeedLib.app.map_points import write_map_csv
from ActiveSeedLib.benchmark.config import read_config
from ActiveSeedLib.benchmark.evidence import Finding
from ActiveSeedLib.benchmark.report import write_report
from ActiveSeedLib.benchmark.sections import Picture, Section, Strong, Table
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import csv_text
from ActiveSeedLib.pictures import draw_map
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project import Project
from Testing.hostile.conftest import CODES, FORMULAS, NAMES, SCRIPTS
from Testing.hostile.measured import activeseed
from Testing.viewer.whole_page import named, serve, wait_drawn

TURNS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def is_plain(text: str) -> bool:
    """Whether a text could steer neither terminal nor eye; line ends are allowed."""
    return not any(
        unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} or sign in TURNS
        for sign in text.replace("\n", "")
    )


def test_a_case_has_a_name_that_is_text(hostile_images: Path) -> None:
    pool = scan(hostile_images)
    assert len(pool.cases) == len(NAMES)
    assert len({case.name for case in pool.cases}) == len(NAMES)
    for case in pool.cases:
        assert is_plain(case.name)
        assert "\n" not in case.name
        assert (hostile_images / case.path).is_file()  # the path is what it is
    reasons = {one.path: one.reason for one in pool.refused}
    assert r"no\xfftext.nii" in reasons


def test_the_terminal_is_told_text(hostile_images: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    commands = (
        ("init", project, "--images", hostile_images, "--segments", "1=a"),
        ("suggest", project, "--budget", str(len(NAMES)), "--strategy", "random"),
        ("status", project),
        ("import-labels", project, hostile_images),
        ("status", "no\x1b[2Jproject"),
    )
    for words in commands:
        done = activeseed(*words)
        assert done.code in (0, 2), done.err
        assert "Traceback" not in done.err
        assert is_plain(done.out), words[0]
        assert is_plain(done.err), words[0]
    shown = activeseed("status", project).out
    assert SCRIPTS[0] in shown  # nothing is lost


def test_no_cell_is_a_formula(hostile_project: Path, tmp_path: Path) -> None:
    with Project.open(hostile_project, write=False) as project:
        write_map_csv(tmp_path / "map.csv", project)
    text = (tmp_path / "map.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == len(NAMES) + 1
    for row in rows:
        for one in row:
            assert not one.startswith(tuple("=+-@\t\r")) or is_number(one)
    names = {row[0] for row in rows}
    assert "'=cmd|' C'!A1" in names
    assert "'-2+3+cmd" in names


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_numbers_stay_numbers() -> None:
    row = {"a": -1.5, "b": "-1.5", "c": "+2", "d": None, "e": "=1", "f": "a=1"}
    assert csv_text([row]).splitlines()[1] == "-1.5,-1.5,+2,,'=1,a=1"


def test_the_report_shows_text(tmp_path: Path, page: Page) -> None:
    part = Section(
        SCRIPTS[0],
        list(NAMES),
        [Finding(SCRIPTS[1], SCRIPTS[0], SCRIPTS[1], None)],
        [Table(SCRIPTS[1], ("a", SCRIPTS[0]), [(name, Strong(name)) for name in NAMES])],
        [Picture("map", SCRIPTS[4], picture(tmp_path))],
    )
    write_report(tmp_path, SCRIPTS[0], [part])
    page.set_content((tmp_path / "report.html").read_text(encoding="utf-8"))
    page.locator("td").first.hover()
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert SCRIPTS[0] in page.locator("body").inner_text()
    assert page.locator("script, img[src=x], [onload], [onerror]").count() == 0


def picture(folder: Path) -> bytes:
    draw_map(folder / "m.svg", {"k": (0.0, 0.0)}, {"pool": ["k"]}, title=SCRIPTS[0])
    return (folder / "m.svg").read_bytes()


def test_the_page_shows_text(hostile_project: Path, page: Page) -> None:
    with serve(hostile_project) as served:
        page.goto(served.link)
        lines = named(page, "line")
        expect(lines.first).to_be_visible()
        for name in SCRIPTS[:3]:
            expect(title_of(lines, name)).to_be_visible()
        title_of(lines, SCRIPTS[0]).click()
        expect(named(page, "case-name")).to_have_text(SCRIPTS[0])
        wait_drawn(page)
        expect(named(page, "map-plot").locator("path.point").first).to_be_attached()
        body = page.locator("body").inner_text()
        assert SCRIPTS[2] in body  # the name of a segment
        page.wait_for_timeout(500)
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src=x], [onload], [onerror], [onmouseover]").count() == 0


def title_of(lines: Locator, name: str) -> Locator:
    """Return the title of a case in the queue: its number and its name."""
    return lines.get_by_text(re.compile(rf"^\s*\d+\. {re.escape(name)}\s*$"))


@pytest.mark.parametrize("name", ["..", "../x", "-rf", "+1", "=1", "a/b", "", "a\nb"])
def test_a_data_set_is_called_as_a_folder_may_be(tmp_path: Path, name: str) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        f'title = "t"\nstrategies = ["random"]\nseeds = 1\n[[data]]\nname = {json.dumps(name)}\n'
        'images = "i"\nlabels = "l"\nbudgets = [3]\n'
    )
    with pytest.raises(InputError, match="names a folder"):
        read_config(config)


def test_what_is_tested_would_do_harm(page: Page) -> None:
    """The same names, not escaped, do it."""
    page.set_content(f"<body>{SCRIPTS[0]}</body>")
    page.wait_for_function("window.hacked === 1")
    assert html.escape(SCRIPTS[0]) != SCRIPTS[0]
    assert not all(map(is_plain, (*CODES, *FORMULAS)))
