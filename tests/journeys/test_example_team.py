"""Somebody without a crew looks at a made-up team, finds in it what was put there, and removes it at one click."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.journeys.test_every_page import _faults


def test_a_made_up_team_is_looked_at_and_removed(page: Page, empty_team: str) -> None:
    page.goto(empty_team)
    page.get_by_role("button", name="Look at a team with three months of history").click()
    expect(page.get_by_text("Made-up history: every run here is simulated.")).to_be_visible(timeout=60_000)
    team = page.url
    expect(page.locator("svg.columns a").first).to_be_attached()
    page.goto(f"{team}crews/")
    page.get_by_role("link", name="Support replies", exact=True).click()
    expect(page.get_by_text("Summaries of at most 60 words")).to_be_visible()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Runs").click()
    expect(page.locator("main")).to_contain_text("Market watch")
    found = [
        fault for address in (empty_team, team, f"{team}crews/", f"{team}runs/") for fault in _faults(page, address)
    ]
    assert not found, "\n".join(found)
    page.goto(f"{team}limits/")  # a page that asks for nothing while its team goes
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove this team").click()
    expect(page.get_by_text("The made-up team is removed")).to_be_visible(timeout=60_000)
    assert page.request.get(f"{team}crews/").status == 404
