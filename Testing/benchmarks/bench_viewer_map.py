"""How long the map of a large pool takes in the browser: to draw, to colour anew, to click.

python Testing/benchmarks/bench_viewer_map.py [cases, default 10000]

Chromium without a window draws on the processor, so a desktop's browser is not slower. Every time
is from the act to the finished picture, the server's work and the way over the web socket included.
The same points are also drawn by WebGL, which not every machine has.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench_map_plot import make  # beside this file
from playwright.sync_api import Page, sync_playwright

from ActiveSeedLib.app.map_points import COLOURINGS
from ActiveSeedLib.viewer.web.map_part import MapPart
from Testing.viewer.browser import find_chromium
from Testing.viewer.parts_page import PartsPage

REPEATS = 5
PLOT = "document.querySelector('[data-name=map-plot] .js-plotly-plot')"
# Counts the pictures that are finished: drawn by Plotly, and painted.
COUNT = f"""() => {{
    window.painted = 0;
    const later = () => requestAnimationFrame(() => setTimeout(() => window.painted++));
    {PLOT}.on('plotly_afterplot', later);
    {PLOT}.on('plotly_relayout', later);
}}"""
DRAWN = f"(n) => ({PLOT} ? {PLOT}.querySelectorAll('path.point').length : 0) === n"
PLACE = f"""(n) => {{
    const plot = {PLOT}, trace = plot.data[0], box = plot.getBoundingClientRect();
    const {{ xaxis, yaxis }} = plot._fullLayout;
    return [box.x + xaxis._offset + xaxis.d2p(trace.x[n]),
            box.y + yaxis._offset + yaxis.d2p(trace.y[n])];
}}"""
# The same traces, drawn anew by either of Plotly's ways.
BY_KIND = f"""async (kind) => {{
    const place = document.createElement('div');
    place.style = 'width: 364px; height: 340px';
    document.body.append(place);
    const data = {PLOT}.data.map((one) => ({{ ...one, type: kind }}));
    const layout = JSON.parse(JSON.stringify({PLOT}.layout));
    const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const started = performance.now();
    await window.Plotly.newPlot(place, data, {{ ...layout, shapes: [] }});
    await painted();
    const first = performance.now() - started;
    await window.Plotly.relayout(place, {{ 'xaxis.range': [-20, 20] }});
    await painted();
    const zoomed = performance.now() - started - first;
    window.Plotly.purge(place);
    place.remove();
    return [first, zoomed];
}}"""


class Traffic:
    """What the page received over its web socket."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._take))

    def said(self) -> str:
        """Say how much came since this was asked last."""
        text, self.bytes = f"{self.bytes / 1000:8.1f} kB", 0
        return text

    def _take(self, data: Any) -> None:
        self.bytes += len(data)


def measure(
    what: str,
    traffic: Traffic,
    actions: list[Callable[[], object]],
    pause: Callable[[], object] = lambda: None,
) -> None:
    """Print the median and the longest time of the actions, and the bytes of the last."""
    times = []
    for action in actions:
        pause()
        traffic.said()
        started = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - started))
    print(
        f"{what:<44} {median(times):7.1f} ms  longest {max(times):7.1f} ms  {traffic.said()}",
        flush=True,
    )


def run(page: Page, stand: PartsPage, count: int) -> None:
    """Measure everything on one page."""
    (part,) = stand.parts
    traffic = Traffic(page)
    measure("server: bring the map up to date", traffic, [lambda: stand.do(part.show)] * REPEATS)

    def load() -> None:
        page.goto(stand.link)
        page.wait_for_function(DRAWN, arg=count)

    measure("load the page until every point is drawn", traffic, [load])
    page.evaluate(COUNT)

    def painted(act: Callable[[], object]) -> Callable[[], None]:
        def done() -> None:
            before = page.evaluate("window.painted")
            act()
            page.wait_for_function("(n) => window.painted > n", arg=before)

        return done

    def colour(name: str) -> None:
        page.evaluate("(name) => window.trame.state.set('map_colouring', name)", name)

    for name in (*list(COLOURINGS)[1:], "status"):
        measure(f"colour anew by {name}", traffic, [painted(lambda name=name: colour(name))])

    def ring(number: int) -> None:
        points = part._points

        def mark() -> None:
            with part._state as state:
                state.map_mark = [points["x"][number], points["y"][number]]

        stand.do(mark)

    moves = [painted(lambda n=n: ring(n)) for n in range(REPEATS)]
    measure("move the ring", traffic, moves)

    def click(number: int) -> None:
        said = stand.do(lambda: stand.viewer.notice.number)
        page.mouse.click(*page.evaluate(PLACE, number))
        while stand.do(lambda: stand.viewer.notice.number) == said:
            time.sleep(0.001)  # the images do not exist, which is said

    clicks = [lambda n=n: click(n) for n in range(REPEATS)]
    # Two clicks at once would be a double click.
    measure("click a point until the hub opens it", traffic, clicks, lambda: time.sleep(0.5))
    for kind in ("scatter", "scattergl"):
        first, zoomed = page.evaluate(BY_KIND, kind)
        print(f"{kind:<10} draw {first:7.1f} ms   zoom {zoomed:7.1f} ms")


def main(count: int) -> None:
    path = find_chromium()
    assert path, "No Chromium was found: name one in ACTIVESEED_CHROMIUM."
    print(f"{count} cases")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        make(folder, count).close()
        stand = PartsPage(
            folder / "project", lambda trame, viewer: [MapPart(trame, viewer)], folder / "logs"
        )
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            run(browser.new_page(viewport={"width": 1440, "height": 900}), stand, count)
        finally:
            browser.close()
            stand.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
