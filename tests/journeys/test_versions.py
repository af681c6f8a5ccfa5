"""A crew that is changed between two launches: both versions are seen, compared by word, and the first is restored."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, expect

from tests.application import Application

POEM = "Write a long poem about rivers, the towns beside them, and the people who cross them."
CREW: dict[str, Any] = {
    "name": "Journey versions",
    "agents": [{"key": "writer", "role": "Writer", "llm": {"model": "simulated/gpt-4o", "max_tokens": 100}}],
    "tasks": [{"key": "poem", "description": POEM, "agent": "writer"}],
}
MEDIAN = """
    SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY spent_nusd) FROM runs_run
    JOIN agents_app_crewversion AS version ON version.id = version_id
    JOIN agents_app_crew AS crew ON crew.id = version.crew_id WHERE slug = %s AND number = %s
"""


def launch(page: Page, address: str) -> None:
    page.goto(f"{address}launch/")
    page.get_by_role("button", name="Launch").press("Enter")
    expect(page.locator("#run-state")).to_have_text("succeeded", timeout=30_000)


def see_figures(application: Application, page: Page, slug: str) -> None:
    rows = page.locator("table.versions tbody tr")
    expect(rows).to_have_count(2)
    for row, number in ((rows.nth(0), 2), (rows.nth(1), 1)):
        ((runs, median),) = application.rows(MEDIAN, slug, number)
        expect(row.get_by_role("link", name="1 run")).to_be_visible()
        expect(row.locator(f"[title='${median / 1e9:,.9f}']")).to_be_visible()
        assert runs == 1
    expect(rows.nth(0)).to_contain_text("poem: description")


def test_a_change_is_launched_compared_and_taken_back(application: Application, page: Page) -> None:
    with application.api() as client:
        slug = client.post("/crews/import", json={"source": json.dumps(CREW)}).raise_for_status().json()["crew"]["slug"]
    address = f"/t/my-team/crews/{slug}/"
    launch(page, address)
    page.goto(f"{address}tasks/poem/")
    page.get_by_label("Description", exact=False).first.fill(POEM.replace("long", "short"))
    page.get_by_role("button", name="Save task").click()
    launch(page, address)
    page.goto(address)
    page.get_by_role("link", name="Compare").click()
    see_figures(application, page, slug)
    page.get_by_role("button", name="Compare the two").press("Enter")
    expect(page.get_by_role("heading", name="From version 1 to version 2")).to_be_visible()
    expect(page.locator("del")).to_have_text("removed: long")
    expect(page.locator("ins")).to_have_text("added: short")
    expect(page.get_by_text("1 field changed")).to_be_visible()
    page.get_by_role("link", name="v1").click()
    page.get_by_label("Message").fill("The long poem")
    page.get_by_role("button", name="Save message").click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Restore v1 as draft").click()
    expect(page.get_by_text("The draft is version 1 again.")).to_be_visible()
    with application.api() as client:
        crew = client.get(f"/crews/{slug}").json()
        assert crew["spec"]["tasks"][0]["description"] == POEM
        assert client.get(f"/crews/{slug}/versions/1").json()["note"] == "The long poem"
