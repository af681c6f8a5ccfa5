"""A worker that is started is seen on the page, one that is killed goes; the page is read anew under nobody's hands."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.application import ROOT, Application
from tests.openai_server import OpenAIServer

SOURCE = """
from crewai import Agent, Crew, Task
agent = Agent(role="Analyst", goal="g", backstory="b", llm="gpt-4o-mini")
crew = Crew(agents=[agent], tasks=[Task(description="Describe", expected_output="x", agent=agent)])
"""


def start_worker(application: Application) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "worker"]
    return subprocess.Popen(command, cwd=ROOT, env=application.environment, stderr=subprocess.DEVNULL)


def row_of(page: Page, process: subprocess.Popen[bytes]) -> str:
    return f"#operations tr:has-text(':{process.pid}')"


def workers_page(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Workers").click()
    expect(page.get_by_role("heading", name="Workers and queue")).to_be_visible()


def test_a_worker_that_is_started_is_seen_and_one_that_is_killed_goes(application: Application, page: Page) -> None:
    workers_page(page)
    expect(page.locator("#worker-count")).to_have_text("1", timeout=30_000)
    killed, stopped = start_worker(application), start_worker(application)
    try:
        for process in (killed, stopped):
            expect(page.locator(row_of(page, process))).to_contain_text("ready", timeout=60_000)
        expect(page.locator("#worker-count")).to_have_text("3")
        stopped.send_signal(signal.SIGTERM)
        assert stopped.wait(30) == 0
        expect(page.locator(row_of(page, stopped))).to_have_count(0, timeout=30_000)
        killed.kill()
        killed.wait(10)
        expect(page.locator(row_of(page, killed))).to_contain_text("lost", timeout=60_000)
        expect(page.locator("#worker-count")).to_have_text("1")
    finally:
        for process in (killed, stopped):
            process.kill()
            process.wait(10)


@pytest.fixture
def in_progress(application: Application) -> Iterator[None]:
    """Twelve runs whose provider takes its time."""
    with application.api() as api, OpenAIServer(latency_s=60) as server:
        provider = api.post("/providers", json={"provider": "openai", "api_key": "sk-x", "base_url": server.url}).json()
        crew = api.post("/crews/import", json={"source": SOURCE, "name": "Slow"}).json()["crew"]["slug"]
        runs = [api.post(f"/crews/{crew}/runs", json={"inputs": {}}).json()["id"] for _ in range(12)]
        yield
        for run in runs:
            api.post(f"/runs/{run}/cancel").raise_for_status()
        api.delete(f"/providers/{provider['id']}").raise_for_status()


def test_what_is_read_anew_keeps_focus_and_scroll_also_on_a_phone(page: Page, in_progress: None) -> None:
    page.set_viewport_size({"width": 390, "height": 500})
    workers_page(page)
    links = page.locator("#operations a[id^=running-]")
    expect(links).to_have_count(12, timeout=60_000)
    links.nth(8).focus()
    page.evaluate("window.scrollTo(0, 300)")
    before = page.evaluate("[document.activeElement.id, Math.round(scrollY)]")
    for _ in range(2):
        with page.expect_response(re.compile("/workers/"), timeout=30_000):
            pass
    page.wait_for_timeout(200)
    assert page.evaluate("[document.activeElement.id, Math.round(scrollY)]") == before
    assert before[0].startswith("running-")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
