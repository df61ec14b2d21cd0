"""The whole page as a user sees it: projects for it, and what tests look for and do there."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect

from ActiveSeedLib.pictures import save_thumbnail
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.readers import write_image
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.viewer.keys import KEYS
from Testing.viewer.browser import PATIENCE, Served, serving

TOKEN = "token-of-the-tests"
GEOMETRY = Geometry((40, 32, 10), (4.0, 4.0, 8.0))
LONG = "baseline_visit_of_the_multicentre_study_" * 3
DRAWN = """(name) => {
    const box = document.querySelector(`[data-name=view-${name}]`);
    const view = box && box.querySelector("img");
    // As large as its place: else what is drawn now lands elsewhere when it follows.
    return view && view.complete && view.naturalWidth > 50
        && Math.abs(view.naturalWidth - box.clientWidth) < 2
        && Math.abs(view.naturalHeight - box.clientHeight) < 2;
}"""

REMEMBER = """(name) => {
    const { state } = window.trame;
    window.remembered = [];
    state.addListener(() => window.remembered.push(String(state.get(name))));
}"""


def make_archive(
    folder: Path,
    cases: int,
    picked: int,
    *,
    segments: int = 2,
    geometry: Geometry = GEOMETRY,
    suffix: str = ".nii.gz",
) -> Path:
    """Make small images and a project of which some cases wait in the queue; return the project.

    The third name is very long. The first test case is the last in the list.
    """
    images = folder / "images"
    images.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(cases):
        array = random.normal(100, 5, geometry.shape)
        array[:, geometry.shape[1] // 2 :] += 50
        more = f"_{LONG}" if number == 2 else ""
        path = images / f"scan_{number:03d}{more}{suffix}"
        _write(path, array, geometry)
    pool = scan(images)
    keys = [case.key for case in pool.cases]
    schema = LabelSchema.parse(",".join(f"{n}=structure {n}" for n in range(1, segments + 1)))
    with Project.create(folder / "project", pool, schema, test=keys[-1:]) as project:
        picks = [(key, f"It is unlike the {n} others.", {}) for n, key in enumerate(keys[:picked])]
        project.add_selection("random", {}, 43, {}, picks)
        thumbnail = Image(array.astype(np.float32), geometry)
        save_thumbnail(project.thumbnail_path(keys[0]), thumbnail)
    return folder / "project"


def _write(path: Path, array: Any, geometry: Geometry) -> None:
    if path.suffix == ".png":
        from PIL import Image as Picture

        Picture.fromarray(array[0].clip(0, 255).astype(np.uint8)).save(path)
    else:
        write_image(path, array.astype(np.int16), geometry)


def serve(root: Path, *options: str, **environment: str) -> AbstractContextManager[Served]:
    """Start the command as a user does."""
    command = ["-m", "ActiveSeedLib.cli", "view", root, *options]
    return serving(command, ACTIVESEED_TOKEN=TOKEN, **environment)


def named(page: Page, name: str) -> Locator:
    return page.locator(f"[data-name={name}]")


def line(page: Page, name: str) -> Locator:
    """Return the case of a name in the queue."""
    return named(page, "line").filter(has_text=name)


def show_only(page: Page, which: str, search: str = "") -> None:
    """Let the queue list some cases."""
    named(page, "search").locator("input").fill(search)
    named(page, "filter").click()
    page.get_by_role("option", name=which, exact=True).click()
    expect(page.get_by_role("option")).to_have_count(0)


def menu(page: Page, name: str, choose: str, offered: list[str]) -> None:
    """Choose an item of the menu of a case, after having seen what the menu offers."""
    line(page, name).locator("[data-name=line-menu]").click()
    items = page.locator(".v-overlay--active.v-menu .v-list-item")
    expect(items).to_have_text(offered)
    items.filter(has_text=choose).click()
    expect(items).to_have_count(0)


def wait_drawn(page: Page, view: str = "Red") -> None:
    """Wait until a slice view holds a picture."""
    page.wait_for_function(DRAWN, arg=view)


def open_case(page: Page, name: str) -> None:
    """Click a case of the queue, and wait until it is drawn."""
    line(page, name).click()
    expect(named(page, "case-name")).to_contain_text(name)
    wait_drawn(page)


def stroke(page: Page, moves: list[tuple[float, float]], view: str = "Red") -> None:
    """Drag the mouse through points of a view, in pixels from its centre."""
    box = named(page, f"view-{view}").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x + moves[0][0], y + moves[0][1])
    page.mouse.down()
    for dx, dy in moves[1:]:
        page.mouse.move(x + dx, y + dy, steps=6)
    page.mouse.up()


def state(page: Page, name: str) -> Any:
    """Return what the page knows by this name."""
    return page.evaluate("(name) => window.trame.state.get(name)", name)


def put_away(page: Page, name: str) -> None:
    """Close a dialog with Esc, which it hears once it has the focus: a moment after it is seen."""
    page.wait_for_function(
        "(name) => document.activeElement.closest('.v-dialog')"
        "?.querySelector(`[data-name=${name}]`)",
        arg=name,
    )
    page.keyboard.press("Escape")
    expect(named(page, name)).to_be_hidden()


def painted(page: Page, *moves: tuple[float, float]) -> None:
    """Paint a stroke, and wait until it can be undone."""
    take_brush(page)
    stroke(page, list(moves))
    page.wait_for_function("() => window.trame.state.get('editor_can_undo')")


def take_brush(page: Page) -> None:
    """Choose the brush by its key, and wait until the server has heard of it."""
    take_tool(page, "1")


def take_tool(page: Page, key: str) -> None:
    """Choose a tool by its key, and wait until the server has heard of it."""
    (tool,) = (one.value for one in KEYS if one.press == key)
    page.keyboard.press(key)
    page.wait_for_function("(tool) => window.trame.state.get('editor_effect') === tool", arg=tool)


def remember(page: Page, name: str) -> None:
    """Keep whatever the page is told by this name from now on, however soon it is over."""
    page.evaluate(REMEMBER, name)


def was_told(page: Page, words: str, timeout: float = PATIENCE) -> None:
    """Wait until what is remembered held these words at some time."""
    page.wait_for_function(
        "(words) => window.remembered.some((one) => one.includes(words))",
        arg=words,
        timeout=timeout,
    )


def said(page: Page, words: str) -> None:
    """Wait until the message on the page holds these words."""
    expect(named(page, "notice-text")).to_contain_text(words)


def press(page: Page, title: str) -> None:
    """Press a button of the message."""
    named(page, "notice-action").filter(has_text=title).click()
