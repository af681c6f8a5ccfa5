"""Somebody narrows the list, chooses its columns, saves that for the team; another session opens it and takes the file
away, whose figures are those of the page."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.application import Application


def test_a_view_of_the_team_is_opened_elsewhere_and_exported(
    page: Page, browser: Browser, application: Application, empty_team: str
) -> None:
    page.goto(empty_team)
    page.get_by_role("button", name="Look at a team with three months of history").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible(timeout=90_000)
    team = page.url.rstrip("/")
    try:
        page.goto(f"{team}/runs/")
        page.get_by_label("State", exact=True).select_option("failed")
        expect(page.locator("table")).to_contain_text("failed")
        page.locator("#columns summary").click()
        page.locator("#columns").get_by_label("Waste", exact=True).check()
        page.locator("#columns").get_by_label("By", exact=True).uncheck()
        page.locator("#columns").get_by_role("button", name="Show these").click()
        page.locator("#columns summary").click()
        page.get_by_role("button", name="Waste further up").click()
        expect(page.locator("#columns")).to_have_attribute("open", "")
        page.get_by_text("Save view", exact=True).click()
        page.get_by_label("Name of this filter, order and columns").fill("What was lost")
        page.get_by_label("The team’s").check()
        page.locator(".save-view").get_by_role("button", name="Save").click()
        expect(page.locator(".saved [aria-current]")).to_contain_text("What was lost")
        address = page.locator(".saved [aria-current]").get_attribute("href")

        other = browser.new_context(base_url=application.url, storage_state=page.context.storage_state())
        other.clear_cookies(name="run_columns")
        opened = other.new_page()
        opened.goto(str(address))
        heads = [head.strip(" ↓\n") for head in opened.locator("thead th").all_inner_texts()]
        assert heads[2:] == ["State", "Cost", "Duration", "Tokens", "Calls", "Waste", "Launched"]
        with opened.expect_download() as download:
            opened.get_by_role("link", name="CSV").click()
        with Path(download.value.path()).open(newline="") as file:
            rows = list(csv.DictReader(file))
        shown = opened.locator("tbody tr")
        assert 0 < shown.count() <= len(rows)
        assert {row["state"] for row in rows} == {"failed"}
        for place, row in zip(range(shown.count()), rows, strict=False):
            line = shown.nth(place)
            assert row["run"] == line.locator("td.tick input").get_attribute("value")
            for label, name in (("Cost", "cost_usd"), ("Waste", "waste_usd")):
                exact = line.locator(f'td[data-label="{label}"] [title]').get_attribute("title")
                assert Decimal(str(exact).removeprefix("$")) == Decimal(row[name])
            assert line.locator('td[data-label="Tokens"]').inner_text() == f"{int(row['total_tokens']):,}"
        other.close()
    finally:
        page.goto(f"{team}/limits/")  # a page that asks for nothing while its team goes
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove this team").click()
        expect(page.locator(".alert-success")).to_be_visible(timeout=90_000)
