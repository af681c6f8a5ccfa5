"""A run that waits at its budget: seen to wait, given a larger one on its page, and carried to its end."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, expect

from tests.application import Application

CREW: dict[str, Any] = {
    "name": "Journey budget",
    "agents": [{"key": "writer", "role": "Writer", "llm": {"model": "simulated/gpt-4o-mini", "max_tokens": 200}}],
    "tasks": [{"key": key, "description": f"Write {key} in 30 words.", "agent": "writer"} for key in ("one", "two")],
}
CALLS = "SELECT count(*), count(*) FILTER (WHERE state = 'ok') FROM runs_call WHERE run_id = %s AND kind = 'model'"


def test_a_run_is_given_a_larger_budget_where_it_waits(application: Application, page: Page) -> None:
    with application.api() as client:
        made = client.post("/crews/import", json={"source": json.dumps(CREW)}).raise_for_status().json()["crew"]
    page.goto(f"/t/my-team/crews/{made['slug']}/launch/")
    page.get_by_label("Budget in USD").fill("0.000001")
    page.get_by_role("button", name="Launch").press("Enter")
    expect(page.get_by_role("heading", name="Waits for money")).to_be_visible(timeout=15_000)
    page.get_by_label("New budget of this run").fill("$1.50")
    page.get_by_role("button", name="Raise this run's budget and go on").press("Enter")
    expect(page.locator("#run-state")).to_have_text("succeeded", timeout=15_000)
    expect(page.get_by_role("heading", name="Waits for money")).to_have_count(0)
    run_id = page.url.rstrip("/").rpartition("/")[2]
    assert application.rows(CALLS, run_id) == [(2, 2)]
