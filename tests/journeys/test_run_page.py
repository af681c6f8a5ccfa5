"""A person asks a run where its time and money went: by pointer, by keyboard, by switch, by search and on paper."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.application import Application

SPEC = {
    "name": "Explained",
    "agents": [
        {"key": "one", "role": "Researcher", "llm": "gpt-4o"},
        {"key": "two", "role": "Writer", "llm": "gpt-4o-mini", "tools": ["calculator"]},
    ],
    "tasks": [
        {"key": "facts", "name": "Facts", "description": "Facts on {topic}", "agent": "one", "async_execution": True},
        {"key": "sums", "name": "Sums", "description": "Sums on {topic}", "agent": "two", "async_execution": True},
        {"key": "report", "name": "Report", "description": "A report", "agent": "one", "context": ["facts", "sums"]},
        {
            "key": "title",
            "name": "Title",
            "description": "A title",
            "agent": "two",
            "guardrails": [{"kind": "length", "max_words": 1}],
            "guardrail_max_retries": 1,
        },
    ],
}


@pytest.fixture(scope="module")
def run(application: Application) -> dict[str, Any]:
    """A run whose last task fails, because each of its answers is rejected."""
    with application.api() as client:
        crew = client.post("/crews", json=SPEC).json()["slug"]
        launched = client.post(f"/crews/{crew}/runs", json={"inputs": {"topic": "bees"}}).json()["id"]
        until = time.monotonic() + 60
        while (found := client.get(f"/runs/{launched}").json())["status"] != "failed":
            assert time.monotonic() < until
            time.sleep(0.3)
        calls = client.get(f"/runs/{launched}/calls").json()["items"]
    assert isinstance(found, dict)
    return found | {"calls": calls, "address": f"/t/my-team/runs/{launched}/"}


def test_it_says_what_kept_tasks_back_and_what_was_in_vain(page: Page, run: dict[str, Any]) -> None:
    page.goto(run["address"])
    report, title = page.locator("#task-report"), page.locator("#task-title")
    expect(report).to_contain_text(re.compile("after (Facts|Sums), which it reads"))
    expect(title).to_contain_text("after Report, by order alone")
    rejected = [call for call in run["calls"] if call["cost_class"] == "rejected"]
    assert len(rejected) == 2
    row = page.locator("section[aria-labelledby=waste]").get_by_role("row", name="Rejected")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("paid in vain: rejected")
    expect(page.locator("table.calls tbody tr")).to_have_count(2)


def test_the_critical_path_is_marked_and_bars_speak_to_the_keyboard(page: Page, run: dict[str, Any]) -> None:
    page.goto(run["address"])
    waterfall = page.locator("section.waterfall")
    expect(waterfall.locator(".by-time .on-path")).to_have_count(3)
    expect(page.locator(".graph.wide g.critical")).to_have_count(3)
    bars = waterfall.locator(".by-time a")
    bars.first.focus()
    line = waterfall.locator("[data-said]")
    expect(line).to_have_text(bars.first.get_attribute("data-says") or "-")
    page.keyboard.press("ArrowRight")
    expect(line).to_have_text(bars.nth(1).get_attribute("data-says") or "-")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/calls/"))


def test_bars_show_money_without_asking_anew_and_the_address_keeps_it(page: Page, run: dict[str, Any]) -> None:
    page.goto(run["address"])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("radio", name="Money", exact=True).check()
    expect(page.locator(".lanes.by-money")).to_be_visible()
    expect(page.locator(".lanes.by-time")).to_be_hidden()
    assert not [address for address in asked if "/runs/" in address]
    page.goto(page.url)
    expect(page.locator(".lanes.by-money")).to_be_visible()


def test_a_word_is_found_in_the_calls_by_keyboard_alone(page: Page, run: dict[str, Any]) -> None:
    page.goto(run["address"])
    page.keyboard.press("/")
    page.keyboard.type("BEES")
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_have_text("bees")
    page.locator(".passages p a").first.click()
    expect(page).to_have_url(re.compile("/calls/.*#message-"))


def test_on_paper_there_are_all_sections_and_no_buttons(page: Page, run: dict[str, Any]) -> None:
    page.goto(run["address"])
    page.emulate_media(media="print", color_scheme="dark")
    for name in ("tasks", "wall", "timeline", "waste", "by-agent", "by-model", "calls"):
        expect(page.locator(f"section[aria-labelledby={name}]")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.locator(".site-head")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
