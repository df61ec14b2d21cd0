"""Tabs, reloads, and servers that are gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from Testing.viewer.browser import Problems, Served, serving, shot

SMALL_PAGE = Path(__file__).with_name("small_page.py")
# What Chromium says of a server that is gone, and trame's client of its calls that got no answer.
GONE = r"ERR_CONNECTION_REFUSED|WebSocket connection|^page: Object$"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving([SMALL_PAGE]) as running:
        yield running


def count(page: Page, expected: int) -> None:
    page.locator("[data-name=count]").click()
    expect(page.locator("[data-name=counted]")).to_have_text(f"counted {expected}")


def test_a_reload_goes_on_where_it_was(page: Page, served: Served) -> None:
    page.goto(served.link)
    count(page, 1)
    page.reload()
    expect(page.locator("[data-name=counted]")).to_have_text("counted 1")
    count(page, 2)


def test_the_last_tab_works_and_the_others_say_so(
    page: Page, context: BrowserContext, served: Served
) -> None:
    page.goto(served.link)
    count(page, 1)
    second = context.new_page()
    second.goto(served.origin)
    count(second, 2)
    expect(page.locator("[data-name=elsewhere]")).to_be_visible()
    expect(page.locator("[data-name=count]")).to_have_count(0)
    shot(page, "another-tab")

    page.locator("[data-name=go-on-here]").click()
    count(page, 3)
    expect(second.locator("[data-name=elsewhere]")).to_be_visible()
    expect(second.locator("[data-name=count]")).to_have_count(0)

    second.reload()
    count(second, 4)
    expect(page.locator("[data-name=elsewhere]")).to_be_visible()

    second.close()
    page.locator("[data-name=go-on-here]").click()
    count(page, 5)


def test_a_killed_server_is_said_and_one_started_again_is_found(
    page: Page, context: BrowserContext, problems: Problems, served: Served
) -> None:
    problems.expect(GONE)
    with serving([SMALL_PAGE], ACTIVESEED_TOKEN="the same as before") as first:
        page.goto(first.link)
        count(page, 1)
        second = context.new_page()
        second.goto(first.origin)
        count(second, 2)
        first.process.kill()
        expect(page.locator("#connection-lost")).to_contain_text("start activeseed view again")
        expect(second.locator("#connection-lost")).to_contain_text("The connection")
        shot(second, "connection-lost")
        first.process.wait()
    command = [SMALL_PAGE, "127.0.0.1", str(first.port)]
    with serving(command, ACTIVESEED_TOKEN="the same as before"):
        count(second, 1)
        expect(page.locator("#connection-lost")).to_have_count(0)
        expect(page.locator("[data-name=elsewhere]")).to_be_visible()
        count(second, 2)  # the idle tab has come back, too, and did not take over


def test_a_server_started_anew_with_another_link_is_said(page: Page, problems: Problems) -> None:
    problems.expect(GONE)
    problems.expect("403")
    with serving([SMALL_PAGE]) as first:
        page.goto(first.link)
        count(page, 1)
    expect(page.locator("#connection-lost")).to_contain_text("The connection")
    with serving([SMALL_PAGE, "127.0.0.1", str(first.port)]):
        expect(page.locator("#connection-lost")).to_contain_text("with another link")
