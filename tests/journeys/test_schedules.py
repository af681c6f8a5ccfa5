"""By keyboard alone: rows of a spreadsheet are kept, launched as a batch, and launched by a schedule."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.application import Application
from tests.journeys.hands import Keys

CREW = {
    "name": "Kept rows",
    "agents": [{"key": "writer", "role": "Writer", "llm": "simulated"}],
    "tasks": [{"key": "notes", "description": "Notes on {topic} for {reader}", "agent": "writer"}],
}
CELLS = "topic\treader\nrivers\tAda\nbees\tBen\n"
AGAIN = "topic\twho\nwasps\tCy\nants\tDi\n"


@pytest.fixture
def crew(application: Application) -> str:
    with application.api() as client:
        return str(client.post("/crews", json=CREW).raise_for_status().json()["slug"])


def paste(hands: Keys, text: str) -> None:
    hands.go_to(hands.page.get_by_label("Rows"))
    hands.page.keyboard.insert_text(text)


def test_rows_are_kept_launched_and_scheduled(page: Page, crew: str) -> None:
    hands = Keys(page)
    kept(hands)
    launched(hands, crew)
    scheduled(hands, crew)


def kept(hands: Keys) -> None:
    """Rows and, as version 2, other rows."""
    page = hands.page
    page.goto("/t/my-team/data-sets/")
    hands.press(page.get_by_role("link", name="New data set").first)
    hands.write(page.get_by_label("Name"), "Leads, June")
    paste(hands, AGAIN)
    hands.press(page.get_by_role("button", name="Keep"))
    hands.press(page.get_by_role("link", name="Add rows"))
    paste(hands, CELLS)
    hands.press(page.get_by_role("button", name="Look at the rows"))
    expect(page.get_by_role("heading", name="2 rows")).to_be_focused()
    expect(page.get_by_text("2 rows added, 2 removed, 0 the same.")).to_be_visible()
    hands.press(page.get_by_role("button", name="These rows alone"))
    expect(page.get_by_text("Kept as version 2.")).to_be_visible()


def has_ended(page: Page) -> None:
    """The page of a batch of two rows, which loads itself anew at its end and follows nothing from then on."""
    expect(page.locator("#figures")).to_contain_text("2 of 2", timeout=60_000)
    expect(page.locator("[sse-connect]")).to_have_count(0, timeout=60_000)


def launched(hands: Keys, crew: str) -> None:
    """The first version as a batch, one of whose inputs is called otherwise."""
    page = hands.page
    page.goto(f"/t/my-team/crews/{crew}/launch/batch/")
    hands.write(page.get_by_label("Or a data set"), "leads-june@1")
    hands.press(page.get_by_role("button", name="Look at the rows"))
    expect(page.get_by_role("heading", name="2 rows")).to_be_focused()
    expect(page.get_by_role("button", name="Launch the batch")).to_have_count(0)
    hands.choose(page.get_by_label("reader"), "who")
    hands.press(page.get_by_role("button", name="Look at the rows"))
    hands.press(page.get_by_role("button", name="Launch the batch"))
    has_ended(page)
    hands.press(page.get_by_role("link", name="Output"))
    expect(page.get_by_role("columnheader", name="Output")).to_have_attribute("aria-sort", "ascending")


def scheduled(hands: Keys, crew: str) -> None:
    """The first version, one of whose columns is called otherwise, far in the future, and at once by hand."""
    page = hands.page
    page.goto(f"/t/my-team/crews/{crew}/launch/schedule/")
    hands.write(page.get_by_role("textbox", name="Times"), "0 0 30 2 *")
    expect(page.locator(".next-times")).to_contain_text("This never comes")
    hands.write(page.get_by_role("textbox", name="Times"), "15 3 1 1 *")
    hands.write(page.get_by_label("Time zone"), "Asia/Kathmandu")
    expect(page.locator(".next-times")).to_contain_text(re.compile(r"1 Jan \d{4}, 03:15 \+05:45"))
    hands.write(page.get_by_role("combobox", name="Data set"), "leads-june@1")
    reader = page.locator("#columns").get_by_label("reader")
    expect(page.locator("#columns")).to_contain_text("No column of leads-june@1 fills the crew’s reader")
    hands.choose(reader, "who")
    expect(page.locator("#columns")).not_to_contain_text("No column")
    expect(reader).to_be_focused()
    expect(reader).to_have_value("who")
    hands.press(page.get_by_role("button", name="Set the schedule"))
    expect(page.get_by_text("None of its times has come yet.")).to_be_visible()
    here = page.url
    hands.press(page.get_by_role("button", name="Launch now"))
    hands.press(page.get_by_role("link", name="launched by hand, a batch"))
    has_ended(page)
    expect(page.locator("#now")).to_contain_text("wasps")
    page.goto(here)
    hands.press(page.get_by_role("button", name="Turn off"))
    expect(page.get_by_text("Somebody turned it off.")).to_be_visible()
