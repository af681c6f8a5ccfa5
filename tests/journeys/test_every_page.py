"""Every page as axe sees it, wide, narrow and dark: no finding, and nothing that runs out of the screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from runs.history.columns import COLUMNS
from tests.application import Application
from tests.journeys.axe import faults
from tests.runs.closing.in_application import before
from tests.runs.reconciliation.exports import OPENAI_COSTS

DOCS = "/api/v1/docs"
OF_ACCOUNTS = (
    *("/account/", "/account/password/", "/account/app/", "/account/passkeys/add/", "/account/close/"),
    "/account/second-step/demanding/",
    *("/signin/again/", "/signin/elsewhere/cancelled/"),
)
SIGNED_OUT = ("/signin/", "/signin/code/", "/signin/forgot/")
MONTH = f"{datetime.now(UTC):%Y-%m}"
ALL_COLUMNS = f"runs/?columns={','.join(COLUMNS)}"
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


DEMANDING = """
    WITH team AS (
        INSERT INTO teams_team (slug, name, at_limit, fallback_model, launch_window_s, wants_second_step)
        VALUES ('demanding', %s, 'pause', '', 3600, true) RETURNING id)
    INSERT INTO teams_membership (team_id, user_id, role)
    SELECT team.id, teams_user.id, 10 FROM team, teams_user WHERE email = 'owner@localhost.localdomain' RETURNING id
"""
SAVED = """
    INSERT INTO runs_savedview (team_id, name, q, sort, columns)
    SELECT id, %s, 'status:failed', 'cost', 'cost,waste,tags' FROM teams_team RETURNING id
"""
ALERT = """
    INSERT INTO runs_alert (team_id, kind, month, threshold, budget_nusd, spent_nusd, reserved_nusd)
    SELECT id, 'team', date_trunc('month', now()), 80, 100, 80, 0 FROM teams_team RETURNING id
"""
UNREACHED = """
    WITH hook AS (
        INSERT INTO teams_webhook (team_id, url, secret, events, active)
        SELECT id, 'https://example.invalid/a-long-address', '', ARRAY['run.failed'], false FROM teams_team RETURNING id
    )
    INSERT INTO teams_delivery (id, webhook_id, event, payload, state, attempts, next_try_at, error, response)
    SELECT gen_random_uuid(), id, 'run.failed', '{}', 'failed', 8, NULL, 'Not reached', 'Nothing' FROM hook RETURNING id
"""


@pytest.fixture(scope="module")
def addresses(application: Application, books: str) -> Iterator[list[str]]:
    """Every page of a team with a crew, a run that waits for a person, one that ended, a document, a key, an alert and
    a webhook that was not reached; and bills of a team with real months.
    """
    with application.api() as client:
        crew = client.post("/crews", json=SPEC).json()["slug"]
        one, other = (client.post(f"/crews/{crew}/runs", json={"inputs": {"topic": "bees"}}).json()["id"] for _ in "ab")
        files = {"file": (f"{'a-long-name-' * 12}.md", b"# Bees\n\nThey fly.", "text/markdown")}
        document = client.post("/documents", files=files).json()
        _wait_for(client, one, "waiting")
        _wait_for(client, other, "waiting")
        client.post(f"/runs/{other}/approve", json={"task": "report", "approved": True})
        _wait_for(client, other, "succeeded")
        client.post(f"/runs/{other}/rating", json={"stars": 2, "comment": LONG}).raise_for_status()
        client.post(
            f"/runs/{other}/comments", json={"text": f"{LONG}\n\nhttps://example.com/{'a' * 200}"}
        ).raise_for_status()
        batch, again = (_batch(client, crew) for _ in "ab")
        call = client.get(f"/runs/{other}/calls").json()["items"][0]["id"]
        key = client.post("/providers", json={"provider": "mistral", "api_key": "k", "name": "other"}).json()
        changed = SPEC | {"agents": [SPEC["agents"][0] | {"llm": "gpt-4o", "goal": LONG}]}  # type: ignore[index]
        client.put(f"/crews/{crew}", json=changed).raise_for_status()
        client.post(f"/crews/{crew}/versions", json={"note": LONG}).raise_for_status()
        client.put(f"/crews/{crew}", json=changed | {"description": "It is looked at again."}).raise_for_status()
        long_names = OPENAI_COSTS.replace("key_A", "k" * 120).replace("gpt-4o-mini", "m" * 90)
        check = client.post("/reconciliations", json={"text": long_names, "name": LONG[:200]}).json()["id"]
        asked = {"crew": crew, "models": [{"model": "gpt-4o-mini", "to": "gpt-4"}], "cache_hit_percent": 50}
        scenario = client.post("/scenarios", json={"name": LONG[:60], "team": True, "asked": asked}).json()
        invited, member = _invited(client)
        for rows in ((ALERT,), (UNREACHED,), (SAVED, LONG[:60]), (DEMANDING, LONG[:120])):
            application.rows(*rows)
        team = [
            *(
                "",
                "?span=24h&money=simulated",
                "crews/",
                "crews/new/",
                "crews/import/",
                "templates/",
                "templates/1/",
                "templates/add/",
                "knowledge/?q=bees",
            ),
            *(
                "runs/",
                ALL_COLUMNS,
                "runs/views/",
                "batches/",
                f"batches/{batch}/?sort=-cost",
                f"batches/{batch}/rows/",
                f"batches/{batch}/keep/",
                *_of_schedules(client, crew),
                "workers/",
                "limits/",
                "forecast/?money=simulated",
                "reports/",
                "inbox/",
                "settings/people/",
                "settings/account/",
                "settings/log/",
                f"settings/people/{member}/remove/",
                "settings/providers/",
                "settings/tokens/",
                "settings/programs/",
                "settings/webhooks/",
                "bills/closed/",
                "prices/?model=perplexity/sonar-deep-research",
                "bills/?money=simulated",
                f"bills/{MONTH}/?money=simulated&by=person&and=class&over=person",
                f"bills/{MONTH}/?money=simulated&by=day&crew={crew}",
                f"bills/{MONTH}/calls/?money=simulated&crew={crew}",
                "prices/list/?q=gpt-5",
                "prices/history/?model=gpt-5.4",
                "prices/month/",
                "reconciliations/",
                f"reconciliations/{check}/",
                f"knowledge/{document['id']}/",
            ),
            *(
                f"crews/{crew}/{part}"
                for part in (
                    "",
                    "json/",
                    "launch/",
                    "launch/batch/",
                    "launch/schedule/",
                    "figures/",
                    "comments/",
                    "export/",
                )
            ),
            *(f"crews/{crew}/versions/{part}" for part in ("", "1/", "1/share/", "1/export/", "1/diff/2/")),
            *_of_templates(client, crew),
            *_of_library(client, crew),
            *(
                f"runs/{other}/{part}"
                for part in (
                    "",
                    "?bars=money",
                    "search/?q=bees",
                    "ratings/",
                    "calls/",
                    "tasks/report/",
                    f"calls/{call}/",
                )
            ),
            f"runs/{one}/",
            *("scenarios/", "scenarios/what-if/", f"scenarios/what-if/?q=crew:{crew}", f"scenarios/{scenario['id']}/"),
            f"scenarios/what-if/?crew={crew}&model=gpt-4o-mini+gpt-4",
            *("compare/", f"compare/?runs={one},{other},x", f"compare/output/?runs={one},{other}"),
            f"compare/?versions={crew}@1&q=crew:{crew}&q=status:succeeded&batches={batch}",
            f"compare/rows/?batches={batch},{again}",
        ]
        ours = [*(f"/t/my-team/{path}" for path in team), *_of_months(books)]
        yield [DOCS, "/signin/used/", invited, "/teams/new/", *OF_ACCOUNTS, *ours]
        client.delete(f"/providers/{key['id']}")
        _end(client, one, batch, again)


def _batch(client: Any, crew: str) -> str:
    """A batch with a row that waits for a person and two that have no run yet."""
    inputs = [{"topic": LONG}, {"topic": "bees"}, {"topic": "wasps"}]
    asked = {"inputs": inputs, "max_concurrency": 1, "name": LONG[:120]}
    answer = client.post(f"/crews/{crew}/batches", json=asked)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _of_schedules(client: Any, crew: str) -> list[str]:
    """A set with a long cell and a long column, a schedule of it that is on and was launched by hand, and one that is
    off."""
    rows = [{"topic": LONG, "c" * 90: LONG}, {"topic": "bees"}]
    client.post("/datasets", json={"name": "a" * 60, "inputs": rows}).raise_for_status()
    terms = {"name": LONG[:120], "crew": crew, "cron": "0 9 1 1 *", "time_zone": "America/Argentina/ComodRivadavia"}
    terms["simulated"] = True
    one = client.post("/schedules", json=terms | {"dataset": f"{'a' * 60}@1"}).raise_for_status().json()["id"]
    launched = client.post(f"/schedules/{one}/run-now").json()["batch"]
    client.post(f"/batches/{launched}/cancel").raise_for_status()
    client.post("/schedules", json=terms | {"inputs": {"topic": LONG}, "on": False}).raise_for_status()
    return [
        *("data-sets/", "data-sets/new/", f"data-sets/{'a' * 60}/", f"data-sets/{'a' * 60}/add/"),
        *("schedules/", f"schedules/{one}/", f"schedules/{one}/edit/"),
    ]


def _end(client: Any, run: str, *batches: str) -> None:
    client.post(f"/runs/{run}/cancel")
    for batch in batches:
        client.post(f"/batches/{batch}/cancel")


def _of_months(books: str) -> list[str]:
    """Bills of real money: an open month and one that is closed, and this one with what came late."""
    opened, closed = f"{before(0):%Y-%m}", f"{before(2):%Y-%m}"
    pages = (
        f"{opened}/close/",
        f"{opened}/?money=real&by=label:customer&and=part&over=label:customer",
        f"{closed}/?money=real",
        f"{closed}/document/?currency=EUR&rate=0.92",
        f"{MONTH}/?money=real",
        f"{MONTH}/calls/?money=real",
    )
    return [f"/t/{books}/bills/{page}" for page in pages]


def _of_templates(client: Any, crew: str) -> list[str]:
    """A shared crew, and a copy of it that says at one place something else than the version that is shared by now."""
    texts = {
        "crew": crew,
        "title": LONG[:200],
        "description": LONG,
        "tags": ["b" * 40, "news"],
        "examples": {"topic": LONG},
    }
    template = client.post("/templates", json=texts | {"version": 1}).json()["id"]
    copy = client.post(f"/templates/{template}/copy", json={}).json()
    spec = copy["spec"] | {"agents": [copy["spec"]["agents"][0] | {"goal": "Theirs is longer.", "llm": "gpt-4"}]}
    client.put(f"/crews/{copy['slug']}", json=spec).raise_for_status()
    client.post("/templates", json=texts | {"version": 2}).raise_for_status()
    assert client.get(f"/crews/{copy['slug']}/original").json()["conflicts"]
    return [f"templates/{template}/", f"crews/{copy['slug']}/", f"crews/{copy['slug']}/original/"]


def _of_library(client: Any, crew: str) -> list[str]:
    """An agent that the crew uses and says differently, and that has changed since at the same place; a crew's agent
    that comes from nowhere, and one that may be added."""
    kept = client.post(f"/crews/{crew}/library/writer/keep", json={"name": LONG[:200], "note": LONG[:200]}).json()
    spec = client.get(f"/crews/{crew}").json()["spec"]
    mine = spec | {"agents": [spec["agents"][0] | {"goal": f"Mine, and not theirs. {LONG}"}]}
    client.put(f"/crews/{crew}", json=mine).raise_for_status()
    theirs = {"name": LONG[:200], "note": LONG[:200], "spec": kept["spec"] | {"goal": "Theirs", "llm": "gpt-4"}}
    client.put(f"/agents/{kept['id']}", json=theirs).raise_for_status()
    assert client.get(f"/crews/{crew}/library/writer").json()["conflicts"]
    apart = client.post("/crews", json=SPEC | {"name": "Apart"}).json()["slug"]
    return [
        *("agents/", "agents/new/", *(f"agents/{kept['id']}/{part}" for part in ("", "edit/", "versions/2/"))),
        *(f"crews/{crew}/{part}" for part in ("library/", "agents/writer/library/", "agents/writer/")),
        f"crews/{apart}/agents/writer/library/",
    ]


def _invited(client: Any) -> tuple[str, int]:
    """The path of a link that anybody may open, and the id of a membership; another invitation has a long address.
    A program has a long name."""
    client.post("/programs", json={"name": "n" * 100, "role": "editor"}).raise_for_status()
    link = client.post("/invitations", json={}).json()["link"]
    client.post("/invitations", json={"email": f"{'a' * 60}@{'b' * 60}.example.com"}).raise_for_status()
    return urlsplit(link).path, client.get("/members").json()["items"][0]["id"]


def _wait_for(client: Any, run: str, state: str) -> None:
    until = time.monotonic() + 60
    while client.get(f"/runs/{run}").json()["status"] != state:
        assert time.monotonic() < until
        time.sleep(0.3)


def test_no_page_has_a_finding_or_runs_out_of_the_screen(page: Page, addresses: list[str]) -> None:
    found = [fault for address in addresses for fault in _faults(page, address)]
    page.context.clear_cookies()
    found += [fault for address in SIGNED_OUT for fault in _faults(page, address)]
    assert not found, "\n".join(found)


def _faults(page: Page, address: str) -> list[str]:
    answer = page.goto(address)
    if answer is None or not answer.ok:
        return [f"{address}: answered with {answer and answer.status}"]
    if address == DOCS:
        page.locator(".opblock-tag").first.click()
        page.locator(".opblock-summary-control").first.click()
        page.locator(".opblock-body").first.wait_for()
    return faults(page)


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
