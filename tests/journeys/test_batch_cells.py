"""Somebody types a batch's inputs cell by cell, pastes cells of a spreadsheet, and launches what stands there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.application import Application
from tests.journeys.axe import AXE, OPTIONS

SPEC = {
    "name": "Cells",
    "agents": [{"key": "writer", "role": "Writer", "llm": "simulated"}],
    "tasks": [{"key": "notes", "description": "Notes on {topic} for {reader}", "agent": "writer"}],
}
PASTE = """(text) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const pasted = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(pasted);
}"""


@pytest.fixture
def crew(application: Application) -> str:
    with application.api() as client:
        answer = client.post("/crews", json=SPEC)
        answer.raise_for_status()
        return str(answer.json()["slug"])


def cell(page: Page, column: str, row: int) -> Locator:
    return page.get_by_role("textbox", name=f"{column}, row {row}", exact=True)


def test_cells_are_typed_pasted_and_launched(page: Page, crew: str) -> None:
    page.goto(f"/t/my-team/crews/{crew}/launch/batch/")
    text = page.get_by_role("textbox", name="Inputs, a row for each run")
    expect(text).to_be_visible()
    page.get_by_role("button", name="Cells").click()
    expect(text).to_be_hidden()
    expect(cell(page, "topic", 1)).to_be_focused()
    page.keyboard.type('bees, "wild"')
    page.keyboard.press("Tab")
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    expect(cell(page, "reader", 2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(cell(page, "reader", 1)).to_be_focused()
    cell(page, "topic", 2).focus()
    page.evaluate(PASTE, 'wasps\tBen\r\n"two\nlines"\tCy\r\nants\t\r\n')
    expect(cell(page, "topic", 4)).to_be_focused()
    expect(cell(page, "reader", 3)).to_have_value("Cy")
    page.evaluate(AXE)
    found = page.evaluate("(options) => axe.run(document, options)", OPTIONS)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []

    page.get_by_role("button", name="Look at the rows").click()
    expect(page.get_by_text("Row 4 (line 6)")).to_be_visible()
    expect(cell(page, "reader", 4)).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Remove row 4").click()
    page.get_by_role("button", name="Text", exact=True).click()
    expect(text).to_have_value('topic,reader\n"bees, ""wild""",Ada\nwasps,Ben\n"two\nlines",Cy')
    page.get_by_role("button", name="Look at the rows").click()
    page.get_by_role("button", name="Launch the batch").click()
    expect(page.get_by_role("heading", name="Cells, 3 rows")).to_be_visible()


def test_a_text_that_is_no_table_stays_text(page: Page, crew: str) -> None:
    page.goto(f"/t/my-team/crews/{crew}/launch/batch/")
    page.get_by_role("textbox", name="Inputs, a row for each run").fill("[1]")
    page.get_by_role("button", name="Cells").click()
    expect(page.get_by_text("This text is no table of cells: it stays text.")).to_be_visible()
