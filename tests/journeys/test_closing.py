"""An owner finds a month's dearest customer, asks what an agent would have cost on another model, closes the month,
prints its bill, and finds on this month's bill what came late for it."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from tests.application import Application
from tests.runs.closing.in_application import before


def test_a_month_is_closed_printed_and_corrected_by_a_later_one(
    application: Application, page: Page, books: str
) -> None:
    month = f"{before(1):%Y-%m}"
    ask_why_and_what_if(page, f"/t/{books}/bills/{month}/?money=real&by=label%3Acustomer")
    page.goto(f"/t/{books}/bills/{month}/?money=real")
    page.get_by_role("link", name="Close month").click()
    expect(page.locator("main")).to_contain_text("1 call has no known price")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("h1")).to_contain_text(f"{before(1):%B %Y}")
    page.evaluate("window.print = () => document.body.dataset.printed = 'yes'")
    page.get_by_role("button", name="Print").click()
    expect(page.locator("body")).to_have_attribute("data-printed", "yes")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    frozen = page.request.get(f"/t/{books}/bills/{month}/document.json").body()
    expect(page.locator("#words").locator("xpath=../..")).to_contain_text(hashlib.sha256(frozen).hexdigest())

    late = f"from tests.runs.closing import in_application as here; here.book_late_of({books!r}, 1)"
    application.manage("shell", "-c", late)
    page.emulate_media(media="screen")
    page.goto(f"/t/{books}/bills/{datetime.now(UTC):%Y-%m}/?money=real")
    corrections = page.get_by_role("region", name="Corrections")
    expect(corrections).to_contain_text(f"{before(1):%B %Y}, taken by {datetime.now(UTC):%B %Y}")
    assert page.request.get(f"/t/{books}/bills/{month}/document.json").body() == frozen


def ask_why_and_what_if(page: Page, bill: str) -> None:
    """From the month's dearest customer, which is one that is called "none", to a scenario that is kept."""
    page.goto(bill)
    dearest = page.locator("#divided tbody tr").first
    expect(dearest).to_contain_text("none")
    dearest.get_by_role("link").first.click()
    expect(page.get_by_role("region", name=re.compile("^Against"))).to_be_visible()
    page.get_by_role("link", name="What if", exact=True).click()
    page.get_by_label(re.compile("^Another model for ")).first.fill("gpt-4o-mini")
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_contain_text("cheaper")
    page.locator("summary", has_text="Save").click()
    page.get_by_label("Name of this scenario").fill("One tier down")
    page.locator(".save-view").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="One tier down", exact=True)).to_be_visible()
