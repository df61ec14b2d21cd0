"""The report on an encoder, asked for and read in the browser."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from Testing.viewer.browser import PATIENCE, Problems
from Testing.viewer.whole_page import make_archive, named, serve


def test_the_report_is_read_on_the_page(browser: Browser, tmp_path: Path) -> None:
    root = make_archive(tmp_path, 12, 2)
    with serve(root) as served:
        problems = Problems()
        context = browser.new_context()
        context.set_default_timeout(PATIENCE)
        context.on("page", problems.watch)
        page = context.new_page()
        page.goto(served.link)
        named(page, "open-settings").click()
        named(page, "inspect").click()
        expect(named(page, "settings")).to_be_hidden()
        expect(named(page, "inspection")).to_contain_text("Near-copies: ", timeout=120_000)
        expect(named(page, "inspection")).to_contain_text("Too few to tell: 11 cases")
        context.close()
