"""A newcomer without a key asks a made-up team the questions that people come with, and finds the answers."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.application import Application

DEAREST = """
    SELECT id::text FROM runs_run WHERE team_id = (SELECT id FROM teams_team WHERE slug = %s)
    AND finished_at IS NOT NULL AND created_at >= now() - interval '7 days' ORDER BY ended_nusd DESC, id DESC LIMIT 1
"""


@pytest.fixture
def team(page: Page, empty_team: str) -> Any:
    """The address of a made-up team, which is removed again."""
    page.goto(empty_team)
    page.get_by_role("button", name="Look at a team with three months of history").click()
    expect(page.get_by_text("Made-up history: every run here is simulated.")).to_be_visible(timeout=120_000)
    address = urlsplit(page.url).path
    yield address
    page.goto(f"{address}limits/")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove this team").click()
    expect(page.get_by_text("The made-up team is removed")).to_be_visible(timeout=120_000)


def test_why_this_month_was_dearer_and_which_run_of_the_week_was_dearest(
    page: Page, team: str, application: Application
) -> None:
    page.get_by_role("navigation", name="Period").get_by_role("link", name="30 days").click()
    expect(page.locator("main")).to_contain_text("Most of the difference:")
    why = page.get_by_role("link", name="Why ").first
    crew = str(why.get_attribute("aria-label")).removeprefix("Why ").removesuffix(" changed")
    difference = page.get_by_role("row", name=crew).first.get_by_role("cell").first.inner_text()
    why.click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    sentence = page.locator(".answer").first
    expect(sentence).to_contain_text("dearer" if difference.startswith("+") else "cheaper")
    find_the_dearest_by_keyboard(page, team)
    dearest = application.rows(DEAREST, team.strip("/").rpartition("/")[2])[0][0]
    assert urlsplit(page.url).path == f"{team}runs/{dearest}/"


def find_the_dearest_by_keyboard(page: Page, team: str) -> None:
    """From the list of runs to the page of the dearest one of the week, without a pointer."""
    page.goto(f"{team}runs/")
    page.keyboard.press("/")
    page.keyboard.type("since:7d")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=since%3A7d"))
    until_focused(page, "Cost")
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Cost")).to_have_attribute("aria-sort", "descending")
    first = page.locator("main tbody a").first.inner_text()
    until_focused(page, first)
    page.keyboard.press("Enter")
    expect(page.locator("#run-state")).to_be_visible()


def until_focused(page: Page, name: str) -> None:
    """Goes on by Tab to what has this text."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if str(page.evaluate("document.activeElement.textContent")).strip().startswith(name):
            return
    raise AssertionError(f"{name} cannot be reached by Tab.")
