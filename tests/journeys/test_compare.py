"""Somebody runs the naive and the optimised template, compares the two and reads why one is cheaper; then pins it."""

from __future__ import annotations

import re
from decimal import Decimal

from playwright.sync_api import Page, expect

from tests.application import Application


def run_template(page: Page, variant: str) -> str:
    """Tries the company brief in this variant, waits for the end of its run; the run's id."""
    page.goto("/t/my-team/templates/")
    card = page.locator("article", has=page.get_by_role("link", name="Company brief")).filter(has_text=variant)
    card.get_by_role("button", name=re.compile("^Try it")).click()
    page.locator("main [name^=input]").first.fill("Stripe")
    page.get_by_role("button", name="Launch").click()
    expect(page.locator("#run-state")).to_have_text("succeeded", timeout=90_000)
    return page.url.rstrip("/").rsplit("/", 1)[-1]


def test_why_the_optimised_template_is_cheaper(application: Application, page: Page) -> None:
    before, after = run_template(page, "naive"), run_template(page, "optimised")

    page.get_by_text("Compare with …").click()
    page.get_by_label("Another run, by id or address").fill(f"/t/my-team/runs/{before}/")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_role("link", name="Swap").click()
    expect(page.locator("strong", has_text=re.compile(r"\$0\.\d+ cheaper \(−\d+ %\)"))).to_be_visible()
    expect(page.get_by_role("heading", name="Why cheaper")).to_be_visible()
    expect(page.get_by_role("cell", name="gpt-4o-mini instead of gpt-4o").first).to_be_visible()
    expect(page.get_by_role("heading", name="Changed")).to_be_visible()
    page.get_by_text("How the output of").click()
    expect(page.locator(".diff ins, .diff del, p:has-text('the same')").first).to_be_visible()

    with application.api() as client:
        found = client.get("/compare", params={"runs": f"{before},{after}"}).json()
        (why,) = found["why_cost"]
        costs = [Decimal(client.get(f"/runs/{run}").json()["usage"]["cost_usd"]) for run in (before, after)]
    assert sum(Decimal(part["usd"]) for part in why["parts"]) == costs[1] - costs[0] == Decimal(why["difference_usd"])

    page.goto(f"/t/my-team/runs/{before}/")
    page.get_by_text("Compare with …").click()
    page.get_by_role("button", name="Pin as the crew's baseline").click()
    expect(page.locator("dd.note", has_text="the crew's baseline")).to_be_visible()
