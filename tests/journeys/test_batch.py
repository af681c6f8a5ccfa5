"""The page of a batch follows it without a reload until it has ended."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.application import Application

CREW: dict[str, Any] = {
    "name": "Journey batch",
    "agents": [{"key": "writer", "role": "Writer", "llm": {"model": "simulated/gpt-4o", "max_tokens": 50}}],
    "tasks": [{"key": "poem", "description": "A poem about {topic}.", "agent": "writer", "human_input": True}],
}


@pytest.fixture
def batch(application: Application) -> str:
    """Of three rows, each of whose runs waits for a person."""
    with application.api() as client:
        made = client.post("/crews/import", json={"source": json.dumps(CREW)}).raise_for_status()
        inputs = [{"topic": topic} for topic in ("rivers", "bees", "wasps")]
        asked = {"inputs": inputs, "max_concurrency": 3}
        answer = client.post(f"/crews/{made.json()['crew']['slug']}/batches", json=asked).raise_for_status()
        return str(answer.json()["id"])


def waiting(client: httpx.Client, batch: str) -> list[str]:
    """The runs of its three rows, once all of them wait."""
    deadline = time.monotonic() + 60
    while True:
        rows = client.get(f"/batches/{batch}?status=waiting").raise_for_status().json()["items"]
        if len(rows) == 3:
            return [row["run"] for row in rows]
        assert time.monotonic() < deadline, rows
        time.sleep(0.2)


def test_a_batch_is_followed_without_a_reload(application: Application, page: Page, batch: str) -> None:
    with application.api() as client:
        first, *others = waiting(client, batch)
        page.goto(f"/t/my-team/batches/{batch}/")
        expect(page.locator(".link-state")).to_be_visible()
        page.evaluate("window.isTheSame = true")
        page.get_by_role("button", name="Pause").focus()
        client.post(f"/runs/{first}/approve", json={"task": "poem", "approved": True}).raise_for_status()
        expect(page.locator("#figures")).to_contain_text("1 of 3", timeout=30_000)
        expect(page.locator("#now tbody tr", has_text="succeeded")).to_have_count(1, timeout=30_000)
        assert page.evaluate("window.isTheSame")
        expect(page.get_by_role("button", name="Pause")).to_be_focused()
        page.get_by_role("link", name="open run of row 2").focus()
        for run in others:
            client.post(f"/runs/{run}/approve", json={"task": "poem", "approved": True}).raise_for_status()
        expect(page.locator("#figures")).to_contain_text("ended", timeout=60_000)
        expect(page.locator("#figures")).to_contain_text("3 of 3")
        expect(page.get_by_role("link", name="open run of row 2")).to_be_focused()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
