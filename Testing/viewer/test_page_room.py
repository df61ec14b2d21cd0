"""Nothing on the page is cut off or covered, in a real browser, in narrow windows and wide ones."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from ActiveSeedLib.app.queue import TITLES
from Testing.viewer.browser import Served, shot
from Testing.viewer.whole_page import (
    line,
    make_archive,
    named,
    open_case,
    serve,
    show_only,
    state,
    take_tool,
)

SEGMENTS = 12
WINDOWS = [(1024, 640), (1024, 768), (1440, 900), (1920, 1080)]
TOOLS = ("none", "paint", "draw", "erase", "threshold", "scissors", "islands")
OPTIONS = {
    "1": ["relative", "diameter", "is-sphere", "over-others"],
    "2": ["over-others"],
    "3": ["relative", "diameter", "is-sphere"],
    "4": [
        "threshold-low",
        "threshold-high",
        "threshold-range",
        "threshold-apply",
        "threshold-mask",
    ],
    "5": ["scissors"],
    "6": ["islands-click", "keep-largest", "remove-small", "min-size"],
}
"""Key of each tool → its options."""
HIDDEN = """(names) => names.filter((name) => {
    const found = document.querySelector(`[data-name=${name}]`);
    const { left, right, top, bottom } = found.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    // In its middle and at its sides it must be what the mouse would meet.
    const places = [[x, y], [left + 3, y], [right - 3, y], [x, top + 3], [x, bottom - 3]];
    const met = ([x, y]) => document.elementFromPoint(x, y)?.closest(`[data-name=${name}]`);
    return places.some((place) => met(place) !== found);
})"""
"""Which of these are not seen whole."""
SHORTENED = """(part) => [...document.querySelectorAll(part)].filter((one) =>
    one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1)
    .map((one) => one.textContent)"""
"""Texts that end in an ellipsis."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("room")
    with serve(make_archive(folder, 6, 4, segments=SEGMENTS)) as served:
        yield served
    assert "Traceback" not in "".join(served.printed)


@pytest.fixture
def at(page: Page, server: Served) -> Page:
    page.goto(server.link)
    expect(named(page, "budget")).to_be_visible()
    show_only(page, "To label")
    return page


@pytest.mark.parametrize("size", WINDOWS)
def test_every_option_of_a_tool_is_seen_whole(at: Page, size: tuple[int, int]) -> None:
    width, height = size
    at.set_viewport_size({"width": width, "height": height})
    if width < 1250:  # the plots leave the least room
        named(at, "toggle-right").click()
    open_case(at, "scan_000")
    for key, names in OPTIONS.items():
        take_tool(at, key)
        at.wait_for_function(f"(names) => !({HIDDEN})(names).length", arg=names, timeout=8000)
        assert at.evaluate(HIDDEN, [f"tool-{name}" for name in TOOLS]) == []
        shot(at, f"room-{width}-{height}-tool-{key}")


def test_a_threshold_as_a_mask_is_told_to_the_last_digit_and_can_be_closed(at: Page) -> None:
    open_case(at, "scan_001")
    take_tool(at, "4")
    for end, value in (("low", "88"), ("high", "140")):
        field = named(at, f"threshold-{end}").locator("input")
        field.fill(value)
        field.press("Tab")
    named(at, "threshold-mask").click()
    expect(named(at, "masked")).to_contain_text("88 to 140 only")
    take_tool(at, "1")
    assert at.evaluate(HIDDEN, ["masked"]) == []
    named(at, "masked").get_by_role("button").click()
    expect(named(at, "masked")).to_be_hidden()


@pytest.mark.parametrize("width", [1024, 1440])
def test_no_reason_and_no_choice_is_shortened(at: Page, width: int) -> None:
    at.set_viewport_size({"width": width, "height": 800})
    assert at.evaluate(SHORTENED, ".queue-reason") == []
    for title in TITLES.values():
        show_only(at, title)
        assert at.evaluate(SHORTENED, ".v-select__selection-text") == []


def test_names_are_told_apart_by_what_they_end_with(at: Page) -> None:
    """Names as hospitals give them: too long for one line, and alike but for the end."""
    title = line(at, "scan_002").locator(".queue-title")
    box = title.bounding_box()
    assert box is not None
    assert box["height"] > 30, "two lines"
    assert len(title.inner_text()) > 40


def test_an_empty_middle_says_what_is_next(at: Page) -> None:
    if named(at, "close").is_visible():
        named(at, "close").click()
    expect(named(at, "no-case")).to_have_text("No case is open. Label the 4 cases of the queue.")
    assert state(at, "learn_can_train") is False
    expect(named(at, "learn-why")).to_have_text("This takes a label map: save one first.")


def test_sliders_say_what_they_change(at: Page) -> None:
    open_case(at, "scan_000")
    take_tool(at, "1")
    for name, words in (("diameter", "Size of the brush"), ("opacity", "cover the image")):
        assert words in str(named(at, name).evaluate("(one) => one.closest('[title]')?.title"))
