"""The map on the page: coloured, clicked, exported, in a real browser."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from ActiveSeedLib.project.project import Project
from ActiveSeedLib.viewer.web.map_part import MapPart
from Testing import scored_project
from Testing.scored_project import CASES
from Testing.viewer.browser import shot, wait_until
from Testing.viewer.parts_page import PartsPage

DOUBLE_CLICK = 500  # milliseconds; two clicks within Plotly's 300 are one double click
# Where a point of the plot is on the page, in pixels.
PLACE = """([x, y]) => {
    const plot = document.querySelector('[data-name=map-plot] .js-plotly-plot');
    const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
    return [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(y)];
}"""
TRACES = """() => document.querySelector('[data-name=map-plot] .js-plotly-plot').data.map(
    (one) => [one.name, one.marker.color, one.x.length])"""
RINGS = "() => document.querySelectorAll('[data-name=map-plot] .shapelayer path').length"
CORNER = """() => {
    const box = document.querySelector('[data-name=map-plot] .nsewdrag').getBoundingClientRect();
    return [box.x + 3, box.y + 3];
}"""
WIDTH = """() => {
    const [left, right] = document.querySelector('[data-name=map-plot] .js-plotly-plot')
        ._fullLayout.xaxis.range;
    return right - left;
}"""
RING = """() => {
    const box = document.querySelector('[data-name=map-plot] .shapelayer path')
        .getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}"""
RINGED = f"""(point) => {{
    const [[x, y], [right, down]] = [({RING})(), ({PLACE})(point)];
    return Math.hypot(x - right, y - down) < 2;
}}"""
"""Whether the ring is around a point of the plot."""


@pytest.fixture
def part() -> type[MapPart]:
    return MapPart


def drawn(page: Page, number: int = CASES) -> None:
    """Wait until the map with so many points is drawn."""
    page.wait_for_function(
        "(n) => document.querySelectorAll('[data-name=map-plot] path.point').length === n",
        arg=number,
    )


def test_a_click_on_a_point_opens_its_case_which_is_ringed(
    page: Page,
    root: Path,
    serve: Callable[[], PartsPage],
) -> None:
    points = scored_project.add_map(root)
    served = serve()
    page.goto(served.link)
    drawn(page)
    assert page.evaluate(RINGS) == 0
    for key in list(points)[1:4]:
        page.wait_for_timeout(DOUBLE_CLICK)
        page.mouse.click(*page.evaluate(PLACE, list(points[key])))
        name = served.do(lambda key=key: served.viewer.session.row(key).name)
        page.get_by_text(f"Open: {name}").wait_for()
        assert served.do(lambda: served.viewer.desk.key) == key
        page.wait_for_function(f"() => ({RINGS})() > 0")
        drawn(page)
        page.wait_for_function(RINGED, arg=list(points[key]))
    shot(page, "map-open-case")


def test_the_ring_moves_without_sending_the_points_again(
    page: Page,
    root: Path,
    serve: Callable[[], PartsPage],
) -> None:
    points = scored_project.add_map(root)
    received: list[str] = []

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda data: received.append(str(data)))

    page.on("websocket", listen)
    served = serve()
    page.goto(served.link)
    drawn(page)
    assert any("map_points" in data for data in received)
    received.clear()
    served.wait(served.viewer.open(next(iter(points))))
    page.wait_for_function(f"() => ({RINGS})() > 0")
    assert any("map_mark" in data for data in received)
    page.locator("[data-name=map-colouring]").click()
    page.get_by_role("option", name="Round").click()
    page.get_by_text("Round 1 (4)").wait_for()
    assert any("map_traces" in data for data in received)
    assert not any("map_points" in data for data in received)


def test_every_colouring_shows_the_groups_of_the_project(
    page: Page,
    root: Path,
    serve: Callable[[], PartsPage],
) -> None:
    scored_project.add_map(root)
    scored_project.add_model(root, [0.55, 0.85], 4)
    served = serve()
    page.goto(served.link)
    drawn(page)
    before = None
    for title, legend in (
        ("Group of the cold start", "Group 1"),
        ("Round", "Not chosen"),
        ("Uncertainty (mean entropy)", "No value"),
        ("Dice of the latest model", "Dice 0.8 to 0.9"),
        ("Status", "Not labelled"),
    ):
        page.locator("[data-name=map-colouring]").click()
        page.get_by_role("option", name=title, exact=True).click()
        page.locator("[data-name=map-plot] .legendtext", has_text=legend).first.wait_for()
        traces = page.evaluate(TRACES)
        assert sum(count for _, _, count in traces) == CASES
        assert traces != before
        before = traces
    shot(page, "map-status")


def test_the_mouse_is_told_the_name_the_status_and_the_reason(
    page: Page,
    root: Path,
    serve: Callable[[], PartsPage],
) -> None:
    points = scored_project.add_map(root)
    with Project.open(root) as project:
        key = next(row.key for row in project.rows() if row.status == "unlabelled")
        project.add_selection("levy", {}, 1, {}, [(key, "It is <i>unlike</i> the others.", {})])
        name = project.row(key).name
    page.goto(serve().link)
    drawn(page)
    page.mouse.move(*page.evaluate(PLACE, list(points[key])))
    said = page.locator(".hoverlayer .hovertext")
    said.wait_for()
    assert name in said.text_content()
    assert "Suggested: It is <i>unlike</i>" in said.text_content()


def test_a_changed_status_is_seen_and_the_zoom_is_kept(
    page: Page,
    root: Path,
    serve: Callable[[], PartsPage],
) -> None:
    points = scored_project.add_map(root)
    served = serve()
    page.goto(served.link)
    drawn(page)
    key = served.do(
        lambda: next(r.key for r in served.viewer.session.rows() if r.status == "unlabelled")
    )
    whole = page.evaluate(WIDTH)
    page.mouse.move(*page.evaluate(PLACE, list(points[key])))
    for _ in range(6):  # a tenth a time
        page.mouse.wheel(0, -100)
    page.wait_for_function(f"(whole) => ({WIDTH})() < 0.7 * whole", arg=whole)
    served.wait(served.viewer.put_aside(key, "exclude"))
    page.get_by_text("Excluded (1)").wait_for()
    assert page.evaluate(WIDTH) < 0.7 * whole

    def zooms_out() -> bool:
        """Whether a double click shows all of it; a busy page may take it for two clicks."""
        page.mouse.dblclick(*page.evaluate(CORNER))
        page.wait_for_timeout(DOUBLE_CLICK)
        return bool(page.evaluate(WIDTH) > 0.9 * whole)

    wait_until(zooms_out)


def test_without_a_map_it_says_so_and_makes_one(
    page: Page,
    serve: Callable[[], PartsPage],
) -> None:
    served = serve()
    page.goto(served.link)
    page.get_by_text("There is no map yet").wait_for()
    assert not page.locator("[data-name=map-csv]").is_visible()
    page.get_by_role("button", name="Make the map").click()
    page.get_by_role("button", name="Map anew").wait_for(timeout=180_000)
    drawn(page)
    assert f"{CASES} cases are on the map." in page.locator("[data-name=map-said]").text_content()


def test_the_picture_and_the_table_are_downloaded(
    page: Page,
    root: Path,
    serve: Callable[[], PartsPage],
    tmp_path: Path,
) -> None:
    scored_project.add_map(root)
    page.goto(serve().link)
    drawn(page)
    with page.expect_download() as download:
        page.locator("[data-name=map-csv]").click()
    assert download.value.suggested_filename == "map.csv"
    download.value.save_as(tmp_path / "map.csv")
    with (tmp_path / "map.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == CASES
    with page.expect_download() as download:
        page.locator("[data-name=map-picture]").click()
    assert download.value.suggested_filename == "map.png"
    download.value.save_as(tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_click_on_a_map_that_was_replaced_meanwhile_opens_nothing(
    root: Path, serve: Callable[[], PartsPage]
) -> None:
    scored_project.add_map(root)
    served = serve()
    (part,) = served.parts
    served.do(part.show)
    version = part._points["version"]
    served.wait(part._on_pick(version + 1, 0))
    served.wait(part._on_pick(version, 10_000))
    assert served.do(lambda: served.viewer.desk.key) is None
    served.wait(part._on_pick(version, 0))
    assert served.do(lambda: served.viewer.desk.key) is not None
