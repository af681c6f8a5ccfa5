"""Every page as axe sees it, wide, narrow and dark: no serious finding, and nothing that runs out of the screen."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.application import ROOT, Application

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LANDMARKS = {rule: {"enabled": True} for rule in ("landmark-one-main", "region", "page-has-heading-one")}
LOOKS = {"wide": (1400, "light"), "narrow": (390, "light"), "dark": (1400, "dark")}
LONG = (
    "A crew whose name is so long that it does not fit on any line of a narrow screen, " + "andhasawordwithoutend" * 4
)
SPEC = {
    "name": LONG,
    "description": "It is looked at.",
    "agents": [{"key": "writer", "role": "Writer about {topic}", "llm": "gpt-4o-mini", "tools": ["calculator"]}],
    "tasks": [
        {"key": "notes", "description": "Notes on {topic}", "agent": "writer"},
        {"key": "report", "description": "A report", "agent": "writer", "human_input": True},
    ],
}


@pytest.fixture(scope="module")
def addresses(application: Application) -> list[str]:
    """Every page of a team that has a crew, a run that waits for a person, one that ended, and a document."""
    with application.api() as client:
        crew = client.post("/crews", json=SPEC).json()["slug"]
        one, other = (client.post(f"/crews/{crew}/runs", json={"inputs": {"topic": "bees"}}).json()["id"] for _ in "ab")
        files = {"file": (f"{'a-long-name-' * 12}.md", b"# Bees\n\nThey fly.", "text/markdown")}
        document = client.post("/documents", files=files).json()
        _wait_for(client, one, "waiting")
        _wait_for(client, other, "waiting")
        client.post(f"/runs/{other}/approve", json={"task": "report", "approved": True})
        _wait_for(client, other, "succeeded")
        call = client.get(f"/runs/{other}/calls").json()["items"][0]["id"]
    team = [
        *("crews/", "crews/new/", "crews/import/", "templates/", "knowledge/", "knowledge/?q=bees", "runs/"),
        *("runs/?q=status:waiting", "workers/", "limits/", "settings/"),
        *(
            f"crews/{crew}/{part}"
            for part in ("", "json/", "launch/", "versions/1/", "tasks/report/", "agents/writer/")
        ),
        *(f"runs/{other}/{part}" for part in ("", "calls/", "tasks/report/", f"calls/{call}/")),
        f"runs/{one}/",
        f"knowledge/{document['id']}/",
    ]
    return ["/api/v1/docs", "/", *(f"/t/my-team/{path}" for path in team)]


def _wait_for(client: Any, run: str, state: str) -> None:
    until = time.monotonic() + 60
    while client.get(f"/runs/{run}").json()["status"] != state:
        assert time.monotonic() < until
        time.sleep(0.3)


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_has_a_serious_finding_or_runs_out_of_the_screen(page: Page, addresses: list[str], look: str) -> None:
    width, scheme = LOOKS[look]
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    faults = [fault for address in addresses for fault in _faults(page, address)]
    assert not faults, "\n".join(faults)


def _faults(page: Page, address: str) -> list[str]:
    page.goto(address)
    page.wait_for_load_state("networkidle") if "/runs/" not in address else page.wait_for_timeout(300)
    page.evaluate(AXE.read_text())
    results = page.evaluate("([tags, rules]) => axe.run(document, {runOnly: tags, rules})", [RULES, LANDMARKS])
    found = [
        f"{address}: {rule['id']} ({rule['impact']}): {node['target']} {node['html'][:150]}"
        for rule in results["violations"]
        for node in rule["nodes"][:3]
    ]
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*found, *([f"{address}: {over} px too wide"] if over > 0 else [])]


def test_a_page_that_nobody_touched_is_not_said_to_be_unsaved(application: Application, page: Page) -> None:
    """Names had line breaks once, and texts from elsewhere end their lines as they like."""
    spec = SPEC | {"name": "Touched by nobody", "description": "One\r\nTwo\rThree\n\n"}
    with application.api() as client:
        crew = client.post("/crews", json=spec).json()["slug"]
    broken = "UPDATE agents_app_crew SET name = E'Two\\nlines' WHERE slug = %s RETURNING name"
    assert application.rows(broken, crew) == [("Two\nlines",)]
    for path in ("", "tasks/report/", "agents/writer/", "json/", "launch/"):
        page.goto(f"/t/my-team/crews/{crew}/{path}")
        assert page.evaluate("hasUnsaved()") is False, path
