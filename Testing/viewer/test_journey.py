"""The whole way through `activeseed view`, in a real browser, as a radiologist goes it."""

import itertools
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.schema import LabelSchema
from Testing.viewer.browser import Problems, shot
from Testing.viewer.whole_page import (
    named,
    open_case,
    painted,
    press,
    remember,
    said,
    serve,
    show_only,
    stroke,
    take_brush,
    wait_drawn,
    was_told,
)

CASES, TEST, BUDGET = 12, 2, 2
SIZE = (96, 84, 24)
JOB_MS = 240_000
AWAY = "ERR_CONNECTION_REFUSED|page: Object|code: -32099"
"""What the browser says while the server is away."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project on which nobody has worked yet; its test cases have label maps."""
    folder = tmp_path_factory.mktemp("journey")
    generate_cohort(folder, cases=CASES, size=SIZE)
    pool = scan(folder / "images")
    test = [case.key for case in pool.cases[:TEST]]
    schema = LabelSchema.parse("1=liver,2=kidney")
    with Project.create(folder / "project", pool, schema, test=test) as project:
        project.import_labels(folder / "labels", keys=test)
    return folder


def lines(page: Page) -> list[str]:
    """Return the keys that the queue lists."""
    return [line.get_attribute("data-key") or "" for line in named(page, "line").all()]


def wait_open(page: Page, name: str | None = None) -> str:
    """Wait until a case (this one) is open and drawn, and return its name."""
    if name is None:
        expect(named(page, "case-name")).to_be_visible()
    else:
        expect(named(page, "case-name")).to_have_text(name)
    wait_drawn(page)
    return named(page, "case-name").inner_text()


def saved_of(root: Path, name: str) -> tuple[Image, Image]:
    """Return the image of a case and its label map on the disk."""
    with Project.open(root, write=False) as project:
        record = next(r for r in project.cases() if r.case.name == name)
        path = project.label_path(record.case.key)
        assert path is not None, f"{name} has no label map"
        session = Session(project)
        return session.load_image(record.case.key), read_label(path)


def swept(
    image: Image, page: Page, slice_index: int, moves: list[tuple[float, float]], diameter: float
) -> NDArray[np.bool_]:
    """Return the voxels that a brush touches on an axial slice, by their distance to its way.

    The view shows the whole slice in its middle: left of the patient is right, posterior is down.
    """
    geometry, box = image.geometry, named(page, "view-Red").bounding_box()
    assert box is not None
    assert np.allclose(np.abs(geometry.direction), np.eye(3).ravel(), atol=0.1)
    width, height, _ = np.array(geometry.size) * geometry.spacing
    way = np.array(moves) * max(width / box["width"], height / box["height"])
    signs = np.array(geometry.direction).reshape(3, 3).diagonal()  # to left and posterior
    rows, columns = np.indices(image.array.shape[1:])
    centre = (np.array(geometry.size) - 1) / 2
    x = (columns - centre[0]) * geometry.spacing[0] * signs[0]
    y = (rows - centre[1]) * geometry.spacing[1] * signs[1]
    places = np.stack([x, y], axis=-1)
    nearest = np.full(x.shape, np.inf)
    for start, end in itertools.pairwise(way):
        along = end - start
        part = np.clip((places - start) @ along / (along @ along), 0, 1)
        away = np.linalg.norm(places - (start + part[..., None] * along), axis=-1)
        nearest = np.minimum(nearest, away)
    mask = np.zeros(image.array.shape, bool)
    mask[slice_index] = nearest <= diameter / 2
    return mask


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


def shown_slice(page: Page) -> int:
    """Return the index of the slice that the axial view shows."""
    found = re.search(r"(\d+) of", named(page, "position-Red").inner_text())
    assert found is not None
    return int(found.group(1)) - 1


def brush_mm(page: Page) -> float:
    """Measure the brush in mm from now on, and return its diameter."""
    named(page, "relative").click()
    words = page.get_by_text(re.compile(r"^\d+\.\d mm$"))
    expect(words).to_be_visible()
    return float(words.inner_text().split()[0])


def save_anyway(page: Page, name: str) -> None:
    """Save, and count the label map as done whatever is odd about it."""
    page.keyboard.press("Control+s")
    said(page, "not counted as done yet")
    press(page, "Count as done")
    expect(named(page, "notice-text")).to_have_text(f"{name} is saved.")


def threshold_of(page: Page) -> tuple[float, float]:
    """Return the range of the threshold tool."""
    low, high = (
        float(named(page, f"threshold-{end}").locator("input").input_value())
        for end in ("low", "high")
    )
    return low, high


def train(page: Page) -> None:
    """Train for two epochs, and wait for the next suggestions."""
    named(page, "open-settings").click()
    named(page, "epochs").locator("input").fill("2")
    named(page, "settings-apply").click()
    remember(page, "job_step")
    page.get_by_role("button", name="Retrain").click()
    was_told(page, "epoch", JOB_MS)
    shot(page, "journey-5-training")
    expect(named(page, "notice-text")).to_contain_text("The round is finished", timeout=JOB_MS)
    expect(named(page, "job")).to_be_hidden()


def click_a_point(page: Page, but: str) -> str:
    """Click a suggested case's point on the map, and return the name of the case."""
    page.wait_for_function(
        """() => document.querySelector('[data-name=map-plot] .js-plotly-plot')?.data
                 ?.some((one) => one.name.startsWith('Suggested'))"""
    )
    x, y = page.evaluate(
        """() => {
          const plot = document.querySelector('[data-name=map-plot] .js-plotly-plot');
          const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
          const trace = plot.data.find((one) => one.name.startsWith('Suggested'));
          return [box.x + xaxis._offset + xaxis.d2p(trace.x[0]),
                  box.y + yaxis._offset + yaxis.d2p(trace.y[0])];
        }"""
    )
    page.mouse.click(x, y)
    expect(named(page, "case-name")).not_to_have_text(but)
    return wait_open(page)


@pytest.mark.slow
def test_the_whole_way(page: Page, archive: Path, problems: Problems) -> None:
    root = archive / "project"
    problems.expect(AWAY)
    with serve(root) as server:
        page.goto(server.link)
        expect(named(page, "empty")).to_have_text("The queue is empty.")
        shot(page, "journey-1-begin")
        named(page, "budget").locator("input").fill(str(BUDGET))
        remember(page, "job_title")
        named(page, "suggest").click()
        was_told(page, "Suggesting cases")
        expect(named(page, "line")).to_have_count(BUDGET, timeout=JOB_MS)
        suggested = lines(page)
        shot(page, "journey-2-suggested")

        press(page, "Open the first")
        first = wait_open(page)
        take_brush(page)
        diameter, slice_index = brush_mm(page), shown_slice(page)
        moves = [(-60.0, -30.0), (40.0, -10.0), (60.0, 50.0)]
        for part in itertools.pairwise(moves):  # a busy page would cut the corner of one stroke
            stroke(page, list(part))
        shot(page, "journey-3-painted")
        page.keyboard.press("Control+s")
        said(page, "not counted as done yet")
        shot(page, "journey-4-saved")
        image, label = saved_of(root, first)
        assert label.geometry.is_close(image.geometry)
        assert set(np.unique(label.array)) == {0, 1}
        assert dice(label.array == 1, swept(image, page, slice_index, moves, diameter)) > 0.9

        press(page, "Go on editing")
        expect(named(page, "notice-text")).to_be_hidden()

        # The other structure by a threshold, which says to the voxel what must be saved.
        page.keyboard.press("w")
        page.keyboard.press("4")
        low, high = threshold_of(page)
        named(page, "threshold-apply").click()
        save_anyway(page, first)
        image, label = saved_of(root, first)
        np.testing.assert_array_equal(
            label.array == 2, (image.array >= low) & (image.array <= high)
        )

        page.keyboard.press("Control+Enter")
        expect(named(page, "case-name")).not_to_have_text(first)
        second = wait_open(page)
        painted(page, (-50.0, 0.0), (50.0, 0.0))
        save_anyway(page, second)

        train(page)
        expect(named(page, "line")).to_have_count(BUDGET)
        assert not set(lines(page)) & set(suggested)
        shot(page, "journey-6-next-round")

        third = click_a_point(page, but=second)
        shot(page, "journey-7-from-the-map")
        assert named(page, "source").inner_text() == "Starting from the prediction of the model."
        page.keyboard.press("u")
        expect(named(page, "uncertainty")).to_have_class(re.compile("active"))
        shot(page, "journey-8-uncertainty")

        named(page, "segment").first.click()  # the young model sees the other one everywhere
        painted(page, (-20.0, 60.0), (60.0, 60.0))
        page.reload()
        assert wait_open(page, third)
        page.keyboard.press("Control+z")  # the stroke is there, and can be taken back
        page.keyboard.press("Control+y")
        shot(page, "journey-9-reloaded")
    assert "Traceback" not in "".join(server.printed)
    # Started again: the page comes back by itself, with the case and the stroke.
    with serve(root, "--port", str(server.port)):
        expect(named(page, "source")).to_contain_text("was brought back", timeout=120_000)
        wait_open(page, third)
        shot(page, "journey-10-resumed")


@pytest.mark.slow
def test_a_killed_server_gives_the_strokes_back(
    page: Page, archive: Path, tmp_path: Path, problems: Problems
) -> None:
    problems.expect(AWAY)
    root = tmp_path / "project"
    shutil.copytree(archive / "project", root)
    with Project.open(root) as project:  # a click while a remembered case opens is passed over
        Session(project).remember_open_case(None)
        name = project.cases()[-1].case.name
    with serve(root) as server:
        page.goto(server.link)
        show_only(page, "All")
        open_case(page, name)
        painted(page, (-40.0, 0.0), (40.0, 0.0))
        expect(named(page, "draft")).to_contain_text("Draft kept at", timeout=120_000)
        server.process.kill()
        expect(page.get_by_text("connection")).to_be_visible()
        shot(page, "killed-1-lost")
    with serve(root, "--port", str(server.port)):
        expect(named(page, "source")).to_contain_text("was brought back", timeout=120_000)
        assert wait_open(page) == name
        shot(page, "killed-2-brought-back")
        page.keyboard.press("Control+s")
        said(page, "not counted as done yet")
        _, label = saved_of(root, name)
        assert np.count_nonzero(label.array == 1) > 20
