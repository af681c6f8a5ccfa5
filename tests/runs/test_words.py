"""The words for codes: every code has one, and no page shows a code in place of its word."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from agents_app.gallery.queries import templates
from agents_app.knowledge.actions import upload_document
from agents_app.models import Crew
from engine.record.journal import Purpose, TaskStatus
from engine.tools.tool import Effect
from runs.models import Review, Run
from runs.states import (
    BUDGETS,
    PERSON,
    PLACE,
    QUEUE,
    CallState,
    CallWait,
    CostClass,
    Priority,
    RunState,
    RunWaste,
)
from runs.templatetags.words import state, wait, word
from runs.words import AT_LIMIT_SHORT, AT_LIMIT_WORDS, BUDGET_TITLES, WAITS, WORDS
from teams.access import Principal
from teams.models import AtLimit
from tests.cast import Cast, make_cast, make_crew
from tests.ledger import make_call, make_run, make_task

CODES = (RunState, TaskStatus, CallState, CostClass, RunWaste, Purpose, Priority, Effect)
RAW = {str(code) for code, shown in WORDS.items() if shown != code} | {code for code in WAITS if "_" in code}
"""Codes that nobody would write as a word; "running" is both."""


def test_every_code_has_a_word() -> None:
    assert {str(code) for codes in CODES for code in codes} == set(WORDS)
    assert {QUEUE, PLACE, PERSON, *BUDGETS, *CallWait.values} == set(WAITS)
    assert set(BUDGETS) == set(BUDGET_TITLES)
    assert set(AtLimit) == set(AT_LIMIT_WORDS) == set(AT_LIMIT_SHORT)


def test_no_word_is_a_code_with_its_underscore() -> None:
    words = [*WORDS.values(), *(text for each in WAITS.values() for text in (each.one, each.many, each.whole))]
    assert [text for text in words if "_" in text or not text] == []


def test_a_state_is_in_words_and_not_in_colour_alone() -> None:
    assert state("failed") == '<span class="state is-failed">failed</span>'
    assert state("intent") == '<span class="state is-intent">open</span>'


def test_a_wait_is_told_of_one_run_and_of_several() -> None:
    assert wait("run_budget") == "its own budget"
    assert wait("run_budget", "many") == "their own budget"
    assert wait("run_budget", "whole") == "for money: the run's budget"
    assert word("cache_hit") == "reused"


class TestPages:
    """Every page, with runs, tasks and calls of all codes on it."""

    pytestmark = pytest.mark.django_db

    @pytest.fixture
    def cast(self) -> Cast:
        return make_cast()

    @pytest.fixture
    def crew(self, cast: Cast) -> Crew:
        return make_crew(cast.owner)

    @pytest.mark.parametrize("role", ["owner", "viewer"])
    def test_no_page_shows_a_raw_code(self, cast: Cast, crew: Crew, role: str) -> None:
        client = signed_in(getattr(cast, role))
        shown = {path: texts(client, path) for path in _pages(cast, crew, _runs(cast, crew))}
        shown["/signin/"] = texts(Client(), "/signin/")
        found = {path: {code for code in RAW if _holds(text, code)} for path, text in shown.items()}
        assert {path: codes for path, codes in found.items() if codes} == {}

    def test_a_list_says_what_each_run_waits_for(self, cast: Cast, crew: Crew) -> None:
        for budget in BUDGETS:
            make_run(cast.owner, crew, state=RunState.WAITING, waiting_for=budget)
        client = signed_in(cast.viewer)
        listed = texts(client, "/t/acme/runs/")
        for budget in BUDGETS:
            assert f"for {WAITS[budget].one}" in listed
            assert f"waits for {WAITS[budget].one}" in texts(client, "/t/acme/runs/now/")
            assert f"1 for {WAITS[budget].many}" in texts(client, "/t/acme/workers/")


def _runs(cast: Cast, crew: Crew) -> list[Run]:
    waiting = [make_run(cast.owner, crew, state="waiting", waiting_for=what) for what in (*BUDGETS, PERSON)]
    asked = make_task(waiting[-1], "brief", state=TaskStatus.WAITING, started_at=waiting[-1].started_at)
    Review.objects.create(task_run=asked, number=0, answer="Draft")
    busy = make_run(cast.owner, crew, state="running", priority="high", reserved_nusd=900_000)
    for position, what in enumerate(CallWait):
        make_task(busy, f"t{position}", position=position, state="running", waits_for=what, waits_until=timezone.now())
    make_call(busy, state="intent", finished_at=None, cost_nusd=None, latency_ms=None, reply=None)
    done = make_run(cast.owner, crew, output_raw="# Done", successful_requests=3, takeovers=1, lease_epoch=2)
    task = make_task(done, "brief", state="succeeded", started_at=done.started_at, output_raw="Done")
    calls = [make_call(done, task=task, step=step, cost_class=each) for step, each in enumerate(CostClass)]
    calls[-1].cache_hit, calls[-1].cache_age_s, calls[-1].saved_nusd = True, 60.0, 750_000
    calls[-1].save()
    for step, settled in enumerate(("error", "late", "unknown"), 20):
        make_call(done, task=task, step=step, state=settled, error="429", attempt=2, waited_ms=900)
    for step, purpose in enumerate(Purpose, 30):
        make_call(done, step=step, purpose=purpose, usage_estimated=True)
    for step, effect in enumerate(Effect, 40):
        make_call(done, task=task, step=step, kind="tool", tool="search", effect=effect, cost_nusd=0)
    failed = {"error": "No.", "error_code": BUDGETS[0]}
    ended = [make_run(cast.owner, crew, state=end, **failed) for end in ("failed", "cancelled")]
    return [*waiting, busy, done, *ended, make_run(cast.owner, crew, state="queued")]


def _pages(cast: Cast, crew: Crew, runs: list[Run]) -> list[str]:
    call_command("load_templates", verbosity=0)
    document = upload_document(cast.owner, title="prices.md", data=b"A lamp costs 20.", collection="").document
    template = templates(cast.owner).last()
    assert template is not None
    paths = [
        "crews",
        "crews/new",
        "crews/import",
        "templates",
        "knowledge",
        "workers",
        "limits",
        "settings/people",
        "settings/providers",
        "settings/tokens",
    ]
    paths += ["runs", "runs/now", f"templates/{template.pk}", f"knowledge/{document.pk}"]
    paths += [f"crews/{crew.slug}{part}" for part in ("", "/json", "/launch", "/versions", "/versions/1")]
    for run in runs:
        parts = ["", "/calls", *(f"/tasks/{task.key}" for task in run.tasks.all())]
        paths += [f"runs/{run.pk}{part}" for part in (*parts, *(f"/calls/{call.pk}" for call in run.calls.all()))]
    parts = [f"/t/acme/runs/{part}" for part in (f"last/?crew={crew.slug}", f"versions/?crew={crew.slug}&version=1")]
    return [*parts, *(f"/t/acme/{path}/" for path in paths)]


def signed_in(who: Principal) -> Client:
    client = Client()
    client.force_login(who.user)
    return client


def texts(client: Client, path: str) -> str:
    """What a person can read on the page, also in titles and labels. Blanks are single."""
    answer = client.get(path)
    assert answer.status_code in (200, 403), path
    reader = _Reader()
    reader.feed(answer.content.decode())
    return " ".join(" ".join(reader.texts).split())


def _holds(text: str, code: str) -> bool:
    return re.search(rf"(?<![\w-]){code}(?![\w-])", text) is not None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value for name, value in attrs if name in ("title", "aria-label", "placeholder") and value]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
