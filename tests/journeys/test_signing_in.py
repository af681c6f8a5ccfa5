"""A passkey and an authenticator app are added, and sign in, in a real browser; Chromium's own authenticator stands in
for the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from teams.actions import LOCAL_OWNER_EMAIL
from tests.application import Application
from tests.journeys.axe import AXE, OPTIONS
from tests.teams.signin.ways_in import app_code

PERSON = "passkey@example.com"
PASSWORD = "a long enough one"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def context(browser: Browser, named: str) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=named, viewport={"width": 1400, "height": 900})
    yield made
    made.close()


@pytest.fixture
def theirs(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


def device(page: Page) -> tuple[CDPSession, str]:
    """A device with a lock, at this page's browser."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made: dict[str, Any] = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return session, made["authenticatorId"]


def link(application: Application, named: str, email: str) -> str:
    application.manage("bootstrap", "--email", email, "--team", email.partition("@")[0])
    return named + application.manage("signin_link", "--email", email)


def sign_out(page: Page) -> None:
    page.locator(".site-end details.menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def rename(page: Page, was: str, name: str) -> None:
    page.get_by_role("row", name=was).get_by_role("link", name="Rename").click()
    page.evaluate(AXE)
    found = page.evaluate("(options) => axe.run(document, options)", OPTIONS)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Keep this name").click()
    expect(page.get_by_role("row", name=name)).to_be_visible()


def test_a_passkey_signs_in_alone_and_stands_for_the_second_step(
    application: Application, named: str, theirs: Page
) -> None:
    session, authenticator = device(theirs)
    theirs.goto(link(application, named, PERSON))
    theirs.goto("/account/passkeys/add/")
    theirs.get_by_label("Name").fill("My device")
    theirs.get_by_role("button", name="Make the passkey").click()
    expect(theirs.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert len(theirs.locator("#recovery-codes").inner_text().split()) == 10
    theirs.goto("/account/password/")
    theirs.get_by_label("New password").fill(PASSWORD)
    theirs.get_by_role("button", name="Keep this password").click()
    rename(theirs, "My device", "My laptop")
    sign_out(theirs)
    theirs.goto("/teams/new/")
    theirs.get_by_role("button", name="Sign in with a passkey").click()
    expect(theirs.get_by_role("heading", name="A new team")).to_be_visible()
    expect(theirs.locator(".site-end details.menu summary")).to_be_visible()
    sign_out(theirs)
    theirs.get_by_label("E-mail").fill(PERSON)
    theirs.get_by_label("Password").fill(PASSWORD)
    theirs.get_by_role("button", name="Sign in", exact=True).click()
    expect(theirs.get_by_role("heading", name="One more step")).to_be_visible()
    theirs.get_by_role("button", name="Use a passkey").click()
    expect(theirs.locator(".site-end details.menu summary")).to_be_visible()
    sign_out(theirs)
    # A device that does not ask for its lock is no more than a thing that somebody may have found: it is not taken.
    session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    theirs.get_by_role("button", name="Sign in with a passkey").click()
    expect(theirs.get_by_role("alert").filter(has_text="It was cancelled")).to_be_visible()


def test_an_app_is_asked_for_after_the_password(application: Application, named: str, theirs: Page) -> None:
    theirs.goto(link(application, named, "app@example.com"))
    theirs.goto("/account/password/")
    theirs.get_by_label("New password").fill(PASSWORD)
    theirs.get_by_role("button", name="Keep this password").click()
    theirs.get_by_role("link", name="Add an app").click()
    secret = theirs.locator("#totp-key").inner_text()
    theirs.get_by_label("The code that the app shows").fill(app_code(secret))
    theirs.get_by_role("button", name="Add the app").click()
    codes = theirs.locator("#recovery-codes").inner_text().split()
    theirs.get_by_role("link", name="I have kept them").click()
    expect(theirs.get_by_text("10 codes left")).to_be_visible()
    for code in (app_code(secret), codes[0]):
        sign_out(theirs)
        theirs.get_by_label("E-mail").fill("app@example.com")
        theirs.get_by_label("Password").fill(PASSWORD)
        theirs.get_by_role("button", name="Sign in", exact=True).click()
        theirs.get_by_label("Code of the app, or a recovery code").fill(code)
        theirs.get_by_role("button", name="Go on").click()
        expect(theirs.locator(".site-end details.menu summary")).to_be_visible()
    assert LOCAL_OWNER_EMAIL not in theirs.content()
