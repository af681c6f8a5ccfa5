"""Somebody ticks a run on each of two pages of the list and compares them."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_ticks_outlast_pages_of_the_list(page: Page, empty_team: str) -> None:
    page.goto(empty_team)
    page.get_by_role("button", name="Look at a team with three months of history").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible(timeout=90_000)
    team = page.url.rstrip("/")
    try:
        page.goto(f"{team}/runs/?q=status:succeeded")
        first = page.locator("td.tick input").first
        first.check()
        ids = [first.get_attribute("value")]
        page.get_by_role("link", name="Next page").click()
        second = page.locator("td.tick input").nth(3)
        second.check()
        ids.append(second.get_attribute("value"))
        expect(page.locator("[data-tick-count]")).to_have_text("2 ticked:")
        page.get_by_role("button", name="Compare").click()
        for run_id in ids:
            expect(page.locator(f'.sides a[href*="{run_id}"]').first).to_be_visible()
        page.goto(f"{team}/runs/?q=status:succeeded")
        expect(page.locator("td.tick input").first).to_be_checked()
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("td.tick input:checked")).to_have_count(0)
    finally:
        page.goto(f"{team}/limits/")  # a page that asks for nothing while its team goes
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove this team").click()
        expect(page.locator(".alert-success")).to_be_visible(timeout=90_000)
