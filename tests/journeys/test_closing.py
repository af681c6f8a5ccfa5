"""An owner closes a month, prints its bill, and finds on this month's bill what came late for it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from tests.application import Application
from tests.runs.closing.in_application import before


def test_a_month_is_closed_printed_and_corrected_by_a_later_one(
    application: Application, page: Page, books: str
) -> None:
    month = f"{before(1):%Y-%m}"
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
