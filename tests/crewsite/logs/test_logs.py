"""Log lines: JSON with marks, numbers of requests, and never a key, a prompt or a reply."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.db import DataError, IntegrityError, OperationalError

from crewsite.logs.lines import JsonLines, PlainLines
from crewsite.logs.redaction import MASK, WITHHELD, masked
from engine.errors import ProviderError
from runs.telemetry.log_context import mark, mark_call, marked
from tests.crewsite.conftest import Watched
from tests.openai_server import Fault, OpenAIServer, tool_call

KEY = "sk-live-0123456789abcdefNEVERSHOWN"
PROMPT, REPLY, INPUT = "PROMPTMARKER", "REPLYMARKER", "INPUTMARKER"
SOURCE = f"""
from crewai import Agent, Crew, Task
agent = Agent(role="{PROMPT}", goal="{PROMPT}", backstory="{PROMPT}", llm="gpt-4o-mini", tools=["calculator"])
task = Task(description="{PROMPT} {{topic}}", expected_output="{PROMPT}", agent=agent)
crew = Crew(agents=[agent], tasks=[task])
"""


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], dict[str, Any]]:
    """The newest line as the JSON formatter writes it."""
    caplog.set_level(logging.DEBUG, "runs")
    return lambda: json.loads(JsonLines().format(caplog.records[-1]))


class Broken(Exception):
    pass


def answers() -> Iterator[Any]:
    """A provider that is asked to misbehave: it echoes what it was sent, calls a tool badly, and answers."""
    yield Fault(500, json.dumps({"error": {"message": f"cannot do {PROMPT} {KEY} {INPUT}"}}))
    yield tool_call("calculator", {"expression": f"{REPLY} + "})
    yield tool_call("no_such_tool", f"not json {REPLY}")
    while True:
        yield f"{REPLY} done"


def test_a_workers_log_at_debug_holds_no_key_no_prompt_and_no_reply(watched: Watched) -> None:
    script = answers()
    with OpenAIServer(lambda body: next(script)) as server:
        provider = watched.post("/providers", provider="openai", api_key=KEY, base_url=server.url)
        try:
            crew = watched.post("/crews/import", source=SOURCE, name="Logged")["crew"]["slug"]
            good = ended(watched, watched.post(f"/crews/{crew}/runs", inputs={"topic": INPUT})["id"])
            script = iter(lambda: Fault(400, f'{{"error": {{"message": "{PROMPT} {KEY} is unfit"}}}}'), None)
            bad = ended(watched, watched.post(f"/crews/{crew}/runs", inputs={"topic": INPUT})["id"])
        finally:
            watched.api.delete(f"/providers/{provider['id']}").raise_for_status()
        assert len(server.billed) >= 3
        assert server.billed[0].authorization == f"Bearer {KEY}"
    assert (good["status"], bad["status"]) == ("succeeded", "failed")
    assert REPLY in good["output"]["raw"]

    for name in ("worker", "web"):
        log = watched.log(name)
        for secret in (KEY, "NEVERSHOWN", PROMPT, REPLY, INPUT, "crw_"):
            assert secret not in log, name
    lines = [line for line in lines_of(watched.log("worker")) if line.get("run_id") == good["id"]]
    assert {"Claimed", "Ended"} <= {line["message"] for line in lines}
    assert all(line["epoch"] == 1 and line["worker"] for line in lines)
    calls = [line for line in lines if line["message"] == "Call ended"]
    ledger = {call["id"] for call in watched.api.get(f"/runs/{good['id']}/calls").json()["items"]}
    assert {call["call_id"] for call in calls} == ledger
    assert {call["task"] for call in calls} == {good["tasks"][0]["key"]}


def ended(watched: Watched, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + 90
    while True:
        found: dict[str, Any] = watched.api.get(f"/runs/{run}").json()
        if found["status"] in ("succeeded", "failed") or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def test_a_request_keeps_the_number_it_came_with_if_that_is_a_plain_word(watched: Watched) -> None:
    assert watched.web("/signin/", **{"X-Request-ID": "from-the-proxy.7"}).headers["x-request-id"] == "from-the-proxy.7"
    for strange in ("", "two words", '{"a": 1}', "x" * 65, "-dash", "sk\u00e4"):
        headers = {"X-Request-ID": strange.encode("latin-1")}
        answer = httpx.get(f"{watched.application.url}/signin/", headers=headers)
        assert answer.headers["x-request-id"] not in ("", strange)
        assert answer.headers["x-request-id"].isalnum()
    line = next(line for line in lines_of(watched.log("web")) if line.get("request_id") == "from-the-proxy.7")
    assert (line["message"], line["method"], line["status"]) == ("/signin/", "GET", 200)


def test_links_that_let_people_in_and_what_somebody_searched_for_are_not_in_the_webs_log(watched: Watched) -> None:
    link = watched.application.manage("signin_link")
    invitation = watched.api.post("/invitations", json={}).json()["link"]
    with httpx.Client(base_url=watched.application.url, follow_redirects=True) as client:
        assert client.get(link).status_code == 200
        assert client.get(invitation).status_code == 200
        assert client.get("/t/my-team/runs/?q=SEARCHMARKER").status_code == 200
    log = watched.log("web")
    for address in (link, invitation):
        assert address.strip("/").split("/")[-1] not in log
    assert "SEARCHMARKER" not in log
    assert '"message": "/signin/…"' in log
    assert '"message": "/join/…"' in log


@pytest.mark.parametrize(
    "text",
    [
        f"key {KEY}",
        "crw_0123456789abcdef",
        "whsec_0123456789abcdef",
        "whsec_0+1/23456789abcdef==",
        "Authorization: Bearer abcdef.123-456",
        'headers={"authorization": "Basic dXNlcjpwYXNz"}',
        "postgresql://crewsite:hunter22@db/crewsite",
        "redis://:hunter22@broker/0",
        "api_key=hunter22",
        '"api-key": "hunter22"',
        "OPENAI_API_KEY=hunter22 and more",
        "password: hunter22",
        "GET /signin/QrDKIfIB9R_jjy9iH9kOeDaIjLYPr4G02Rqaa87HD_g/",
        "GET /join/QrDKIfIB9R_jjy9iH9kOeDaIjLYPr4G02Rqaa87HD_g/",
        "AIzaSyA0123456789abcdefghijklmnop",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    ],
)
def test_what_looks_like_a_key_is_masked(text: str) -> None:
    shown = masked(text)
    assert MASK in shown
    for secret in (KEY, "crw_0", "whsec_0", "9abcdef", "abcdef.123", "dXNlc", "hunter22", "QrDK", "AIzaSy", "eyJ"):
        assert secret not in shown


@pytest.mark.parametrize(
    "text", ["Took the task up again", "risk-based crew_list", "3 tokens: fine at http://host:80/a"]
)
def test_plain_words_are_left_as_they_are(text: str) -> None:
    assert masked(text).replace(MASK, "fine") == text


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (OperationalError('connection to "db" failed\nDETAIL:  PROMPTMARKER'), 'connection to "db" failed'),
        (IntegrityError('violates constraint "a"\nDETAIL:  Failing row contains (PROMPTMARKER)'), 'constraint "a"'),
        (DataError("invalid input syntax: PROMPTMARKER"), WITHHELD),
        (ValueError("PROMPTMARKER"), WITHHELD),
        (Broken("PROMPTMARKER"), WITHHELD),
        (ProviderError("PROMPTMARKER", retryable=False, status=429), "[provider_error 429]"),
        (TypeError("'NoneType' object is not iterable"), "is not iterable"),
        (ExceptionGroup("PROMPTMARKER", [KeyError("PROMPTMARKER")]), "KeyError"),
    ],
)
def test_an_exceptions_text_is_kept_only_where_it_quotes_nothing(
    error: Exception, kept: str, said: Callable[[], dict[str, Any]]
) -> None:
    local = PROMPT
    try:
        try:
            raise error
        except Exception as cause:
            cause.add_note(local)
            raise Broken(local) from cause
    except Broken:
        logging.getLogger("runs.x").exception("It failed")
    line = said()
    assert kept in line["traceback"]
    assert "test_logs.py" in line["traceback"]
    assert PROMPT not in json.dumps(line)


def test_fields_that_hold_content_are_dropped_however_deep(said: Callable[[], dict[str, Any]]) -> None:
    facts = {"state": "ok", "messages": [PROMPT], "about": {"reply": REPLY, "api_key": KEY, "url": f"http://a:{KEY}@b"}}
    logging.getLogger("runs.x").info("Done", extra=facts)
    line = said()
    assert line["state"] == "ok"
    assert line["about"] == {"url": f"http://{MASK}@b"}
    assert PROMPT not in json.dumps(line)


@pytest.mark.parametrize("name", ["LiteLLM", "mcp.client", "asyncio", "httpx", "celery.app.trace", "py.warnings"])
def test_what_other_packages_say_is_left_out_where_it_may_quote(name: str, said: Callable[[], dict[str, Any]]) -> None:
    logging.getLogger(name).warning(f"body {PROMPT} %s", REPLY, extra={"data": {"args": PROMPT}})
    text = json.dumps(said())
    assert PROMPT not in text
    assert REPLY not in text
    assert name in text


async def test_marks_follow_a_run_and_a_call_through_their_own_coroutines(said: Callable[[], dict[str, Any]]) -> None:
    log = logging.getLogger("runs.x")

    async def run(number: int) -> list[dict[str, Any]]:
        lines = []
        with marked(run_id=f"run-{number}", epoch=number):
            mark(task=f"task-{number}")
            await asyncio.sleep(0)
            call = mark_call(f"call-{number}")
            await asyncio.create_task(asyncio.sleep(0))
            log.info("In a call")
            lines.append(said())

            async def settle() -> None:
                call.ended()

            await asyncio.create_task(settle())
            log.info("After it")
            return [*lines, said()]

    for number, (within, after) in enumerate(await asyncio.gather(*map(run, range(1, 6))), 1):
        assert (within["run_id"], within["epoch"], within["task"]) == (f"run-{number}", number, f"task-{number}")
        assert within["call_id"] == f"call-{number}"
        assert "call_id" not in after
    log.info("Outside")
    assert "run_id" not in said()


def test_lines_for_people_carry_the_same_facts(caplog: pytest.LogCaptureFixture) -> None:
    with marked(run_id="abc"):
        logging.getLogger("runs.x").warning("It is %s", "late", extra={"state": "failed"})
        assert PlainLines().format(caplog.records[-1]).endswith("WARNING runs.x: It is late  run_id=abc state=failed")


def test_nobody_writes_a_line_of_their_own_by_what_they_ask_for(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("runs.x").warning("%s", "/a\r\nERROR b\x1b[31m\u2028c", extra={"state": "d\ne"})
    line = PlainLines().format(caplog.records[-1])
    assert line.endswith("WARNING runs.x: /a\\r\\nERROR b\\x1b[31m\\u2028c  state=d\\ne")
    assert len(line.splitlines()) == 1


def test_a_line_whose_arguments_do_not_fit_is_not_lost(said: Callable[[], dict[str, Any]]) -> None:
    record = logging.makeLogRecord({"name": "runs.x", "msg": "%d of %d", "args": ("x",)})
    assert json.loads(JsonLines().format(record))["message"] == "%d of %d"


def test_what_other_packages_quote_at_length_is_cut(said: Callable[[], dict[str, Any]]) -> None:
    logging.getLogger("django.security.DisallowedHost").error("Invalid HTTP_HOST header: %s", "a" * 3_000)
    assert len(said()["message"]) <= 501
