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
        page.get_by_role("combobox", name="State").select_option("failed")
        expect(page.locator("table")).to_contain_text("failed")
        _choose_columns(page)
        address = _save(page)
        other = browser.new_context(base_url=application.url, storage_state=page.context.storage_state())
        other.clear_cookies(name="run_columns")
        _look_and_export(other.new_page(), address)
        other.close()
    finally:
        page.goto(f"{team}/limits/")  # a page that asks for nothing while its team goes
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove this team").click()
        expect(page.locator(".alert-success")).to_be_visible(timeout=90_000)


def _choose_columns(page: Page) -> None:
    """Waste in place of who launched it, before the launch."""
    form = page.locator("#columns")
    form.locator("summary").click()
    form.get_by_label("Waste", exact=True).check()
    form.get_by_label("By", exact=True).uncheck()
    form.get_by_role("button", name="Show these").click()
    form.locator("summary").click()
    page.get_by_role("button", name="Waste further up").click()
    expect(form).to_have_attribute("open", "")


def _save(page: Page) -> str:
    """The address of the new view."""
    page.get_by_text("Save view", exact=True).click()
    page.get_by_label("Name of this filter, order and columns").fill("What was lost")
    page.get_by_label("The team’s").check()
    page.locator(".save-view").get_by_role("button", name="Save").click()
    opened = page.locator(".saved [aria-current]")
    expect(opened).to_contain_text("What was lost")
    return str(opened.get_attribute("href"))


def _look_and_export(page: Page, address: str) -> None:
    page.goto(address)
    heads = [head.strip(" ↓\n") for head in page.locator("thead th").all_inner_texts()]
    assert heads[2:] == ["State", "Cost", "Duration", "Tokens", "Calls", "Waste", "Launched"]
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    with Path(download.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = page.locator("tbody tr")
    assert 0 < lines.count() <= len(rows)
    assert {row["state"] for row in rows} == {"failed"}
    for line, row in zip(lines.all(), rows, strict=False):
        assert row["run"] == line.locator("td.tick input").get_attribute("value")
        for label, name in (("Cost", "cost_usd"), ("Waste", "waste_usd")):
            cell = line.locator(f'td[data-label="{label}"]')
            rounded = cell.locator("[title]")  # with the exact figure; $0 is exact
            exact = rounded.get_attribute("title") if rounded.count() else cell.inner_text()
            assert Decimal(str(exact).removeprefix("$")) == Decimal(row[name])
        assert line.locator('td[data-label="Tokens"]').inner_text() == f"{int(row['total_tokens']):,}"
