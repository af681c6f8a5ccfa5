"""A table of another program: its columns are chosen, and its figures are held against the ledger."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.application import Application
from tests.runs.reconciliation.exports import OTHERS

COLUMNS = "SELECT choice->'columns'->>'cost' FROM runs_exportcolumns"


def test_an_export_is_checked_with_columns_that_a_person_chose(application: Application, page: Page) -> None:
    page.goto("/t/my-team/prices/")
    page.get_by_role("link", name="Check against a provider's export").press("Enter")
    file = {"name": "activity.csv", "mimeType": "text/csv", "buffer": OTHERS.encode("utf-16")}
    page.locator("#id_uploads").set_input_files(file)
    page.get_by_role("button", name="Check").press("Enter")
    expect(page.get_by_role("heading", name="Which column says what?")).to_be_visible()
    expect(page.get_by_label("Cost", exact=True)).to_have_value("2")
    page.get_by_label("Model", exact=True).select_option("1")
    page.get_by_label("Provider").select_option("openrouter")
    page.get_by_role("button", name="Check").press("Enter")
    said = "OpenRouter says $435.57 for 12–13 November 2025, we booked $0.00; $435.57 are theirs alone"
    expect(page.locator(".headline")).to_contain_text(said)
    expect(page.get_by_role("row", name="Other programs on the same key")).to_contain_text("$435.5700")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").press("Enter")
    assert "total,,,,,,435.57,0,435.57" in download.value.path().read_text()
    assert application.rows(COLUMNS) == [("2",)]
