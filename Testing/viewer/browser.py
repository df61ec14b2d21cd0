"""A real browser for the viewer's tests, and a real server for it to look at.

Playwright drives Chromium from the test's own thread and keeps an event loop there as long as the
browser lives: whatever is served runs in a process or a thread of its own (`serving`).
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

PROJECT = Path(__file__).resolve().parents[2]
PICTURES = PROJECT / "viewer-out"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
SIZE = (1440, 900)
PATIENCE = 60_000  # milliseconds; two cores may be busy with other tests
HERE = {"127.0.0.1", "localhost"}
AFTER_THE_END = r"ERR_CONNECTION_REFUSED \(http://127\.0\.0\.1:\d+/[^?]*\.woff2"
"""A font that a page asks for when its test has ended the server already."""
expect.set_options(timeout=PATIENCE)


def find_chromium() -> str | None:
    """Return the browser to test with, or None."""
    given = os.environ.get("ACTIVESEED_CHROMIUM")
    return given or next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Problems:
    """What went wrong in the browser; whatever a test does not expect fails it."""

    seen: list[str] = field(default_factory=list)
    _expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Let problems pass whose words hold this pattern, seen already or still to come."""
        self._expected.append(pattern)

    def unexpected(self) -> list[str]:
        expected = [*self._expected, AFTER_THE_END]
        return [one for one in self.seen if not any(re.search(p, one) for p in expected)]

    def watch(self, page: Page) -> None:
        """Note what the page's console says, its errors, and what it asks of other machines."""
        page.on(
            "console",
            lambda message: (
                self.seen.append(f"console: {message.text} ({message.location.get('url')})")
                if message.type == "error"
                else None
            ),
        )
        page.on("pageerror", lambda error: self.seen.append(f"page: {error}"))
        page.on("crash", lambda _page: self.seen.append("page: it crashed"))

    def keep_here(self, route: Route) -> None:
        """Let a request pass that stays on this machine; note any other and end it."""
        url = urlsplit(route.request.url)
        if url.hostname in HERE or url.scheme in {"data", "blob"}:
            route.continue_()
        else:
            self.seen.append(f"request: {route.request.url} leaves this machine")
            route.abort()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for as long as a module's tests run."""
    path = find_chromium()
    if path is None:
        pytest.skip(
            "LACKING BROWSER: no Chromium was found, so this test of the page did not run; install "
            f"one ({', '.join(NAMES)}), or name it in ACTIVESEED_CHROMIUM."
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def problems() -> Problems:
    return Problems()


@pytest.fixture
def context(browser: Browser, problems: Problems) -> Iterator[BrowserContext]:
    """Cookies and tabs of one user's browser."""
    width, height = SIZE
    made = browser.new_context(viewport={"width": width, "height": height})
    made.set_default_timeout(PATIENCE)
    made.route("**/*", problems.keep_here)
    made.on("page", problems.watch)
    yield made
    made.close()
    assert problems.unexpected() == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty tab; a test fails on errors in its console and on requests to other machines."""
    return context.new_page()


def shot(page: Page, name: str) -> Path:
    """Write what the page looks like to `viewer-out/<name>.png`."""
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    return path


@dataclass
class Served:
    """A server in a process of its own.

    Attributes:
        process: its process.
        link: the first one that it printed.
        printed: all lines so far.
    """

    process: subprocess.Popen[str]
    link: str = ""
    printed: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """The link without path and token."""
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.link))

    @property
    def port(self) -> int:
        return urlsplit(self.link).port or 0

    def read(self) -> None:
        """Read what the process prints until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line)
            if not self.link and (found := re.search(r"http://[^\s\"]+", line)):
                self.link = found[0]


@contextmanager
def serving(
    command: Sequence[str | Path], seconds: float = 120, **environment: str
) -> Iterator[Served]:
    """Run a command that prints a link, until the block ends.

    Args:
        command: what follows `python`.
        seconds: to wait for the link.
        environment: variables to set.
    """
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=PROJECT,
        env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    served = Served(process)
    reader = threading.Thread(target=served.read)
    reader.start()
    try:
        wait_until(lambda: served.link or process.poll() is not None, seconds)
        assert served.link, f"No link was printed:\n{''.join(served.printed)}"
        yield served
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()
            process.wait()
            reader.join()


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE / 1000) -> None:
    """Wait for something that the page does not show."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
