"""Somebody names a colleague in a comment with the keyboard alone, from what is offered behind ``@``."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from teams.actions import LOCAL_OWNER_EMAIL
from tests.application import Application
from tests.journeys.axe import AXE, OPTIONS

SPEC = {
    "name": "Heron watch",
    "agents": [{"key": "writer", "role": "Writer", "llm": "gpt-4o-mini"}],
    "tasks": [{"key": "notes", "description": "Notes", "agent": "writer"}],
}
ADD = (
    "from teams.models import *; team = Team.objects.get(slug='my-team');"
    "people = [User.objects.create_user(f'{name}@example.com', name=name.title()) for name in ('heron', 'hermit')];"
    "[Membership.objects.create(team=team, user=one, role=Role.EDITOR) for one in people]"
)


@pytest.fixture(scope="module")
def crew(application: Application) -> str:
    """A crew's page, in a team with two colleagues."""
    application.manage("shell", "-c", ADD)
    with application.api() as client:
        client.post("/crews", json=SPEC).raise_for_status()
    return "/t/my-team/crews/heron-watch/"


def offered(page: Page) -> Locator:
    return page.get_by_role("option").filter(visible=True)


def written(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Comment", exact=True)


def test_a_name_is_taken_from_the_list_behind_the_sign(page: Page, crew: str) -> None:
    page.goto(crew)
    field, options = written(page), offered(page)
    field.click()
    page.keyboard.type("Look,\n@he")
    expect(options).to_have_count(2)
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_contain_text("Heron")
    expect(field).to_have_attribute("aria-activedescendant", options.nth(1).get_attribute("id") or "")
    page.evaluate(AXE)
    found = page.evaluate("(options) => axe.run(document, options)", OPTIONS)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    page.keyboard.press("Enter")
    expect(field).to_have_value("Look,\n@Heron ")
    expect(options).to_have_count(0)


def test_a_list_that_is_closed_leaves_the_keys_to_the_text(page: Page, crew: str) -> None:
    page.goto(crew)
    field, options = written(page), offered(page)
    field.click()
    page.keyboard.type("@heron and @herm")
    expect(options).to_have_count(1)
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    page.keyboard.press("Enter")  # the text's own again
    page.keyboard.type("@hermit")
    expect(options).to_have_count(0)
    page.keyboard.press("Tab")  # to the button
    expect(field).to_have_value("@heron and @herm\n@hermit")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_text("Told:")).to_contain_text("Heron")
    expect(page.get_by_text("Told:")).to_contain_text("Hermit")
    assert LOCAL_OWNER_EMAIL not in page.get_by_text("Told:").inner_text()
    # The part came anew: its fields complete as well.
    field.click()
    page.keyboard.type("@hero")
    options.first.click()
    expect(field).to_have_value("@Heron ")
