"""Somebody writes a filter of runs with the keyboard alone, from what is offered while they type."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.application import Application
from tests.journeys.axe import AXE, OPTIONS

SPEC = {
    "name": "Kestrel watch",
    "agents": [{"key": "writer", "role": "Writer", "llm": "gpt-4o-mini"}],
    "tasks": [{"key": "notes", "description": "Notes", "agent": "writer"}],
}


@pytest.fixture
def field(page: Page) -> Locator:
    """The filter, reached by its key."""
    page.goto("/t/my-team/runs/")
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Filter")
    expect(field).to_be_focused()
    return field


def test_fields_are_offered_and_then_their_values(page: Page, field: Locator) -> None:
    options = page.get_by_role("option").filter(visible=True)
    expect(field).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")  # opens what can be written
    expect(options.first).to_contain_text("crew:")
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.type("-st")
    expect(options).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", options.first.get_attribute("id") or "")
    page.evaluate("document.querySelector('details.hint').open = true")
    page.evaluate(AXE)
    found = page.evaluate("(options) => axe.run(document, options)", OPTIONS)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []

    page.keyboard.press("Enter")  # a field: its values follow
    expect(field).to_have_value("-status:")
    expect(options).to_have_count(6)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    expect(field).to_have_value("-status:cancelled ")
    expect(field).to_be_focused()


def test_a_value_is_clicked_and_the_filter_sent(page: Page, application: Application, field: Locator) -> None:
    with application.api() as client:
        client.post("/crews", json=SPEC).raise_for_status()
    options = page.get_by_role("option").filter(visible=True)
    page.keyboard.type("😀 crew:kest")
    expect(options).to_have_count(1)
    options.filter(has_text="kestrel").first.click()
    expect(field).to_have_value(re.compile("^😀 crew:=kestrel-watch"))
    value = field.input_value()
    page.keyboard.type("s")
    expect(options.first).to_be_visible()
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    page.keyboard.press("Backspace")
    expect(options.first).to_be_visible()
    page.keyboard.press("Enter")  # nothing is marked: the filter is sent
    page.wait_for_url("**/runs/?q=*")
    assert parse_qs(urlsplit(page.url).query)["q"] == [value.strip()]
    expect(page.get_by_role("combobox", name="Crew", exact=True)).to_have_value(value.strip().removeprefix("😀 crew:"))


def test_without_script_the_filter_is_a_plain_field(page: Page, application: Application) -> None:
    context = page.context.browser.new_context(  # type: ignore[union-attr]
        base_url=application.url, java_script_enabled=False, storage_state=page.context.storage_state()
    )
    plain = context.new_page()
    plain.goto("/t/my-team/runs/")
    plain.get_by_role("textbox", name="Filter").fill("status:failed -crew:x")
    plain.get_by_role("button", name="Filter").click()
    assert parse_qs(urlsplit(plain.url).query)["q"] == ["status:failed -crew:x"]
    expect(plain.get_by_role("listbox")).to_be_hidden()
    context.close()


def test_an_option_that_is_taken_after_more_was_typed_is_put_where_it_belongs(
    page: Page, application: Application, field: Locator
) -> None:
    """Its place was that in the text for which it was offered."""
    options = page.get_by_role("option").filter(visible=True)
    page.keyboard.type("crew:kestr")
    expect(options.filter(has_text="kestrel")).to_have_count(1)
    page.evaluate("""() => {
        const field = document.querySelector('[data-completes]');
        field.value = 'bees ' + field.value;
        field.setSelectionRange(field.value.length, field.value.length);
        document.querySelector('#q_options [role=option]').click();
    }""")
    expect(field).to_have_value("bees crew:=kestrel-watch ")
