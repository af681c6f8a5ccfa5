"""Somebody asks what this month's simulated runs would have cost: by whom, for what, and which calls that is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from playwright.sync_api import Page, expect

from tests.application import Application
from tests.journeys.test_compare import run_template


def test_from_a_month_to_the_calls_behind_a_figure(application: Application, page: Page) -> None:
    run_template(page, "optimised")
    page.goto("/t/my-team/bills/?money=simulated")
    page.get_by_role("link", name=f"{datetime.now(UTC):%B %Y}").click()
    expect(page.locator("h1")).to_contain_text("simulated")
    expect(page.locator(".headline")).to_contain_text("so far")

    page.get_by_label("Columns").select_option("")
    expect(page.get_by_role("heading", name="By crew", exact=True)).to_be_visible()
    page.get_by_label("Rows").select_option("agent")
    expect(page.get_by_role("heading", name="By agent", exact=True)).to_be_visible()
    row = page.locator("#divided tbody tr").first
    figure = row.locator("td").last.locator("[title]").last.get_attribute("title")
    row.get_by_role("link").last.click()
    expect(page.locator("h1")).to_contain_text("Calls of")
    assert figure == page.locator(".headline [title]").first.get_attribute("title")

    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").last.click()
    expect(page.get_by_role("link", name=re.compile("^agent:"))).to_be_visible()
    with application.api() as client:
        bill = client.get(f"/bills/{datetime.now(UTC):%Y-%m}", params={"simulated": "yes"}).json()
    agents = sum(Decimal(item["cost_usd"]) for item in bill["by"]["agent"])
    assert agents == Decimal(bill["total_usd"]) > 0
