"""A run is rated by the keyboard as soon as it has ended, and commented; Compare and the crew's page tell of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.application import Application

CREW: dict[str, Any] = {
    "name": "Journey ratings",
    "agents": [{"key": "writer", "role": "Writer", "llm": {"model": "simulated/gpt-4o", "max_tokens": 100}}],
    "tasks": [{"key": "poem", "description": "Write a poem about rivers.", "agent": "writer"}],
}
UNSENT = "Typed before the run had ended"


@pytest.fixture
def slug(application: Application) -> str:
    with application.api() as client:
        made = client.post("/crews/import", json={"source": json.dumps(CREW)}).raise_for_status()
        return str(made.json()["crew"]["slug"])


def launch(page: Page, slug: str) -> str:
    """Launches the crew; gives the run's id."""
    page.goto(f"/t/my-team/crews/{slug}/launch/")
    page.get_by_role("button", name="Launch").press("Enter")
    expect(page.locator("#run-state")).to_be_visible()
    return page.url.rstrip("/").rpartition("/")[2]


def rate_by_keyboard(page: Page) -> None:
    """From the first number by arrow keys to the fourth, on to the word, and sent by Enter."""
    page.get_by_label("1 poor").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.type("lively")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your rating is saved.")).to_be_visible()


def test_a_run_is_rated_and_commented_without_a_reload(application: Application, page: Page, slug: str) -> None:
    first = launch(page, slug)
    comment = page.get_by_label("Comment", exact=True)
    comment.fill(UNSENT)
    expect(page.get_by_role("button", name="Rate", exact=True)).to_be_visible(timeout=30_000)
    rate_by_keyboard(page)
    expect(page.locator("#rating .said")).to_contain_text("4 good")
    expect(comment).to_have_value(UNSENT)
    with application.api() as client:  # another judge, while a word is being typed
        page.get_by_label("Why, in a word").fill("lively, and")
        client.post(f"/runs/{first}/rating", json={"stars": 2, "comment": "no rhyme"}).raise_for_status()
    expect(page.locator("#rating .said")).to_contain_text("no rhyme", timeout=30_000)
    expect(page.locator("#rating .mean")).to_contain_text("3")
    expect(page.get_by_label("Why, in a word")).to_have_value("lively, and")
    with application.api() as client:
        client.delete(f"/runs/{first}/rating").raise_for_status()
    comment.fill("Better than last week.\nSee https://example.com/poems.")
    page.get_by_role("button", name="Comment", exact=True).click()
    link = page.get_by_role("link", name="https://example.com/poems")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    page.get_by_text("Edit", exact=False).first.click()
    page.get_by_label("Comment", exact=True).first.fill("Better than ever.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#comments .said")).to_contain_text("Better than ever.")
    second = launch(page, slug)
    expect(page.locator("#run-state")).to_have_text("succeeded", timeout=30_000)
    with application.api() as client:
        answer = client.post(f"/runs/{second}/rating", json={"stars": 1, "comment": "off topic"}).raise_for_status()
    assert answer.json()["rating"] == {"mean": 1.0, "count": 1}
    see_both_compared(page, first, second)
    see_the_crews_mean(page, slug)


def see_both_compared(page: Page, first: str, second: str) -> None:
    page.goto(f"/t/my-team/compare/?runs={first},{second}")
    row = page.get_by_role("row", name="Rating")
    expect(row.get_by_role("cell").nth(0)).to_have_text("4")
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    expect(row.get_by_role("cell").nth(2)).to_contain_text("≈")


def see_the_crews_mean(page: Page, slug: str) -> None:
    page.goto(f"/t/my-team/crews/{slug}/")
    figures = page.locator("#crew-figures")
    expect(figures.get_by_text("2.50")).to_be_visible()
    figures.get_by_role("link", name="30 days").click()
    expect(figures.get_by_role("link", name="30 days")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(f"{page.url.partition('/t/')[0]}/t/my-team/crews/{slug}/")
    figures.get_by_text("2.50").click()
    expect(page.locator("main table tbody tr")).to_have_count(2)


def test_without_scripts_it_is_a_page_of_its_own(application: Application, page: Page, slug: str) -> None:
    run = launch(page, slug)
    expect(page.locator("#run-state")).to_have_text("succeeded", timeout=30_000)
    plain = page.context.browser.new_context(  # type: ignore[union-attr]
        base_url=application.url, java_script_enabled=False, storage_state=page.context.storage_state()
    )
    try:
        own = plain.new_page()
        own.goto(f"/t/my-team/runs/{run}/")
        own.get_by_role("link", name="Rating and comments").click()
        own.get_by_label("2 weak").check(force=True)
        own.get_by_label("Why, in a word").fill("too short")
        own.get_by_role("button", name="Rate", exact=True).click()
        expect(own.locator("#rating .said")).to_contain_text("too short")
        own.get_by_role("button", name="Remove it").click()
        expect(own.get_by_text("Nobody has rated this run yet.")).to_be_visible()
    finally:
        plain.close()
