"""An agent of a crew is kept in the library and added to another crew, which changes it and takes over what changed."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.application import Application


def spec(name: str, goal: str) -> dict[str, Any]:
    return {
        "name": name,
        "agents": [{"key": "editor", "role": "House editor", "goal": goal, "backstory": "Twenty years of it."}],
        "tasks": [{"key": "edit", "description": "Edit the text.", "agent": "editor"}],
    }


def kept(page: Page, crew: str) -> str:
    """On the crew's page; the address of the library's agent."""
    page.goto(f"/t/my-team/crews/{crew}/")
    page.locator("#agent-editor > summary").click()
    page.get_by_role("link", name="Keep in library").click()
    expect(page.get_by_label("Name in the library")).to_have_value("House editor")
    page.get_by_label("What is it for, or what changed").fill("For all that is printed")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("heading", name="House editor", level=1)).to_be_visible()
    return page.url


def added_and_changed(page: Page, crew: str) -> None:
    page.goto(f"/t/my-team/crews/{crew}/")
    page.get_by_role("link", name="Add from library").click()
    page.get_by_label("Search agents of the library").fill("house")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Add House editor").click()
    expect(page.locator("#agent-editor").get_by_text("library", exact=True)).to_be_visible()
    page.locator("#agent-editor").get_by_label("Backstory").fill("Of this crew alone.")
    page.get_by_role("button", name="Save agent").click()
    expect(page.get_by_text("library, changed")).to_be_visible()


def changed_in_the_library(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_text("says its own backstory")).to_be_visible()
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_label("Goal").fill("Short sentences, and sources.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It is offered to 2 agents of crews.")).to_be_visible()


def test_an_agent_is_kept_used_elsewhere_and_offered_anew(page: Page, application: Application) -> None:
    with application.api() as client:
        first = client.post("/crews", json=spec("Leaflets", "Short sentences.")).json()["slug"]
        bare = spec("Brochures", "") | {"agents": [], "tasks": []}
        second = client.post("/crews", json=bare).json()["slug"]
        address = kept(page, first)
        added_and_changed(page, second)
        changed_in_the_library(page, address)

        page.goto(f"/t/my-team/crews/{second}/")
        expect(page.get_by_text("has v2 by now")).to_be_visible()
        page.get_by_role("link", name="What changed", exact=True).click()
        expect(page.get_by_text("None of it touches what the crew says differently")).to_be_visible()
        page.get_by_role("button", name="Take it over").click()
        expect(page.get_by_text("has what v2 of the library’s changed")).to_be_visible()
        found = client.get(f"/crews/{second}").json()["spec"]["agents"][0]
        assert (found["goal"], found["backstory"]) == ("Short sentences, and sources.", "Of this crew alone.")

        page.goto(f"/t/my-team/crews/{first}/")
        page.get_by_role("link", name="What changed", exact=True).click()
        page.get_by_role("button", name="Keep mine as it is").click()
        expect(page.get_by_text("The crew keeps what it says.")).to_be_visible()
        (link,) = client.get(f"/crews/{first}/library").json()["items"]
        assert (link["version"], link["newer"], link["own"]) == (2, None, ["agents.editor.goal"])
