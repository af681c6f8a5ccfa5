"""Somebody asks what a run would have cost on another model, and keeps the answer for the team."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

from tests.application import Application

CREW: dict[str, Any] = {
    "name": "Journey what if",
    "agents": [{"key": "writer", "role": "Writer", "llm": {"model": "gpt-4o", "max_tokens": 50}}],
    "tasks": [{"key": "poem", "description": "Write a poem.", "agent": "writer"}],
}


def test_a_run_is_repriced_agent_by_agent_and_the_answer_is_kept(application: Application, page: Page) -> None:
    with application.api() as client:
        slug = client.post("/crews", json=CREW).raise_for_status().json()["slug"]
        run = client.post(f"/crews/{slug}/runs", json={}).raise_for_status().json()["id"]
        until = time.monotonic() + 60
        while client.get(f"/runs/{run}").json()["status"] != "succeeded":
            assert time.monotonic() < until
            time.sleep(0.3)
    page.goto(f"/t/my-team/runs/{run}/")
    page.get_by_role("link", name="What if", exact=True).click()
    expect(page.get_by_role("heading", name="One tier down, agent by agent")).to_be_visible()
    page.get_by_label("Another model for writer of Journey what if").fill("gpt-4o-mini")
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_contain_text("cheaper")
    expect(page.locator(".assumptions")).to_contain_text("gpt-4o and gpt-4o-mini count tokens alike.", timeout=30_000)
    expect(page.get_by_label("Another model for writer of Journey what if")).to_have_value("gpt-4o-mini")
    page.locator("summary", has_text="Save").click()
    page.get_by_label("Name of this scenario").fill("Poems on the small one")
    page.get_by_label("The team’s").check()
    page.locator(".save-view").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Poems on the small one")).to_be_visible()
    rows = page.get_by_role("region", name="Then and now").get_by_role("row")
    expect(rows).to_contain_text(["Reckoned", "when it was saved", "now"])
    page.goto("/t/my-team/scenarios/")
    page.get_by_role("link", name="Poems on the small one").click()
    expect(page.get_by_role("heading", name="Then and now")).to_be_visible()
