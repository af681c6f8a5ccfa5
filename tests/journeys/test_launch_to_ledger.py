"""From a pasted CrewAI crew to its last cent: browser, web, worker, PostgreSQL and a provider on loopback, all real."""

# ruff: noqa: E501 - the sources are pasted as people write them
from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.application import Application
from tests.openai_server import OpenAIServer, overlap

BRIEF = """
from crewai import Agent, Crew, Process, Task

finance = Agent(role="Financial analyst", goal="Find the figures", backstory="You read balance sheets.", llm="gpt-4o")
news = Agent(role="News analyst", goal="Find the news", backstory="You separate news from noise.", llm="gpt-4o-mini")
senior = Agent(role="Senior analyst", goal="Write the brief", backstory="You write for investors.", llm="gpt-4o")

figures = Task(description="Research the figures of {company}.", expected_output="A list", agent=finance, async_execution=True)
headlines = Task(description="Research the news about {company}.", expected_output="A list", agent=news, async_execution=True)
brief = Task(description="Write a brief on {company}.", expected_output="One page", agent=senior, context=[figures, headlines])

crew = Crew(agents=[finance, news, senior], tasks=[figures, headlines, brief], process=Process.sequential)
result = crew.kickoff(inputs={"company": "Stripe"})
"""

DRUG = """
from crewai import Agent, Crew, Process, Task

agents = {}
pharma = Agent(role="Pharmacologist", goal="Describe the drug", backstory="You know drugs.", llm="gpt-4o-mini")
regulatory = Agent(role="Regulatory expert", goal="Describe its status", backstory="You know agencies.", llm="gpt-4o-mini")
market = Agent(role="Market analyst", goal="Describe its market", backstory="You know prices.", llm="gpt-4o-mini")
writer = Agent(role="Report writer", goal="Combine", backstory="You write.", llm="gpt-4o-mini")

one = Task(description="Pharmacology of {drug_name}", expected_output="A report", agent=pharma, async_execution=True)
two = Task(description="Regulation of {drug_name}", expected_output="A report", agent=regulatory, async_execution=True)
three = Task(description="Market of {drug_name}", expected_output="A report", agent=market, async_execution=True)
four = Task(description="Profile of {drug_name}", expected_output="A profile", agent=writer, context=[one, two, three])

crew = Crew(agents=[pharma, regulatory, market, writer], tasks=[one, two, three, four], process=Process.sequential)
crew.kickoff(inputs={"drug_name": "Ibuprofen"})
"""

PRICES = {
    "gpt-4o": (Decimal("2.5"), Decimal("1.25"), Decimal(10)),
    "gpt-4o-mini": (Decimal("0.15"), Decimal("0.075"), Decimal("0.6")),
}
"""USD per million tokens, in, cached and out, as both providers' price pages had them: held against what is billed."""


@pytest.fixture
def provider(page: Page) -> Iterator[OpenAIServer]:
    """A provider on loopback whose key a person adds, and removes again, in the settings."""
    with OpenAIServer(lambda body: "**Findings** <script>alert(1)</script>", latency_s=0.3, cached_tokens=7) as server:
        page.goto("/t/my-team/crews/")
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("link", name="Provider keys").click()
        page.locator("select[name=provider]").select_option("openai")
        page.locator("input[name=api_key]").fill("sk-journey-secret")
        page.locator("input[name=base_url]").fill(server.url)
        page.get_by_role("button", name="Add and test").click()
        expect(page.get_by_role("button", name="Remove the key")).to_be_visible()
        assert "sk-journey-secret" not in page.content()
        yield server
        page.goto("/t/my-team/crews/")
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("link", name="Provider keys").click()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove the key").click()
        expect(page.get_by_text("is forgotten")).to_be_visible()


def paste_and_launch(page: Page, source: str, name: str) -> str:
    """Imports the source, launches it as it comes, waits for its end; the run's id."""
    page.goto("/t/my-team/crews/")
    page.locator("main").get_by_role("link", name=re.compile("Import|Paste")).first.click()
    page.locator("textarea[name=source]").fill(source)
    page.get_by_role("button", name="Read it").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Save this crew").click()
    page.locator(".page-head").get_by_role("link", name="Launch").click()
    page.get_by_role("button", name="Launch").click()
    expect(page.locator("#run-state")).to_have_text("succeeded", timeout=30_000)
    return page.url.rstrip("/").rsplit("/", 1)[-1]


def billed_usd(server: OpenAIServer) -> Decimal:
    total = Decimal(0)
    for one in server.billed:
        prompt, cached, completion = PRICES[one.model]
        total += (
            (one.prompt_tokens - one.cached_tokens) * prompt
            + one.cached_tokens * cached
            + one.completion_tokens * completion
        )
    return total / 1_000_000


def test_a_pasted_crew_runs_for_real_and_every_figure_equals_the_providers_own(
    application: Application, page: Page, provider: OpenAIServer
) -> None:
    run_id = paste_and_launch(page, BRIEF, "Journey brief")

    assert len(provider.billed) == 3
    assert {one.authorization for one in provider.billed} == {"Bearer sk-journey-secret"}
    expected_usd = billed_usd(provider)
    tokens = provider.prompt_tokens + provider.completion_tokens

    assert page.locator("#run-tokens").inner_text() == f"{tokens:,}"
    assert page.locator("#run-cost .num").get_attribute("title") == f"${expected_usd:.9f}"
    assert page.get_by_text("simulated").count() == 0
    assert page.locator(".md strong").first.inner_text() == "Findings"
    assert page.locator("main script").count() == 0

    with application.api() as client:
        run: dict[str, Any] = client.get(f"/runs/{run_id}").json()
        calls = client.get(f"/runs/{run_id}/calls").json()["items"]
    assert run["simulated"] is False
    assert Decimal(run["usage"]["cost_usd"]) == expected_usd
    assert run["usage"]["prompt_tokens"] == provider.prompt_tokens
    assert run["usage"]["completion_tokens"] == provider.completion_tokens
    assert run["usage"]["cached_prompt_tokens"] == sum(one.cached_tokens for one in provider.billed)
    assert sum(Decimal(task["usage"]["cost_usd"]) for task in run["tasks"]) == expected_usd
    assert sorted(call["prompt_tokens"] for call in calls) == sorted(one.prompt_tokens for one in provider.billed)

    (row,) = application.rows("SELECT spent_nusd, reserved_nusd, prompt_tokens FROM runs_run WHERE id = %s", run_id)
    assert row == (int(expected_usd * 10**9), 0, provider.prompt_tokens)
    team = "team_id = (SELECT id FROM teams_team WHERE slug = 'my-team')"
    (bill,) = application.rows(f"SELECT spent_nusd, reserved_nusd FROM runs_bill WHERE {team}")
    (all_real,) = application.rows(f"SELECT sum(cost_nusd), 0 FROM runs_call WHERE NOT simulated AND {team}")
    assert bill == tuple(map(int, all_real))
    assert application.rows("SELECT count(*) FROM teams_providerkey WHERE secret LIKE '%%journey-secret%%'") == [(0,)]


def test_asynchronous_tasks_overlap_by_the_providers_own_clock(
    application: Application, page: Page, provider: OpenAIServer
) -> None:
    paste_and_launch(page, DRUG, "Journey drug profile")
    first, second, third, profile = provider.billed
    assert overlap(first, second)
    assert overlap(second, third)
    assert overlap(first, third)
    assert profile.began >= max(one.ended for one in (first, second, third))
    expect(page.locator(".lanes.by-time svg")).to_have_count(4)


def test_a_template_is_tried_without_any_key_and_says_that_it_is_simulated(
    application: Application, page: Page
) -> None:
    page.goto("/t/my-team/crews/")
    page.get_by_role("link", name="Templates").click()
    page.get_by_role("button", name="Try it Company brief").first.click()
    page.get_by_role("button", name="Launch").click()
    expect(page.locator("#run-state")).to_have_text("succeeded", timeout=30_000)
    expect(page.locator(".page-head").get_by_text("simulated")).to_be_visible()
    run_id = page.url.rstrip("/").rsplit("/", 1)[-1]
    (row,) = application.rows("SELECT simulated, spent_nusd FROM runs_run WHERE id = %s", run_id)
    assert row[0] is True
    assert row[1] > 0
    page.locator("section[aria-labelledby=calls]").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="reply")).to_be_visible()


def test_a_running_crew_is_cancelled_and_what_was_paid_stays(application: Application, page: Page) -> None:
    with OpenAIServer("Slow", latency_s=20) as slow, application.api() as client:
        key = client.post("/providers", json={"provider": "mistral", "api_key": "k", "base_url": slow.url}).json()
        client.post("/providers", json={"provider": "openai", "api_key": "k", "base_url": slow.url})
        crew = client.post("/crews/import", json={"source": BRIEF, "name": "Journey cancel"}).json()["crew"]
        run_id = client.post(f"/crews/{crew['slug']}/runs", json={"inputs": {"company": "X"}}).json()["id"]
        page.goto(f"/t/my-team/runs/{run_id}/")
        expect(page.locator("#run-state")).to_have_text("running", timeout=15_000)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#run-state")).to_have_text("cancelled", timeout=15_000)
        calls = client.get(f"/runs/{run_id}/calls").json()["items"]
        for provider in client.get("/providers").json()["items"]:
            client.delete(f"/providers/{provider['id']}")
        assert key["name"] == "default"
    assert {call["status"] for call in calls} == {"unknown"}
    assert all(Decimal(call["cost_usd"]) > 0 for call in calls)
