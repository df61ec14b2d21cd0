"""The page as a browser gets it, and where it is served."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.viewer.web.server import FIRST_PORT, WebServer, free_port, warning
from Testing.viewer.browser import Problems, serving

SMALL_PAGE = Path(__file__).with_name("small_page.py")


def test_the_page_works_and_asks_nothing_of_other_machines(page: Page) -> None:
    with serving([SMALL_PAGE]) as served:
        page.goto(served.link)
        page.locator("[data-name=count]").click()
        page.locator("[data-name=count]").click()
        expect(page.locator("[data-name=counted]")).to_have_text("counted 2")
        expect(page).to_have_title("ActiveSeed")
        assert page.url == f"{served.origin}/"
        assert page.evaluate("document.fonts.check('24px \"Material Design Icons\"')")
        # Signed in, the bare address will do.
        page.goto(f"{served.origin}/index.html?sessionURL=ws://127.0.0.1:1/ws")
        expect(page.locator("[data-name=counted]")).to_have_text("counted 2")
        assert page.url == f"{served.origin}/"


def test_without_the_link_the_page_says_where_to_find_it(page: Page, problems: Problems) -> None:
    problems.expect("403")
    with serving([SMALL_PAGE]) as served:
        for address in (served.origin, f"{served.origin}/?token=guessed"):
            page.goto(address)
            expect(page.locator("body")).to_contain_text("the link that activeseed view printed")


def test_nothing_on_the_page_can_reach_another_server(page: Page, problems: Problems) -> None:
    problems.expect("Content Security Policy")
    with serving([SMALL_PAGE]) as served, serving([SMALL_PAGE]) as other:
        page.goto(served.link)
        expect(page.locator("[data-name=counted]")).to_have_text("counted 0")
        outcome = page.evaluate(
            """async (other) => {
              const refused = [];
              await fetch(other, {mode: "no-cors"}).catch(() => refused.push("fetch"));
              await new Promise((done) => {
                const picture = new Image();
                picture.onload = picture.onerror = (event) => {
                  if (event.type === "error") refused.push("picture");
                  done();
                };
                picture.src = other + "/favicon.png";
              });
              try {
                const socket = new WebSocket(other.replace("http", "ws") + "/ws");
                await new Promise((done) => { socket.onerror = done; socket.onopen = done; });
                if (socket.readyState !== 1) refused.push("socket");
              } catch { refused.push("socket"); }
              const script = document.createElement("script");
              script.textContent = "window.ran = true";
              document.body.append(script);
              if (!window.ran) refused.push("script");
              return refused;
            }""",
            other.origin,
        )
        assert outcome == ["fetch", "picture", "socket", "script"]
        assert len(problems.seen) >= len(outcome)


def test_the_command_line_and_environment_of_others_change_nothing(page: Page) -> None:
    elsewhere = {"TRAME_ARGS": "--host 0.0.0.0 --port 1 --no-http", "TRAME_DEFAULT_HOST": "0.0.0.0"}
    with serving([SMALL_PAGE], ACTIVESEED_TOKEN="a word & more", **elsewhere) as served:
        assert served.link.startswith("http://127.0.0.1:")
        assert served.link.endswith("/?token=a%20word%20%26%20more")
        page.goto(served.link)
        expect(page.locator("[data-name=counted]")).to_have_text("counted 0")
        assert [line for line in served.printed if "http" not in line] == []


def test_a_signal_ends_it_with_a_page_open(page: Page, problems: Problems) -> None:
    problems.expect("ERR_CONNECTION_REFUSED")
    with serving([SMALL_PAGE]) as served:
        page.goto(served.link)
        expect(page.locator("[data-name=counted]")).to_have_text("counted 0")
        served.process.terminate()
        assert served.process.wait(60) == 0


def test_a_free_port_is_found_and_a_taken_one_is_said() -> None:
    first = free_port("127.0.0.1")
    assert first >= FIRST_PORT
    with socket.create_server(("127.0.0.1", first)):
        assert free_port("127.0.0.1") > first
        assert free_port("127.0.0.1", None) > first
        with pytest.raises(InputError, match=f"Port {first} on 127.0.0.1 is taken"):
            free_port("127.0.0.1", first)


@pytest.mark.parametrize(
    ("host", "port"), [("192.0.2.1", None), ("no such name.invalid", None), ("127.0.0.1", 70_000)]
)
def test_an_address_that_is_not_ours_is_said(host: str, port: int | None) -> None:
    with pytest.raises(InputError, match="cannot be listened on"):
        free_port(host, port)


def test_listening_wider_is_warned_of() -> None:
    for host in ("127.0.0.1", "127.0.0.2", "localhost", "::1"):
        assert warning(host) is None
    for host in ("0.0.0.0", "::", "", "192.168.0.7", "server.lab"):
        assert "anyone who has the link" in (warning(host) or "")


def test_one_that_is_stopped_before_it_starts_ends_at_once() -> None:
    server = WebServer()
    server.stop()
    with ThreadPoolExecutor() as elsewhere:  # Playwright has the loop of this thread
        ended = elsewhere.submit(lambda: asyncio.run(server.run(lambda _link: None)))
        assert ended.result(20) is None


def test_each_server_has_a_token_of_its_own() -> None:
    first, second = WebServer(), WebServer(token="")
    assert first.token != second.token
    assert min(len(first.token), len(second.token)) >= 32
