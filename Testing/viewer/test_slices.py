"""A project that takes slices, on the whole page in a real browser: suggested, painted, done."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from ActiveSeedLib.cli import main
from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.pool.slices import split_key
from ActiveSeedLib.project.project import Project
from Testing.viewer.browser import Served, shot
from Testing.viewer.test_map_part import DOUBLE_CLICK, PLACE
from Testing.viewer.whole_page import named, painted, press, said, serve, wait_drawn

JOB_MS = 240_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slices")
    generate_cohort(folder, cases=5, size=(48, 40, 14))
    options = ["--images", folder / "images", "--segments", "1=liver,2=kidney", "--unit", "slice"]
    main(["init", str(folder / "project"), *map(str, options)])
    return folder / "project"


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Served]:
    with serve(root) as served:
        yield served
    assert "Traceback" not in "".join(served.printed)


def shown_slice(page: Page) -> int:
    """Return the axial slice that is shown, counted from 1."""
    found = re.search(r"(\d+) of", named(page, "position-Red").inner_text())
    assert found is not None
    return int(found.group(1))


def waiting(page: Page) -> list[int]:
    """Return the slices that the page says are to be labelled, from 1."""
    words = named(page, "slices").inner_text().split("(")[0]
    return [int(number) for number in re.findall(r"\d+", words)]


def test_slices_are_suggested_painted_and_done(page: Page, root: Path, server: Served) -> None:
    page.goto(server.link)
    expect(named(page, "budget").locator("label").first).to_have_text("Slices")
    named(page, "budget").locator("input").fill("12")
    named(page, "suggest").click()
    words = re.compile(r"12 slices of \d cases are suggested.")
    expect(named(page, "notice-text")).to_contain_text(words, timeout=JOB_MS)
    press(page, "Open the first")
    wait_drawn(page)
    slices = waiting(page)
    assert shown_slice(page) == slices[0]
    shot(page, "slices-open")
    for number in [*slices[1:], slices[0]]:
        page.keyboard.press("n")
        expect(named(page, "position-Red")).to_contain_text(re.compile(rf"\b{number} of"))
        painted(page, (-40, 0), (40, 0))
    shot(page, "slices-painted")
    name = named(page, "case-name").inner_text()
    page.keyboard.press("Control+s")
    said(page, "saved")
    with Project.open(root, write=False) as project:
        record = project.case(name)
        units = [split_key(unit) for unit in project.training_labels()]
        assert units == [(record.case.key, number - 1) for number in slices]
        path = project.label_path(record.case.key)
        assert path is not None
        label = read_label(path)
        axis = project.slice_axis(record.case)
        others = tuple(a for a in range(3) if a != axis)
        drawn = np.flatnonzero((label.array != 0).any(axis=others)) + 1
        assert drawn.tolist() == slices
        assert label.geometry.is_close(record.case.geometry)
    expect(named(page, "slices")).to_have_count(0)


def test_a_click_on_the_map_opens_the_case_at_that_slice(
    page: Page, root: Path, server: Served
) -> None:
    page.goto(server.link)
    with Project.open(root, write=False) as project:
        kept = project.map()
        assert kept is not None
        points = kept.points
        names = {r.case.key: r.case.name for r in project.cases()}
    page.wait_for_function(
        "(n) => document.querySelectorAll('[data-name=map-plot] path.point').length === n",
        arg=len(points),
    )
    expect(page.get_by_text(f"{len(points)} slices are on the map.")).to_be_visible()
    # One that no other point lies upon.
    places = np.array(list(points.values()))
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    for row in np.argsort(-apart.min(axis=1))[:2]:
        unit = list(points)[row]
        key, index = split_key(unit)
        page.wait_for_timeout(DOUBLE_CLICK)
        page.mouse.click(*page.evaluate(PLACE, list(points[unit])))
        expect(named(page, "case-name")).to_have_text(names[key])
        wait_drawn(page)
        assert index is not None
        expect(named(page, "position-Red")).to_contain_text(re.compile(rf"\b{index + 1} of"))
    shot(page, "slices-map")
