"""The page over time, in a real browser: 2-D images, tabs, windows, jobs that go wrong, the end."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.project.project import Project
from Testing.labelling import saved_of
from Testing.viewer.browser import Problems, Served, shot, wait_until
from Testing.viewer.whole_page import (
    make_archive,
    named,
    open_case,
    painted,
    press,
    said,
    serve,
    state,
    wait_drawn,
)

CASES = 24
FLAT = Geometry((300, 220, 1))
JOB_MS = 120_000
SHARP = """(name) => {
    const box = document.querySelector(`[data-name=view-${name}]`).getBoundingClientRect();
    const picture = document.querySelector(`[data-name=view-${name}] img`);
    return picture && picture.complete
        && Math.abs(picture.naturalWidth - box.width * window.devicePixelRatio) < 2
        && Math.abs(picture.naturalHeight - box.height * window.devicePixelRatio) < 2;
}"""
"""Whether the picture of a view has just as many pixels as it has room."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent to processes")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_archive(tmp_path_factory.mktemp("life"), CASES, 3)


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Served]:
    """A server that finds no weights, whatever this machine has."""
    nothing = {"ACTIVESEED_DATA": "", "ACTIVESEED_WEIGHTS": str(root.parent / "no-weights")}
    with serve(root, **nothing) as served:
        yield served
    assert "Traceback" not in "".join(served.printed)


def go(page: Page, server: Served) -> None:
    page.goto(server.link)
    expect(named(page, "budget")).to_be_visible()


def sharp(page: Page, *views: str) -> None:
    for view in views:
        page.wait_for_function(SHARP, arg=view)


def children(pid: int) -> set[int]:
    """Return the processes that a process has started."""
    said = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True)
    pairs = [map(int, line.split()) for line in said.stdout.splitlines()]
    return {child for child, parent in pairs if parent == pid}


def suggest(page: Page, server: Served, number: int) -> int:
    """Press Suggest; return the background process, stopped in the middle of its job.

    It is stopped as soon as it is there: a job this small may be done before the page is looked at.
    """
    for worker in children(server.process.pid):
        os.kill(worker, signal.SIGSTOP)
    named(page, "budget").locator("input").fill(str(number))
    named(page, "suggest").click()
    wait_until(lambda: children(server.process.pid))
    (worker,) = children(server.process.pid)
    os.kill(worker, signal.SIGSTOP)
    expect(named(page, "job")).to_be_visible()
    return worker


# -- tabs and windows -----------------------------------------------------------------------------


def test_a_second_tab_takes_over_and_gives_back(
    page: Page, context: BrowserContext, server: Served
) -> None:
    go(page, server)
    open_case(page, "scan_000")
    painted(page, (-40, -20), (40, -20))
    second = context.new_page()
    second.set_viewport_size({"width": 1200, "height": 700})
    second.goto(server.origin)
    expect(named(page, "elsewhere")).to_be_visible()
    expect(named(second, "case-name")).to_have_text("scan_000")
    sharp(second, "Red", "Green", "Yellow")
    painted(second, (-40, 20), (40, 20))
    # Keys in the tab that waits do nothing.
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    named(page, "go-on-here").click()
    expect(named(second, "elsewhere")).to_be_visible()
    expect(named(page, "case-name")).to_have_text("scan_000")
    assert state(page, "editor_effect") == "paint"
    sharp(page, "Red", "Green", "Yellow")
    painted(page, (-40, 0), (40, 0))
    shot(page, "page-back-in-the-first-tab")
    # All three strokes are there: three times undo, and then no more.
    for _ in range(3):
        expect(named(page, "undo")).to_be_enabled()
        before = state(page, "editor_can_redo")
        page.keyboard.press("Control+z")
        page.wait_for_function(
            "(before) => window.trame.state.get('editor_can_redo') || !before", arg=before
        )
    expect(named(page, "undo")).to_be_disabled()
    second.close()


def test_views_are_sharp_in_every_size_of_the_window(page: Page, server: Served) -> None:
    go(page, server)
    open_case(page, "scan_001")
    for width, height in ((1000, 650), (1900, 1000), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        sharp(page, "Red", "Green", "Yellow")
    for name in ("toggle-left", "toggle-right"):
        box = named(page, "view-Red").bounding_box()
        named(page, name).click()
        assert box is not None
        page.wait_for_function(
            """(width) => document.querySelector('[data-name=view-Red]')
                .getBoundingClientRect().width > width + 50""",
            arg=box["width"],
        )
        sharp(page, "Red", "Green", "Yellow")
    named(page, "toggle-left").click()
    expect(named(page, "suggest")).to_be_in_viewport()
    sharp(page, "Red", "Green", "Yellow")
    painted(page, (-40, 0), (40, 0))


# -- jobs that do not go as they should -----------------------------------------------------------


def test_a_deaf_job_is_stopped_by_force_and_the_next_one_runs(page: Page, server: Served) -> None:
    go(page, server)
    suggest(page, server, 2)
    named(page, "cancel").click()
    expect(named(page, "job-step")).to_have_text("Stopping…")
    expect(named(page, "cancel")).to_be_disabled()
    open_case(page, "scan_002")  # the page lives meanwhile
    named(page, "stop").click()
    said(page, "Stopped.")
    expect(named(page, "job")).to_be_hidden()
    wait_until(lambda: not children(server.process.pid))

    worker = suggest(page, server, 2)
    os.kill(worker, signal.SIGKILL)
    said(page, "background process")
    expect(named(page, "notice")).to_have_attribute("data-kind", "error")
    shot(page, "page-worker-killed")

    os.kill(suggest(page, server, 2), signal.SIGCONT)
    expect(named(page, "notice-text")).to_contain_text("cases are suggested.", timeout=JOB_MS)
    press(page, "Open the first")
    wait_drawn(page)


def choose_encoder(page: Page, name: str) -> None:
    named(page, "open-settings").click()
    named(page, "encoder").click()
    page.get_by_role("option", name=re.compile(f"^{name}")).click()
    named(page, "settings-apply").click()
    expect(named(page, "settings")).to_be_hidden()


def test_a_job_that_cannot_be_done_says_why(page: Page, server: Served) -> None:
    go(page, server)
    choose_encoder(page, "mobilenet")
    named(page, "suggest").click()
    expect(named(page, "notice")).to_have_attribute("data-kind", "error", timeout=JOB_MS)
    said(page, "weights")
    expect(named(page, "job")).to_be_hidden()
    choose_encoder(page, "descriptor")


# -- the end, and what is not there ---------------------------------------------------------------


def test_a_signal_ends_everything_and_the_stroke_is_offered_back(
    page: Page, tmp_path: Path, problems: Problems
) -> None:
    problems.expect("ERR_CONNECTION_REFUSED|page: Object|code: -32099|WebSocket")
    root = make_archive(tmp_path, CASES, 3)
    with serve(root) as server:
        go(page, server)
        open_case(page, "scan_001")
        painted(page, (-60, 30), (40, 40))
        worker = suggest(page, server, 1)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)
        expect(page.get_by_text("The connection to ActiveSeed is lost.")).to_be_visible()
    assert "Traceback" not in "".join(server.printed)
    # Without the images, the list is there, and it is said what is not.
    images = root.parent / "images"
    images.rename(images.with_name("away"))
    with serve(root, "--port", str(server.port)) as again:
        expect(named(page, "notice-text")).to_contain_text(str(images), timeout=120_000)
        expect(named(page, "line").first).to_be_visible()
        expect(named(page, "no-case")).to_be_visible()
        images.with_name("away").rename(images)
        open_case(page, "scan_001")
        expect(named(page, "source")).to_contain_text("was brought back")
    assert "Traceback" not in "".join(again.printed)


def test_pictures_have_one_large_view_and_are_saved_as_pictures(
    page: Page, tmp_path: Path, problems: Problems
) -> None:
    problems.expect("ERR_CONNECTION_REFUSED")
    root = make_archive(tmp_path, 4, 2, geometry=FLAT, suffix=".png")
    with serve(root) as server:
        go(page, server)
        open_case(page, "scan_000")
        for name in ("Green", "Yellow"):
            expect(named(page, f"view-{name}")).to_be_hidden()
        box = named(page, "view-Red").bounding_box()
        assert box is not None
        assert box["width"] > 500
        sharp(page, "Red")
        painted(page, (-120, -60), (120, -60))
        shot(page, "page-2d")
        page.keyboard.press("Control+Shift+s")
        said(page, "not counted as done yet")
        press(page, "Count as done")
        expect(named(page, "case-name")).to_have_text("scan_001")
    with Project.open(root, write=False) as project:
        session = Session(project)
        key = next(row.key for row in session.rows() if row.name == "scan_000")
        label = saved_of(session, key)
    assert label.shape == FLAT.shape
    rows = np.flatnonzero((label == 1).any(axis=(0, 2)))
    columns = np.flatnonzero((label == 1).any(axis=(0, 1)))
    assert rows.max() < FLAT.shape[1] / 2  # above the middle
    assert abs(columns.mean() - FLAT.size[0] / 2) < 5  # and as far to the left as to the right
