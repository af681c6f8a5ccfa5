"""A run that waits for a person: seen to wait, sent back with a comment, approved, and carried to its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.application import Application

CREW: dict[str, Any] = {
    "name": "Journey approval",
    "agents": [{"key": "writer", "role": "Writer", "llm": "simulated/gpt-4o-mini"}],
    "tasks": [
        {"key": "notes", "description": "Collect notes in 30 words.", "agent": "writer"},
        {"key": "letter", "description": "Write a letter in 30 words.", "agent": "writer", "human_input": True},
        {"key": "summary", "description": "Sum it up in 30 words.", "agent": "writer"},
    ],
}
SAID = "SELECT number, approved, comment FROM runs_review JOIN runs_taskrun t ON t.id = task_run_id WHERE run_id = %s"


def launched(application: Application, spec: dict[str, Any]) -> str:
    """Imports the crew and launches it; the run's id."""
    with application.api() as client:
        made = client.post("/crews/import", json={"source": json.dumps(spec)}).raise_for_status().json()["crew"]
        run = client.post(f"/crews/{made['slug']}/runs", json={"inputs": {}}).raise_for_status().json()
    return str(run["id"])


def approve(application: Application, run_id: str, task: str) -> None:
    """As somebody else does it."""
    with application.api() as client:
        assert client.post(f"/runs/{run_id}/approve", json={"task": task}).status_code == 200


def test_a_person_sends_back_and_approves(application: Application, page: Page) -> None:
    run_id = launched(application, CREW)
    page.goto(f"/t/my-team/runs/{run_id}/")
    expect(page.locator("#run-state")).to_have_text("waiting", timeout=15_000)
    card = page.locator(".asks")
    expect(card.get_by_role("heading", name="Waits for you: Letter")).to_be_visible()

    card.get_by_label("Comment").fill("Name the sender")
    card.get_by_role("button", name="Send back").press("Enter")

    expect(card.get_by_text("answer 2")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("row", name="Letter, answer 1")).to_contain_text("Name the sender")
    assert application.rows(f"{SAID} ORDER BY number", run_id) == [(0, False, "Name the sender"), (1, None, "")]
    card.get_by_role("button", name="Approve").press("Enter")
    expect(page.locator("#run-state")).to_have_text("succeeded", timeout=15_000)
    expect(card).to_have_count(0)
    assert application.rows(f"{SAID} ORDER BY number", run_id)[1] == (1, True, "")
    (asked,) = application.rows("SELECT count(*) FROM runs_call WHERE run_id = %s AND state = 'ok'", run_id)
    assert asked == (4,)
    (told,) = application.rows(
        "SELECT count(*) FROM runs_call WHERE run_id = %s AND messages::text LIKE '%%Name the sender%%'", run_id
    )
    assert told == (1,)


@pytest.mark.parametrize("moves", ["moves", "old"])
def test_what_is_being_typed_outlives_the_page_s_updates(application: Application, page: Page, moves: str) -> None:
    """Two tasks wait; a second person answers one of them while the first person types at the other. Older browsers
    cannot move what is being typed in without taking the focus from it."""
    if moves == "old":
        page.add_init_script("delete Element.prototype.moveBefore")
    tasks = [{**task, "context": [], "human_input": True} for task in CREW["tasks"][:2]]
    spec = CREW | {"name": f"Journey two approvals, {moves}", "process": "parallel", "tasks": tasks}
    run_id = launched(application, spec)
    page.goto(f"/t/my-team/runs/{run_id}/")
    expect(page.locator(".asks")).to_have_count(2, timeout=15_000)
    comment = page.locator("textarea[name=letter-comment]")
    comment.click()
    page.keyboard.type("Half of a sen")

    approve(application, run_id, "notes")
    expect(page.locator(".asks")).to_have_count(1, timeout=15_000)
    expect(page.get_by_role("row", name="Notes, answer 1")).to_contain_text("approved")
    page.keyboard.type("tence")
    expect(comment).to_have_value("Half of a sentence")
    expect(comment).to_be_focused()
    page.locator(".asks").get_by_role("button", name="Send back").click()
    expect(page.get_by_text("answer 2")).to_be_visible(timeout=15_000)
    page.locator("textarea[name=letter-comment]").fill("Typed too late")
    approve(application, run_id, "letter")
    expect(page.locator("#run-state")).to_have_text("succeeded", timeout=15_000)
    expect(page.get_by_role("alert").filter(has_text="Typed too late")).to_be_visible()
