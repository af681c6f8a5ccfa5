"""A colleague comes by a link, launches, loses a right and then the team, in the middle of watching a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.application import Application
from tests.journeys.test_approval import CREW, launched

ADDRESS = "colleague@example.com"
PEOPLE = "/t/my-team/settings/people/"
CREWS = "/t/my-team/crews/"
LAUNCH = f"{CREWS}journey-invitation/launch/"


@pytest.fixture
def theirs(application: Application, browser: Browser) -> Iterator[Page]:
    """A second browser, in which nobody is signed in."""
    context = browser.new_context(base_url=application.url, viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()


def test_a_colleague_is_invited_works_and_is_removed_while_they_watch(
    application: Application, page: Page, theirs: Page
) -> None:
    launched(application, CREW | {"name": "Journey invitation"})
    join(theirs, application.url, invite(page))
    assert status(theirs, f"{CREWS}new/") == 403
    theirs.goto(LAUNCH)
    theirs.get_by_role("button", name="Launch").click()
    expect(theirs.locator("#run-state")).to_have_text("waiting", timeout=30_000)
    watched = theirs.url
    make_viewer(page)
    assert status(theirs, LAUNCH) == 403
    with theirs.expect_request(lambda request: "/events/" in request.url) as stream:
        theirs.goto(watched)
    expect(theirs.locator("#run-state")).to_have_text("waiting")
    with theirs.expect_event("requestfinished", lambda request: request == stream.value, timeout=60_000):
        remove(page)
    assert status(theirs, watched) == 404
    theirs.goto("/")
    expect(theirs.get_by_role("heading", name="You are in no team")).to_be_visible()


def status(page: Page, address: str) -> int:
    answer = page.goto(address)
    assert answer is not None
    return answer.status


def invite(page: Page) -> str:
    """The link, which is shown once."""
    page.goto(PEOPLE)
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.locator("#invite select[name=role]").select_option("20")
    page.get_by_role("button", name="Make an invitation").click()
    link = page.locator("#new-link").inner_text()
    page.goto(PEOPLE)
    expect(page.locator("#new-link")).to_have_count(0)
    return link


def join(theirs: Page, url: str, link: str) -> None:
    """With a new account. No request tells a server where the link led."""
    referrers: list[str] = []
    theirs.on("request", lambda request: referrers.append(request.headers.get("referer", "")))
    theirs.goto(link)
    assert theirs.url == f"{url}/join/"
    theirs.get_by_label("Name").fill("Colleague")
    theirs.get_by_label("Password").fill("a long enough one")
    theirs.get_by_role("button", name="Make the account and join").click()
    expect(theirs.get_by_text("You are in My team now, as runner.")).to_be_visible()
    secret = link.rstrip("/").rsplit("/", 1)[1]
    assert not any(secret in referrer for referrer in referrers)


def make_viewer(page: Page) -> None:
    page.goto(PEOPLE)
    row = page.get_by_role("row", name=ADDRESS)
    row.get_by_role("combobox").select_option("10")
    row.get_by_role("button", name="Change").click()
    expect(page.get_by_text("Colleague is viewer from now on.")).to_be_visible()


def remove(page: Page) -> None:
    page.get_by_role("row", name=ADDRESS).get_by_role("link", name="Remove").click()
    expect(page.get_by_text("1 under way")).to_be_visible()
    page.get_by_label("They go on").check()
    page.get_by_role("button", name="Remove Colleague").click()
    expect(page.get_by_text("Colleague is no longer in the team.")).to_be_visible()
