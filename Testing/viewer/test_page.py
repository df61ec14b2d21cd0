"""The whole page in a real browser: queue, settings, keys, messages, and room for all of it."""

import http.client
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import slicer
from playwright.sync_api import Browser, Page, expect

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.scene.case import SceneCase
from ActiveSeedLib.scene.drafts import snapshot
from ActiveSeedLib.viewer.keys import KEYS
from Testing.host import core
from Testing.labelling import draw_segment, saved_of
from Testing.viewer.browser import PATIENCE, SIZE, Problems, Served, shot, wait_until
from Testing.viewer.whole_page import (
    line,
    make_archive,
    menu,
    named,
    open_case,
    press,
    put_away,
    said,
    serve,
    show_only,
    state,
    wait_drawn,
)

CASES, QUEUED, SEGMENTS = 160, 6, 12
OVERLAPPING, GONE, CUT = 1, 3, 4
"""Numbers of the cases with a draft of overlapping segments, without a file, with half a file."""
UNCOVERED = """(name) => {
    const box = document.querySelector(`[data-name=${name}]`).getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    return document.elementFromPoint(x, y)?.closest(`[data-name=${name}]`);
}"""
UNLABELLED = ["Skip", "Exclude", "Add to queue"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_archive(tmp_path_factory.mktemp("page"), CASES, QUEUED, segments=SEGMENTS)
    session = Session.open(root)
    keys = [row.key for row in session.rows()]
    leave_a_draft(session, keys[OVERLAPPING])
    session.close()
    images = sorted((root.parent / "images").iterdir())
    images[GONE].unlink()
    images[CUT].write_bytes(images[CUT].read_bytes()[:5000])
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Served]:
    with serve(root) as served:
        yield served
    assert "Traceback" not in "".join(served.printed)


@pytest.fixture(scope="module")
def tab(browser: Browser, server: Served) -> Iterator[Page]:
    """One tab for all tests: the page takes seconds to come up."""
    problems = Problems()
    problems.expect("403|404")
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    context.route("**/*", problems.keep_here)
    context.on("page", problems.watch)
    page = context.new_page()
    page.goto(server.link)
    expect(named(page, "budget")).to_be_visible()
    yield page
    context.close()
    assert problems.unexpected() == []


@pytest.fixture
def at(tab: Page) -> Page:
    """The page, with the queue as it is at first, and no case open."""
    width, height = SIZE
    tab.set_viewport_size({"width": width, "height": height})
    tab.evaluate("() => window.trame.state.set('page_right', null)")  # open where there is room
    if named(tab, "close").is_visible():
        named(tab, "close").click()
    expect(named(tab, "no-case")).to_be_visible()
    show_only(tab, "To label")
    return tab


def leave_a_draft(session: Session, key: str) -> None:
    """Leave a draft in which two segments overlap, and one is the user's own."""
    core.start()
    image = session.load_image(key)
    case = SceneCase(slicer.mrmlScene, image, session.schema, key, "case")
    mask = np.zeros(image.array.shape, bool)
    mask[2:6, 4:12, 4:12] = True
    draw_segment(case, 1, mask)
    case.segmentation.GetSegmentation().AddEmptySegment("own", "cyst", (0.0, 1.0, 0.0))
    for value, segment in ((2, "2"), (3, "own")):
        moved = np.roll(mask, 4 * (value - 1), axis=2)
        if value == 2:
            draw_segment(case, value, moved)
        else:
            moved = np.roll(mask, 20, axis=2)
            slicer.util.updateSegmentBinaryLabelmapFromArray(
                moved.astype(np.uint8), case.segmentation, segment, case.volume
            )
    snapshot(case.segmentation).write(session.draft_path(key))
    case.close()


def status_of(root: Path, name: str) -> str:
    with Project.open(root, write=False) as project:
        return next(str(row.status) for row in project.rows() if row.name.startswith(name))


def queued_in(root: Path) -> int:
    with Project.open(root, write=False) as project:
        return sum(row.queued for row in project.rows())


# -- the queue ------------------------------------------------------------------------------------


def test_hundreds_of_cases_are_listed_by_and_by(at: Page, root: Path) -> None:
    lines = named(at, "line")
    expect(lines).to_have_count(queued_in(root))
    show_only(at, "All")
    expect(lines).to_have_count(60)
    expect(named(at, "more")).to_have_text(f"{CASES - 60} more")
    named(at, "more").click()
    expect(lines).to_have_count(CASES)
    expect(named(at, "more")).to_be_hidden()
    show_only(at, "All", "SCAN_15")
    expect(lines).to_have_count(10)
    show_only(at, "Labelled")
    expect(named(at, "empty")).to_have_text("No case is labelled yet.")
    show_only(at, "All", "nobody")
    expect(named(at, "empty")).to_have_text("No name holds 'nobody'.")
    show_only(at, "Test")
    expect(lines).to_have_count(1)


def test_a_case_goes_aside_and_comes_back(at: Page, root: Path) -> None:
    queued = queued_in(root)
    expect(named(at, "line")).to_have_count(queued)
    menu(at, "scan_005", "Skip", ["Skip", "Exclude"])
    expect(named(at, "line")).to_have_count(queued - 1)
    show_only(at, "Skipped and excluded")
    menu(at, "scan_005", "Exclude", ["Exclude", "Bring back"])
    expect(line(at, "scan_005")).to_contain_text("excluded")
    menu(at, "scan_005", "Bring back", ["Bring back"])
    expect(named(at, "empty")).to_have_text("No case was skipped or excluded.")
    assert status_of(root, "scan_005") == "suggested"
    show_only(at, "All", "scan_010")
    menu(at, "scan_010", "Add to queue", UNLABELLED)
    expect(line(at, "scan_010")).to_contain_text("suggested")
    show_only(at, "To label")
    expect(named(at, "line").last).to_contain_text(f"{queued + 1}. scan_010")
    menu(at, "scan_010", "Skip", ["Skip", "Exclude"])
    expect(named(at, "line")).to_have_count(queued)
    assert status_of(root, "scan_010") == "skipped"


FOCUSED = "() => document.activeElement.closest('[data-name=line]')?.dataset.key"


def test_the_queue_is_gone_through_with_the_keyboard(at: Page, root: Path) -> None:
    def on(number: int) -> None:
        """Wait until a case has the focus, in a frame that can be seen."""
        focused = line(at, f"scan_03{number}")
        expect(focused).to_be_focused()
        expect(focused).to_have_css("outline-style", "solid")

    show_only(at, "All", "scan_03")
    named(at, "search").locator("input").focus()
    at.keyboard.press("Tab")
    if at.evaluate(FOCUSED) is None:  # the cross that clears the field
        at.keyboard.press("Tab")
    on(0)
    for key, number in (("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", 0), ("End", 9), ("Home", 0)):
        at.keyboard.press(key)
        on(number)
    at.keyboard.press("ArrowDown")
    at.keyboard.press("Enter")
    expect(named(at, "case-name")).to_have_text("scan_031")
    expect(at.get_by_role("row", selected=True)).to_contain_text(". scan_031")
    on(1)  # though it has moved: it is in the queue now
    # One stop of Tab, whichever way one comes, and the case is still the same.
    for there, back in (("Shift+Tab", "Tab"), ("Tab", "Shift+Tab")):
        at.keyboard.press(there)
        assert at.evaluate(FOCUSED) is None
        at.keyboard.press(back)
        on(1)
    # The menu is beside it.
    at.keyboard.press("End")
    on(9)
    at.keyboard.press("ArrowRight")
    expect(line(at, "scan_039").locator("button")).to_be_focused()
    at.keyboard.press("ArrowLeft")
    on(9)
    at.keyboard.press("ArrowRight")
    at.keyboard.press("Enter")
    expect(at.locator(".v-overlay--active.v-menu .v-list-item").first).to_be_visible()
    shot(at, "page-keyboard")
    at.keyboard.press("ArrowDown")
    at.keyboard.press("Enter")
    expect(line(at, "scan_039")).to_contain_text("skipped")
    assert status_of(root, "scan_039") == "skipped"


def test_the_strip_skips_goes_back_and_knows_what_cannot_be(at: Page, root: Path) -> None:
    show_only(at, "All", "scan_02")
    for name in ("scan_020", "scan_021", "scan_022"):
        open_case(at, name)
    expect(named(at, "previous")).to_be_enabled()
    named(at, "skip").click()
    expect(named(at, "case-name")).to_have_text("scan_000")  # the first of the queue
    assert status_of(root, "scan_022") == "skipped"
    for name in ("scan_022", "scan_021", "scan_020"):
        named(at, "previous").click()
        expect(named(at, "case-name")).to_have_text(name)
    named(at, "exclude").click()
    expect(named(at, "case-name")).to_have_text("scan_000")
    assert status_of(root, "scan_020") == "excluded"
    show_only(at, "Test")
    open_case(at, f"scan_{CASES - 1}")
    expect(named(at, "skip")).to_be_disabled()
    expect(named(at, "exclude")).to_be_disabled()
    named(at, "close").click()
    expect(named(at, "no-case")).to_be_visible()


def test_thumbnails_are_given_out_and_nothing_else(at: Page, server: Served) -> None:
    picture = named(at, "line").first.locator("img")
    expect(picture).to_have_count(1)
    wait_until(lambda: picture.evaluate("(image) => image.naturalWidth") > 0)
    key = named(at, "line").first.get_attribute("data-key")
    cookies = {one.get("name", ""): one.get("value", "") for one in at.context.cookies()}

    def ask(path: str) -> tuple[int, bytes]:
        """Ask for a path just as it is written: browsers would tidy it."""
        asking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        asking.request("GET", f"/{path}", headers={"Cookie": cookie})
        answer = asking.getresponse()
        with closing(asking):
            return answer.status, answer.read()

    status, body = ask(f"thumbnail/{key}")
    assert status == 200
    assert body.startswith(b"\x89PNG")
    for path in (
        "thumbnail/unknown",
        "thumbnail/..",
        "thumbnail/../project.json",
        "thumbnail/..%2f..%2fproject.json",
        f"thumbnail/{key}%2f..%2f..%2fproject.json",
        "thumbnail/%2fetc%2fpasswd",
        f"thumbnail/{key}.png",
        "thumbnails/",
        "project.json",
    ):
        status, _ = ask(path)
        assert status in {403, 404}, f"{path}: {status}"


def test_images_that_cannot_be_read_are_told_and_the_page_goes_on(at: Page) -> None:
    open_case(at, "scan_000")
    for number, words in ((GONE, "The file is gone"), (CUT, "damaged or cut short")):
        line(at, f"scan_00{number}").click()
        said(at, words)
        expect(named(at, "notice")).to_have_attribute("data-kind", "error")
        expect(named(at, "case-name")).to_have_text("scan_000")
    open_case(at, "scan_005")


@pytest.mark.parametrize("budget", ["", "-3", "2.5"])
def test_a_budget_that_is_no_number_is_told(at: Page, budget: str) -> None:
    named(at, "budget").locator("input").fill(budget)
    named(at, "suggest").click()
    said(at, "Write a number from 1.")
    expect(named(at, "job")).to_be_hidden()


# -- settings and provenance ----------------------------------------------------------------------


def test_settings_are_applied_kept_and_cancelled(at: Page, root: Path) -> None:
    def field(name: str) -> str:
        return named(at, name).locator("input").input_value()

    def choose(strategy: str) -> None:
        named(at, "strategy").click()
        at.get_by_role("option", name=re.compile(f"^{strategy}")).first.click()

    named(at, "open-settings").click()
    choose("levy")
    named(at, "parameter-alpha").locator("input").fill("0.7")
    named(at, "parameter-count_labelled").locator("input").uncheck()
    for name, value, words in (
        ("seed", "3.5", "The seed is a whole number, not 3.5."),
        ("seed", "-1", "The seed must be between"),
        ("epochs", "0", "Epochs are a whole number from 1"),
    ):
        before = field(name)
        named(at, name).locator("input").fill(value)
        named(at, "settings-apply").click()
        expect(named(at, "settings-problem")).to_contain_text(words)
        named(at, name).locator("input").fill(before)
    shot(at, "settings")
    named(at, "seed").locator("input").fill("7")
    named(at, "settings-apply").click()
    expect(named(at, "settings")).to_be_hidden()
    named(at, "open-settings").click()
    expect(named(at, "settings-problem")).to_be_hidden()
    assert (field("seed"), field("parameter-alpha")) == ("7", "0.7")

    # Another strategy has other parameters, one of them in words; none of it is kept by Cancel.
    # While the server is busy, the page keeps to itself what is typed: the click brings it along.
    named(at, "seed").locator("input").fill("7")
    at.evaluate("() => { window.flush = trame.state.flush; trame.state.flush = async () => {}; }")
    named(at, "seed").locator("input").fill("8")
    named(at, "settings-apply").click()
    expect(named(at, "settings")).to_be_hidden()
    at.evaluate("() => { trame.state.flush = window.flush; }")
    named(at, "open-settings").click()
    assert field("seed") == "8"

    choose("one-a-patient")
    expect(named(at, "parameter-alpha")).to_have_count(0)
    named(at, "parameter-strategy").locator("input").fill("random")
    named(at, "settings-cancel").click()
    expect(named(at, "settings")).to_be_hidden()
    with Project.open(root, write=False) as project:
        choices = Session(project).choices()
    assert (choices.strategy, choices.seed) == ("levy", 8)
    assert choices.strategy_parameters == {"alpha": 0.7, "count_labelled": False}


def test_where_the_selections_are_from(at: Page) -> None:
    named(at, "open-provenance").click()
    expect(named(at, "provenance")).to_contain_text("strategy: random")
    put_away(at, "provenance")


# -- keys -----------------------------------------------------------------------------------------


def effect(page: Page, name: str) -> None:
    """Wait until a tool is chosen."""
    page.wait_for_function("(name) => window.trame.state.get('editor_effect') === name", arg=name)


def test_keys_choose_tools_and_segments_wherever_the_focus_is(at: Page) -> None:
    open_case(at, "scan_000")
    segments = named(at, "segment")
    expect(segments).to_have_count(SEGMENTS)
    tools = [key for key in KEYS if key.action == "tool"]
    for number, key in enumerate(tools):
        if number % 2:
            named(at, "view-Red").click(position={"x": 40, "y": 40})
        else:
            named(at, "save").focus()
        at.keyboard.press(key.press)
        effect(at, key.value)
    first = state(at, "editor_segment")
    at.keyboard.press("w")
    at.wait_for_function("(one) => window.trame.state.get('editor_segment') !== one", arg=first)
    at.keyboard.press("q")
    at.wait_for_function("(one) => window.trame.state.get('editor_segment') === one", arg=first)


def test_keys_are_left_alone_while_somebody_types(at: Page) -> None:
    open_case(at, "scan_000")
    at.keyboard.press("1")
    effect(at, "paint")
    named(at, "search").locator("input").click()
    at.keyboard.type("q3u")
    expect(named(at, "search").locator("input")).to_have_value("q3u")
    at.keyboard.press("Control+z")
    assert state(at, "editor_effect") == "paint"
    assert not state(at, "keys_shown")
    # A click into a view ends the typing.
    named(at, "view-Red").click(position={"x": 40, "y": 40})
    at.keyboard.press("3")
    effect(at, "erase")
    expect(named(at, "search").locator("input")).not_to_have_value("q3u3")


def test_keys_do_nothing_behind_a_dialog_and_enter_presses_no_button_twice(at: Page) -> None:
    open_case(at, "scan_000")
    at.keyboard.press("2")
    effect(at, "draw")
    at.keyboard.press("?")
    for key in KEYS:
        expect(named(at, "keys")).to_contain_text(key.words)
    at.keyboard.press("1")
    put_away(at, "keys")
    assert state(at, "editor_effect") == "draw"
    # The button that has the focus is not pressed as well.
    following = named(at, "line").nth(1).locator(".queue-title").inner_text().split(". ")[-1]
    named(at, "close").focus()
    at.keyboard.press("Control+Enter")
    expect(named(at, "case-name")).to_have_text(following)


def test_ctrl_s_saves_once_and_the_question_can_be_answered(at: Page, root: Path) -> None:
    """Two segments overlap, another is the user's own: both are asked about, as in the panel."""
    open_case(at, "scan_001")
    expect(named(at, "source")).to_contain_text("was brought back")
    at.keyboard.press("Control+s")
    said(at, "structure 1 and structure 2 overlap in")
    press(at, "structure 2")
    said(at, "The segment cyst is not in the label schema")
    press(at, "It is")
    said(at, "Which structure of the label schema is cyst?")
    expect(named(at, "notice-action")).to_have_count(SEGMENTS + 1)
    shot(at, "page-which-structure")
    named(at, "notice-action").get_by_text("structure 12", exact=True).click()
    said(at, "Saved, but not counted as done yet.")
    press(at, "Count as done")
    said(at, "scan_001 is saved.")
    with Project.open(root, write=False) as project:
        session = Session(project)
        key = next(row.key for row in session.rows() if row.name == "scan_001")
        counts = np.bincount(saved_of(session, key).ravel(), minlength=13)
    # 4 × 8 × 8 voxels each; half of the first belong to the second.
    assert counts[[1, 2, 12]].tolist() == [128, 256, 256]
    assert status_of(root, "scan_001") == "labelled"


# -- room -----------------------------------------------------------------------------------------

MEETING = """() => {
    const boxes = (all) => [...all].map((one) => one.getBoundingClientRect());
    const meet = (a, b) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    return [...document.querySelectorAll('[data-name^=view-]')].flatMap((view) => {
        const letters = boxes(view.querySelectorAll('.slice-letter'));
        const others = boxes(view.querySelectorAll('.slice-buttons .v-btn'));
        return letters.filter((one, place) =>
            !one.width || [...others, ...letters.slice(place + 1)].some((two) => meet(one, two)));
    });
}"""
"""Letters in the slice views that meet a button or another letter, or are not there."""
CUT_OFF = """(name) => {
    const words = document.querySelector(`[data-name=position-${name}]`);
    const [row, thumb] = [words.parentElement, words.parentElement.querySelector('[role=slider]')];
    const below = thumb.getBoundingClientRect().bottom - row.getBoundingClientRect().bottom;
    return words.scrollWidth > words.clientWidth || below > 0;
}"""
"""Whether a view's words, or the slider beside or below them, are not seen whole."""


@pytest.mark.parametrize("size", [(1280, 720), (1000, 650), (1440, 900)])
def test_the_sides_are_told_in_views_of_any_size(at: Page, size: tuple[int, int]) -> None:
    width, height = size
    at.set_viewport_size({"width": width, "height": height})
    open_case(at, "scan_000")
    for name in ("Red", "Green", "Yellow"):
        wait_drawn(at, name)
    assert at.evaluate(MEETING) == []
    for name in ("Red", "Green", "Yellow"):
        assert not at.evaluate(CUT_OFF, name)
        expect(named(at, f"position-{name}")).to_contain_text(re.compile(r" mm$"))
    shot(at, f"page-sides-{width}")
    if width == 1000:  # and with the plots beside them, where there is hardly any room
        named(at, "toggle-right").click()
        expect(named(at, "close")).to_be_in_viewport()
        at.wait_for_function(UNCOVERED, arg="close")
        for name in ("Red", "Green", "Yellow"):
            wait_drawn(at, name)
        assert at.evaluate(MEETING) == []
        shot(at, "page-sides-1000-all")
        named(at, "toggle-right").click()


@pytest.mark.parametrize("width", [1100, 1440])
def test_everything_is_within_reach(at: Page, width: int) -> None:
    at.set_viewport_size({"width": width, "height": 760})
    open_case(at, "scan_002")  # whose name is very long
    for shown in (False, True):
        if (state(at, "page_right") is True) != shown and width < 1250:
            named(at, "toggle-right").click()
        for name in ("save-next", "save", "skip", "exclude", "close", "next", "suggest"):
            at.wait_for_function(UNCOVERED, arg=name)
        wait_drawn(at)
        box = named(at, "view-Red").bounding_box()
        assert box is not None
        assert box["width"] > 200
        shot(at, f"page-{width}-{'all' if shown else 'first'}")
    wide = "(element) => element.scrollWidth - element.clientWidth"
    for drawer in at.locator(".v-navigation-drawer__content").all():
        assert drawer.evaluate(wide) <= 0
    named(at, "segment").last.click()
    at.wait_for_function(
        "() => window.trame.state.get('editor_segments').at(-1).id === "
        "window.trame.state.get('editor_segment')"
    )
