"""Slice views and segment editor in a real browser: seen, painted on, reloaded."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture
from playwright.sync_api import Page, expect

from Testing.viewer.browser import Problems, Served, serving, shot, wait_until

HERE = Path(__file__).parent
RED = "[data-name=view-Red]"


@pytest.fixture(scope="module")
def served(browser: object) -> Iterator[Served]:
    with serving([HERE / "editor_page.py"]) as served:
        yield served


@pytest.fixture
def stage(served: Served, page: Page) -> Page:
    """The page with the volume opened anew."""
    page.goto(served.link)
    expect(page.locator("[data-name=editor-bar]")).to_be_visible()
    trigger(page, "open", "deep")
    page.click("[data-name=tool-none]")
    wait_until(lambda: seen(page, RED).mean() > 40)
    return page


def trigger(page: Page, name: str, *values: object) -> None:
    page.evaluate("([name, values]) => window.trame.trigger(name, values)", [name, values])


def seen(page: Page, what: str) -> NDArray[np.uint8]:
    """Return what a part of the page looks like, [rows, columns, 3]."""
    png = page.locator(what).screenshot()
    return np.asarray(Picture.open(io.BytesIO(png)).convert("RGB"))


def voxels(page: Page) -> NDArray[np.int_]:
    """Return K, J, I and value of what would be saved, [N, 4]."""
    found = page.evaluate("() => window.trame.trigger('read', [])")
    return np.array(found, int).reshape(-1, 4)


def middle(page: Page) -> tuple[float, float]:
    box = page.locator(RED).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def stroke(page: Page, *steps: tuple[float, float]) -> None:
    """Drag over places relative to the middle of the axial view, in pixels."""
    x, y = middle(page)
    page.mouse.move(x + steps[0][0], y + steps[0][1])
    page.mouse.down()
    for dx, dy in steps[1:]:
        page.mouse.move(x + dx, y + dy, steps=10)
    page.mouse.up()


def red(page: Page, dx: float, dy: float) -> bool:
    """Return whether it is red at a place relative to the middle of the axial view."""
    picture = seen(page, RED)
    row, column = picture.shape[0] // 2 + int(dy), picture.shape[1] // 2 + int(dx)
    r, g, b = picture[row, column].astype(int)
    return bool(r > g + 60 and r > b + 60)


def test_what_is_painted_is_where_the_mouse_was(stage: Page) -> None:
    stage.click("[data-name=tool-paint]")
    stage.locator("[data-name=segment]").nth(1).click()
    stroke(stage, (-80, 60), (80, 60))
    wait_until(lambda: red(stage, 0, 60))
    assert not red(stage, 0, -60), "not upside down"
    assert not red(stage, 0, 90)
    expect(stage.locator("[data-name=undo]")).to_be_enabled()
    painted = voxels(stage)
    assert set(painted[:, 3]) == {3}
    assert len(set(painted[:, 0])) == 1, "on one slice"
    across, along = np.ptp(painted[:, 1]), np.ptp(painted[:, 2])
    assert along > 2.5 * across
    shot(stage, "editor_painted")
    stage.click("[data-name=undo]")
    wait_until(lambda: not red(stage, 0, 60))
    assert len(voxels(stage)) == 0
    stage.click("[data-name=redo]")
    wait_until(lambda: red(stage, 0, 60))
    np.testing.assert_array_equal(voxels(stage), painted)


SLOW = """
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (message) {
    setTimeout(() => send.call(this, message), 120);
  };
"""


def test_nothing_overtakes_a_stroke_over_a_slow_connection(stage: Page, problems: Problems) -> None:
    # what still waits for its answer when the page is left is turned down by the page's library
    problems.expect(r"^page: Object$")
    stage.context.add_init_script(SLOW)
    stage.reload()
    wait_until(lambda: seen(stage, RED).mean() > 40)
    stage.locator("[data-name=segment]").nth(1).click()
    stage.click("[data-name=tool-paint]")
    stroke(stage, (-60, 0), (60, 0))
    stage.click("[data-name=tool-erase]")  # at once: the stroke is still on its way
    stage.click("[data-name=tool-paint]")
    stroke(stage, (0, -60), (0, 60))
    trigger(stage, "go_to", 20)
    stroke(stage, (-60, -60), (60, -60))
    trigger(stage, "go_to", 25)
    painted = voxels(stage)
    assert set(painted[:, 0]) == {15, 19}, "two slices, and none between"
    cross = painted[painted[:, 0] == 15, 1:3]
    lengths = np.ptp(cross, axis=0)
    assert min(lengths) > 0.8 * max(lengths), "both strokes are whole"


def test_a_click_without_a_tool_holds_nothing_up(stage: Page, problems: Problems) -> None:
    for tool in ("none", "paint", "threshold"):
        stage.click(f"[data-name=tool-{tool}]")
        stage.mouse.click(*middle(stage))
        trigger(stage, "read")
        assert problems.seen == [], "the server has seen the button go up again"


def test_a_stroke_is_not_continued_on_another_slice(stage: Page) -> None:
    stage.locator("[data-name=segment]").nth(1).click()
    stage.click("[data-name=tool-paint]")
    x, y = middle(stage)
    stage.mouse.move(x - 60, y)
    stage.mouse.down()
    stage.mouse.move(x - 30, y, steps=5)
    wait_until(lambda: red(stage, -40, 0))
    trigger(stage, "go_to", 20)  # after three seconds nobody waits for the end of the stroke
    stage.mouse.move(x + 60, y, steps=5)
    stage.mouse.up()
    painted = voxels(stage)
    assert set(painted[:, 0]) == {15, 19}, "two slices, and none between"


def test_views_come_back_after_a_reload_and_a_resize(stage: Page) -> None:
    stage.click("[data-name=tool-paint]")
    stage.locator("[data-name=segment]").nth(1).click()
    stroke(stage, (-40, 0), (40, 0))
    expect(stage.locator("[data-name=undo]")).to_be_enabled()
    kept = voxels(stage)
    assert len(kept)
    stage.reload()
    for name in ("Red", "Green", "Yellow"):
        wait_until(lambda n=name: seen(stage, f"[data-name=view-{n}]").mean() > 40)
    wait_until(lambda: red(stage, 0, 0))
    np.testing.assert_array_equal(voxels(stage), kept)
    stage.set_viewport_size({"width": 900, "height": 700})
    wait_until(lambda: red(stage, 0, 0) and seen(stage, RED).mean() > 40)
    wait_until(lambda: fits(seen(stage, RED)))
    shot(stage, "editor_smaller")


def fits(picture: NDArray[np.uint8]) -> bool:
    """Return whether the image is square and fills a side; 54 of its 128 rows are bright."""
    bright = picture.max(axis=2) > 60
    rows, columns = (bright.mean(axis=axis) > 0.2 for axis in (1, 0))  # not the letters beside it
    height, width = rows.sum() * 128 / 54, columns.sum()
    return bool(abs(height - width) < 8 and max(height, width) > min(bright.shape) - 8)


def test_a_stroke_cut_off_by_a_reload_is_kept_and_ends(stage: Page) -> None:
    stage.click("[data-name=tool-paint]")
    stage.locator("[data-name=segment]").nth(1).click()
    x, y = middle(stage)
    stage.mouse.move(x - 60, y)
    stage.mouse.down()
    stage.mouse.move(x, y, steps=10)
    wait_until(lambda: red(stage, -30, 0))
    stage.reload()
    wait_until(lambda: seen(stage, RED).mean() > 40)
    kept = voxels(stage)
    assert len(kept)
    stage.mouse.up()
    stage.mouse.move(x + 90, y + 90, steps=10)
    np.testing.assert_array_equal(voxels(stage), kept)
    expect(stage.locator("[data-name=undo]")).to_be_enabled()


def test_wheel_slider_and_double_click(stage: Page) -> None:
    words = stage.locator("[data-name=position-Red]")
    expect(words).to_contain_text("of 30")
    before = words.inner_text()
    stage.mouse.move(*middle(stage))
    stage.mouse.wheel(0, 100)
    expect(words).not_to_have_text(before)
    thumb = stage.locator("[data-name=slider-Red] [role=slider]")
    thumb.press("Home")
    expect(words).to_contain_text("Axial 1 of 30")
    stage.mouse.dblclick(*middle(stage))
    expect(stage.locator("[data-name=view-Green]")).to_have_count(0)
    wait_until(lambda: fits(seen(stage, RED)))
    shot(stage, "editor_enlarged")
    stage.mouse.dblclick(*middle(stage))
    expect(stage.locator("[data-name=view-Green]")).to_have_count(1)
    wait_until(lambda: seen(stage, "[data-name=view-Green]").mean() > 40)


def test_a_2d_image_fills_the_page(stage: Page) -> None:
    trigger(stage, "open", "flat")
    expect(stage.locator("[data-name=view-Green]")).to_have_count(0)
    expect(stage.locator("[data-name=position-Red]")).to_have_count(0)
    wait_until(lambda: seen(stage, RED).mean() > 40)
    picture = seen(stage, RED).astype(int)
    quarter = picture.shape[0] // 4
    assert picture[quarter].mean() > picture[3 * quarter].mean() + 20, "the first rows are above"
    shot(stage, "editor_flat")


def test_every_tool_has_its_options(stage: Page) -> None:
    stage.locator("[data-name=segment]").nth(1).click()
    options = {
        "paint": ["diameter", "relative", "is-sphere", "over-others"],
        "erase": ["diameter", "relative"],
        "draw": ["over-others"],
        "threshold": ["threshold-range", "threshold-apply", "threshold-mask"],
        "scissors": ["scissors"],
        "islands": ["keep-largest", "remove-small", "min-size"],
    }
    for tool, names in options.items():
        stage.click(f"[data-name=tool-{tool}]")
        for name in names:
            expect(stage.locator(f"[data-name={name}]").first).to_be_visible()
    stage.click("[data-name=tool-threshold]")
    stage.locator("[data-name=threshold-low] input").fill("150")
    stage.locator("[data-name=threshold-low] input").press("Tab")
    wait_until(lambda: red(stage, 0, -60))
    shot(stage, "editor_threshold")
    assert len(voxels(stage)) == 0, "it is a preview"
    stage.click("[data-name=threshold-apply]")
    expect(stage.locator("[data-name=undo]")).to_be_enabled()
    assert len(voxels(stage)) == 30 * 54 * 128
    stage.click("[data-name=threshold-mask]")
    expect(stage.locator("[data-name=masked]")).to_be_visible()
    stage.click("[data-name=undo]")
    expect(stage.locator("[data-name=redo]")).to_be_enabled()
    stage.click("[data-name=tool-draw]")
    stroke(stage, (-60, -60), (60, -60), (60, 60), (-60, 60))
    expect(stage.locator("[data-name=undo]")).to_be_enabled()
    drawn = voxels(stage)
    assert len(drawn)
    assert drawn[:, 1].max() < 64, "the half that is too dark was kept out"
    stage.locator("[data-name=segment-eye]").nth(1).click()
    wait_until(lambda: not red(stage, 0, -30))
