"""A colleague is invited by mail, works on what the team shares, loses rights, and is removed while they watch a run.

Walked twice: by pointer, and by keyboard alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import APIRequestContext, Browser, Locator, Page, expect

from tests.application import Application
from tests.journeys.axe import faults
from tests.journeys.hands import HANDS, Keys, Pointer
from tests.journeys.test_approval import CREW
from tests.journeys.test_signing_in import device
from tests.journeys.test_templates import SPEC, ran, with_task
from tests.receiver import MailServer
from tests.teams.signin.ways_in import app_code

PASSWORD = "a long enough one"
OWNER = "owner@localhost.localdomain"
Hands = Pointer | Keys


@pytest.fixture
def theirs(browser: Browser, named: str) -> Iterator[Page]:
    """A second browser, in which nobody is signed in."""
    context = browser.new_context(base_url=named, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="module")
def outside(application: Application, browser: Browser) -> Iterator[tuple[APIRequestContext, APIRequestContext]]:
    """The browsers of somebody of another team, and of somebody who is signed out."""
    application.manage("bootstrap", "--email", "stranger@example.com", "--team", "Others")
    contexts = [browser.new_context(base_url=application.url) for _ in range(2)]
    contexts[0].request.get(application.manage("signin_link", "--email", "stranger@example.com"))
    yield contexts[0].request, contexts[1].request
    for context in contexts:
        context.close()


class Team:
    """An owner and a colleague, each with a browser and hands; ``passed`` are the team's pages on which they were."""

    def __init__(self, kind: type[Hands], page: Page, theirs: Page, named: str) -> None:
        self.owner, self.colleague = kind(page), kind(theirs)
        self.kind, self.named = kind.name, named
        self.email = f"{kind.name}@example.com"
        self.passed: list[str] = []
        for one in (page, theirs):
            one.on("framenavigated", lambda frame: self.passed.append(urlsplit(frame.url).path))
            one.on("dialog", lambda dialog: dialog.accept())

    def looked_at(self, page: Page) -> None:
        """Once is enough. The page is loaded anew afterwards."""
        if self.kind.startswith("pointer"):
            size = page.viewport_size
            assert faults(page) == []
            page.emulate_media(color_scheme="light")
            page.set_viewport_size(size or {"width": 1400, "height": 900})
            page.reload()


@pytest.mark.parametrize("kind", HANDS, ids=lambda kind: kind.name)
def test_a_colleague_comes_works_and_goes(
    application: Application,
    mails: MailServer,
    page: Page,
    theirs: Page,
    outside: tuple[APIRequestContext, APIRequestContext],
    named: str,
    kind: type[Hands],
) -> None:
    team = Team(kind, page, theirs, named)
    session, _ = device(theirs)
    come(team, mails)
    ways_in(team)
    with application.api() as client:
        original = client.post("/crews", json=SPEC | {"name": f"Digest by {team.kind}"}).json()
        ran(client, original["slug"])
        share(team, original["slug"], 1)
        copy = copied(team)
        told_of_comment(team, launched(team, copy, ends="succeeded"))
        cheaper(client, original, copy)
        share(team, original["slug"], 2)
        take_over(team, copy)
        assert client.get(f"/crews/{copy}/original").json()["newer"] is None
        asks = client.post("/crews", json=CREW | {"name": f"Watched by {team.kind}"}).json()["slug"]
    nothing_for(*outside, team.passed)
    waiting = launched(team, asks, ends="waiting")
    fewer_rights(team, copy)
    removed_while_watching(team, waiting)
    session.detach()


def come(team: Team, mails: MailServer) -> None:
    """The owner never sees the link that is mailed, and no request tells a server where it led."""
    owner, hands = team.owner, team.colleague
    owner.page.goto("/t/my-team/crews/")
    owner.press(owner.page.get_by_role("link", name="Settings", exact=True))
    owner.press(owner.page.get_by_label("Settings").get_by_role("link", name="People"))
    form = owner.page.locator("#invite")
    owner.write(form.get_by_label("E-mail address"), team.email)
    owner.choose(form.get_by_label("Role"), "editor")
    owner.take(form.get_by_label("Send the link to that address"))
    owner.press(form.get_by_role("button", name="Make an invitation"))
    expect(owner.page.get_by_text("It was mailed to that address")).to_be_visible()
    expect(owner.page.locator("#new-link")).to_have_count(0)
    found = re.search(r"http://\S+/join/\S+/", mails.newest_to(team.email))
    assert found
    referrers: list[str] = []
    hands.page.on("request", lambda request: referrers.append(request.headers.get("referer", "")))
    hands.page.goto(team.named + urlsplit(found[0]).path)
    assert urlsplit(hands.page.url).path == "/join/"
    hands.write(hands.page.get_by_label("Name"), f"By {team.kind}")
    hands.write(hands.page.get_by_label("Password"), PASSWORD)
    hands.press(hands.page.get_by_role("button", name="Make the account and join"))
    expect(hands.page.get_by_text("You are in My team now, as editor.")).to_be_visible()
    assert not any(found[0].rstrip("/").rpartition("/")[2] in referrer for referrer in referrers)


def ways_in(team: Team) -> None:
    """A passkey and an app are added, and each is used to come back."""
    hands, page = team.colleague, team.colleague.page
    in_menu(hands, page.get_by_role("link", name="How you sign in"))
    hands.press(page.get_by_role("link", name="Add a passkey"))
    hands.write(page.get_by_label("Name"), "My device")
    hands.press(page.get_by_role("button", name="Make the passkey"))
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    team.looked_at(page)
    hands.press(page.get_by_role("link", name="I have kept them"))
    hands.press(page.get_by_role("link", name="Add an app"))
    secret = page.locator("#totp-key").inner_text()
    hands.write(page.get_by_label("The code that the app shows"), app_code(secret))
    hands.press(page.get_by_role("button", name="Add the app"))
    expect(page.get_by_role("row", name="My device")).to_be_visible()
    team.looked_at(page)
    in_menu(hands, page.get_by_role("button", name="Sign out"))
    hands.press(page.get_by_role("button", name="Sign in with a passkey"))
    in_menu(hands, page.get_by_role("button", name="Sign out"))
    hands.write(page.get_by_label("E-mail"), team.email)
    hands.write(page.get_by_label("Password"), PASSWORD)
    hands.press(page.get_by_role("button", name="Sign in", exact=True))
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    team.looked_at(page)
    hands.write(page.get_by_label("Code of the app, or a recovery code"), app_code(secret))
    hands.press(page.get_by_role("button", name="Go on"))
    expect(page.locator(".site-end details.menu summary")).to_be_visible()


def in_menu(hands: Hands, entry: Locator) -> None:
    hands.press(hands.page.locator(".site-end details.menu summary"))
    hands.press(entry)
    expect(entry).to_have_count(0) if entry.count() == 0 else expect(entry).not_to_be_visible()


def share(team: Team, crew: str, version: int) -> None:
    """The owner, from the crew's page on."""
    hands, page = team.owner, team.owner.page
    page.goto(f"/t/my-team/crews/{crew}/")
    hands.press(page.get_by_role("region", name="Versions").get_by_role("link", name=f"v{version}", exact=True))
    hands.press(page.get_by_role("link", name="Share as a template"))
    if version == 1:
        hands.write(page.get_by_label("Tags"), f"news, {team.kind}")
    hands.press(page.get_by_role("button", name=f"Share version {version}"))
    expect(page.get_by_role("heading", name=f"Digest by {team.kind}", level=1)).to_be_visible()


def copied(team: Team) -> str:
    """The colleague finds the template and copies it; the copy's slug."""
    hands, page = team.colleague, team.colleague.page
    hands.press(page.get_by_role("navigation", name="Main").get_by_role("link", name="Templates"))
    hands.write(page.get_by_label("Search templates"), "digest")
    hands.choose(page.get_by_label("Tag", exact=True), team.kind)
    hands.press(page.get_by_role("button", name="Show"))
    expect(page.get_by_role("article")).to_have_count(1)
    hands.press(page.get_by_role("article").get_by_role("link", name=f"Digest by {team.kind}"))
    expect(page.get_by_text("Nobody has copied it yet.")).to_be_visible()
    hands.press(page.get_by_role("button", name="Copy to my crews"))
    expect(page.get_by_role("link", name="Launch", exact=True)).to_be_visible()
    return slug_of(page)


def launched(team: Team, crew: str, *, ends: str) -> str:
    """The colleague runs a crew as it is proposed; the run's path."""
    hands, page = team.colleague, team.colleague.page
    page.goto(f"/t/my-team/crews/{crew}/")
    hands.press(page.get_by_role("link", name="Launch", exact=True))
    hands.press(page.get_by_role("button", name="Launch"))
    expect(page.locator("#run-state")).to_have_text(ends, timeout=30_000)
    return urlsplit(page.url).path


def told_of_comment(team: Team, run: str) -> None:
    """The colleague names the owner, who is told in the inbox and goes from there to the comment."""
    hands, page = team.colleague, team.colleague.page
    hands.write(page.get_by_label("Comment", exact=True), f"@{OWNER} is it too long?")
    hands.press(page.get_by_role("button", name="Comment", exact=True))
    expect(page.locator("#comments .said")).to_contain_text("is it too long?")
    hands, page = team.owner, team.owner.page
    page.reload()
    hands.press(page.get_by_role("banner").get_by_role("link", name="Inbox"))
    hands.press(page.get_by_role("link", name=f"By {team.kind} named you").first)
    expect(page.locator("#comments .said")).to_contain_text("is it too long?")
    assert urlsplit(page.url).path == run


def cheaper(client: Any, original: dict[str, Any], copy: str) -> None:
    """Both sides go on: the copy's draft has another text at one place, the original that one too, and a model that
    costs less; it ran."""
    spec = client.get(f"/crews/{copy}").json()["spec"]
    client.put(f"/crews/{copy}", json=with_task(spec, 1, "Write a digest as a list.")).raise_for_status()
    better = with_task(original["spec"], 1, "Write a digest with headlines.")
    better["agents"] = [original["spec"]["agents"][0] | {"llm": "gpt-4o-mini"}]
    client.put(f"/crews/{original['slug']}", json=better).raise_for_status()
    ran(client, original["slug"])


def take_over(team: Team, copy: str) -> None:
    hands, page = team.colleague, team.colleague.page
    page.goto(f"/t/my-team/crews/{copy}/")
    told = page.get_by_label("The original has a newer version")
    expect(told).to_contain_text("% cheaper")
    expect(told).to_contain_text("on your inputs")
    hands.press(told.get_by_role("link", name="What changed"))
    hands.take(page.get_by_label("Take the original’s"))
    hands.take(page.get_by_label("Keep mine"))
    hands.press(page.get_by_role("button", name="Take it over"))
    expect(page.get_by_text("The draft has what version 2 of the original changed.")).to_be_visible()
    expect(page.get_by_label("The original has a newer version")).to_have_count(0)


def fewer_rights(team: Team, copy: str) -> None:
    """A runner changes nothing and a viewer does not even launch: the page has no buttons for it any more, and what was
    open before the role changed is refused when it is sent."""
    hands, page = team.colleague, team.colleague.page
    at_crew, at_launch = (f"/t/my-team/crews/{copy}/{path}" for path in ("", "launch/"))
    for role, address, button in (("runner", at_crew, "Copy"), ("viewer", at_launch, "Launch")):
        page.goto(address)
        make(team, role)
        with page.expect_response(lambda response: response.request.method == "POST") as sent:
            hands.press(page.get_by_role("button", name=button, exact=True))
        assert sent.value.status == 403
        expect(page.get_by_text(f"; yours is {role}.")).to_be_visible()
        page.goto(at_crew)
        expect(page.get_by_role("button", name="Copy", exact=True)).to_have_count(0)
        expect(page.get_by_role("textbox", name="Name")).to_have_count(0)
        expect(page.get_by_role("link", name="Launch", exact=True)).to_have_count(int(role == "runner"))


def make(team: Team, role: str) -> None:
    hands, page = team.owner, team.owner.page
    page.goto("/t/my-team/settings/people/")
    row = page.get_by_role("row", name=team.email)
    hands.choose(row.get_by_role("combobox"), role)
    hands.press(row.get_by_role("button", name="Change"))
    expect(page.get_by_text(f"By {team.kind} is {role} from now on.")).to_be_visible()


def nothing_for(stranger: APIRequestContext, signed_out: APIRequestContext, passed: list[str]) -> None:
    """What the two saw is not there for somebody of another team, and leads to the sign-in for who is signed out."""
    assert stranger.get("/t/others/crews/").status == 200
    ours = {path for path in passed if path.startswith("/t/my-team/")}
    assert len(ours) > 10
    for path in ours:
        assert stranger.get(path).status == 404, path
        assert "/signin/" in signed_out.get(path).url, path


def removed_while_watching(team: Team, run: str) -> None:
    """The stream ends by itself, and the next thing that is pressed is refused."""
    hands, page = team.colleague, team.colleague.page
    with page.expect_request(lambda request: "/events/" in request.url) as stream:
        page.goto(run)
    expect(page.locator("#run-state")).to_have_text("waiting")
    owner = team.owner
    with page.expect_event("requestfinished", lambda request: request == stream.value, timeout=60_000):
        owner.press(owner.page.get_by_role("row", name=team.email).get_by_role("link", name="Remove"))
        expect(owner.page.get_by_text("1 under way")).to_be_visible()
        owner.take(owner.page.get_by_label("They go on"))
        owner.press(owner.page.get_by_role("button", name=f"Remove By {team.kind}"))
        expect(owner.page.get_by_text(f"By {team.kind} is no longer in the team.")).to_be_visible()
    with page.expect_response(lambda response: response.url.endswith("/t/my-team/runs/")) as answered:
        hands.press(page.get_by_label("Breadcrumb").get_by_role("link", name="Runs"))
    assert answered.value.status == 404
    expect(page.get_by_role("heading", name="404")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("heading", name="You are in no team")).to_be_visible()
    team.looked_at(page)


def slug_of(page: Page) -> str:
    return urlsplit(page.url).path.rstrip("/").rpartition("/")[2]
