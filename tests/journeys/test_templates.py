"""A version is shared, copied and run by somebody else; the original gets cheaper, and the copy takes that over."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

from tests.application import Application

SPEC: dict[str, Any] = {
    "name": "Market digest",
    "agents": [{"key": "writer", "role": "Writer", "goal": "Write", "llm": "gpt-4o"}],
    "tasks": [
        {"key": "news", "description": "Collect the news about {market}.", "agent": "writer"},
        {"key": "digest", "description": "Write a digest.", "agent": "writer"},
    ],
}


def ran(client: Any, crew: str) -> None:
    run = client.post(f"/crews/{crew}/runs", json={"inputs": {"market": "copper"}}).json()["id"]
    until = time.monotonic() + 60
    while client.get(f"/runs/{run}").json()["status"] != "succeeded":
        assert time.monotonic() < until
        time.sleep(0.3)


def with_task(spec: dict[str, Any], place: int, text: str) -> dict[str, Any]:
    tasks = [dict(task) for task in spec["tasks"]]
    tasks[place]["description"] = text
    return spec | {"tasks": tasks}


def share_and_copy(page: Page, crew: str) -> str:
    """On the pages; the copy's slug."""
    page.goto(f"/t/my-team/crews/{crew}/versions/1/")
    page.get_by_role("link", name="Share as a template").click()
    expect(page.get_by_label("market")).to_have_value("copper")
    page.get_by_label("Tags").fill("news, markets")
    page.get_by_role("button", name="Share version 1").click()
    expect(page.get_by_role("heading", name="Market digest", level=1)).to_be_visible()
    page.get_by_role("link", name="Templates", exact=True).first.click()
    page.get_by_label("Search templates").fill("digest")
    page.get_by_label("Tag", exact=True).select_option("markets")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("article")).to_have_count(1)
    page.get_by_role("button", name="Copy to my crews").click()
    return page.url.rstrip("/").rpartition("/")[2]


def test_a_copy_takes_over_what_became_cheaper(page: Page, application: Application) -> None:
    with application.api() as client:
        crew = client.post("/crews", json=SPEC).json()["slug"]
        ran(client, crew)
        copy = share_and_copy(page, crew)
        assert copy != crew
        ran(client, copy)
        client.put(f"/crews/{copy}", json=with_task(SPEC, 1, "Write a digest as a list.")).raise_for_status()
        cheaper = with_task(SPEC, 1, "Write a digest with headlines.") | {
            "agents": [SPEC["agents"][0] | {"llm": "gpt-4o-mini"}]
        }
        client.put(f"/crews/{crew}", json=cheaper).raise_for_status()
        ran(client, crew)
        client.post("/templates", json={"crew": crew, "version": 2, "title": "Market digest"}).raise_for_status()

        page.reload()
        expect(page.get_by_text("% cheaper")).to_be_visible()
        expect(page.get_by_text("on your inputs")).to_be_visible()
        page.get_by_role("link", name="What changed", exact=True).click()
        page.get_by_label("Keep mine").check()
        page.get_by_role("button", name="Take it over").click()
        expect(page.get_by_text("The draft has what version 2 of the original changed.")).to_be_visible()
        expect(page.get_by_text("What it was before is kept as version 2.")).to_be_visible()
        spec = client.get(f"/crews/{copy}").json()["spec"]
        assert spec["agents"][0].get("llm", {"model": "gpt-4o-mini"})["model"] == "gpt-4o-mini"
        assert spec["tasks"][1]["description"] == "Write a digest as a list."
        assert client.get(f"/crews/{copy}/original").json()["newer"] is None
