"""The page as a browser gets it: whole, from this machine alone, behind its link."""

from pathlib import Path

from playwright.sync_api import Page, expect

from Testing.viewer.browser import serving

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
