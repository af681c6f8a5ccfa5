"""The API's answers field by field: programs read them, so that none may be lost, renamed or written otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from runs.models import Call, Review, Run
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast, make_cast, make_crew
from tests.ledger import make_call, make_run, make_task

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)

FIELDS = {
    "RunSummary": "id crew version status revision waiting_for simulated priority created_at started_at finished_at "
    "texts_removed_at duration_ms error usage rating url",
    "RunOut": "id crew version status revision waiting_for simulated priority created_at started_at finished_at "
    "texts_removed_at duration_ms error usage rating url waits troubles at_limit needs_usd batch batch_row "
    "inputs metadata budget_usd accepts_unpriced max_calls max_tokens max_seconds output tasks",
    "CallOut": "id task agent branch kind purpose cost_class model model_answered credential tool arguments "
    "tool_output status simulated step attempt prompt_tokens cached_prompt_tokens cache_write_tokens completion_tokens "
    "reasoning_tokens total_tokens usage_estimated citation_tokens searches cost_usd cost_parts_usd "
    "provider_cost_usd provider_cost_is_booked price cache_hit cache_age_s saved_usd waited_ms started_at "
    "finished_at latency_ms ttft_ms finish_reason messages reply error refused_by",
    "FindingsOut": "wall_ms parts at_once_ms parallelism critical_path waste",
    "WallPartOut": "kind wall_ms task_ms",
    "OnPathOut": "task begins_ms ends_ms",
    "WasteOut": "calls usd unpriced_calls reasons",
    "WasteRowOut": "reason calls usd unpriced_calls",
    "TaskOut": "key name agent status started_at finished_at duration_ms output error questions usage",
    "QuestionOut": "about number answer call tool arguments step request asked_at",
    "UsageOut": "total_tokens prompt_tokens cached_prompt_tokens completion_tokens reasoning_tokens "
    "successful_requests cost_usd",
    "TroublesOut": "takeovers retries refused_calls refused_usd unknown_calls unknown_usd late_calls late_usd "
    "corrected_calls over_booked_usd",
    "RatingMean": "mean count",
    "RatingsOut": "rating revision items",
    "RatingOut": "stars comment by rated_at",
    "AuthorOut": "person token",
    "CommentOut": "id revision text by written_at edited_at",
    "CommentList": "items",
    "WaitOut": "for task until ahead",
    "OutputOut": "raw json",
    "TaskOutputOut": "raw json note",
    "FailureOut": "code message",
    "RunList": "items next",
    "CallList": "items next",
    "Launched": "id status created_at estimated_completion estimated_cost_usd url warnings",
    "LimitsOut": "revision budget_usd run_budget_usd run_max_calls run_max_seconds runs_at_once user_budget_usd "
    "at_limit fallback_model launch_quota launch_window_s launches month team members alerts",
    "StandingOut": "budget_usd spent_usd held_usd left_usd unpriced_calls",
    "MemberOut": "budget_usd spent_usd held_usd left_usd unpriced_calls id email own_budget_usd",
    "AlertOut": "budget member month threshold message made_at",
    "OperationsOut": "scope read_at states queue waiting_for running stuck stuck_runs workers",
    "QueueOut": "oldest_s kept_back wait_p50_s wait_p95_s begun_last_hour",
    "RunLineOut": "id team crew simulated worker seconds reason",
    "WorkerOut": "name state started_at last_seen_s capacity holding",
}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def run(cast: Cast) -> Run:
    return make_run(
        cast.owner,
        make_crew(cast.owner),
        usd=0.5,
        created_at=NOON,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=2),
        output_raw="Done",
        output_json={"done": True},
        budget_nusd=1_500_000_000,
        needs_nusd=70,
        metadata={"order": 7},
        inputs={"company": "Acme"},
        at_limit="stop",
        max_calls=9,
        prompt_tokens=100,
        completion_tokens=50,
        successful_requests=1,
    )


def get(cast: Cast, path: str) -> Any:
    _, secret = issue_token(cast.owner, scope=Scope.READ)
    answer = Client(headers={"Authorization": f"Bearer {secret}"}).get(f"/api/v1{path}")
    assert answer.status_code == 200
    return answer.json()


def usage(**known: Any) -> dict[str, Any]:
    names = FIELDS["UsageOut"].split()
    return dict.fromkeys(names, 0) | {"cost_usd": "0"} | known


def test_the_described_answers_have_these_fields_in_this_order() -> None:
    schemas = Client().get("/api/v1/openapi.json").json()["components"]["schemas"]
    assert {name: " ".join(schemas[name]["properties"]) for name in FIELDS} == FIELDS


def test_a_run_is_answered_field_by_field(cast: Cast, run: Run) -> None:
    began = {"started_at": NOON, "finished_at": NOON + timedelta(milliseconds=1500)}
    make_task(run, "good", state="succeeded", output_raw="[1]", output_json=[1], agent="finance", **began)
    make_task(run, "bad", position=1, state="failed", error_code="model_mistake", error="No.", spent_nusd=5, **began)
    times = {"started_at": "2026-11-02T12:00:00Z", "finished_at": "2026-11-02T12:00:01.500000Z", "duration_ms": 1500}
    assert get(cast, f"/runs/{run.pk}") == {
        "id": str(run.pk),
        "crew": "company-brief",
        "version": 1,
        "status": "succeeded",
        "revision": 1,
        "waiting_for": None,
        "simulated": False,
        "priority": "normal",
        "created_at": "2026-11-02T12:00:00Z",
        "started_at": "2026-11-02T12:00:00Z",
        "finished_at": "2026-11-02T12:00:02Z",
        "texts_removed_at": None,
        "duration_ms": 2000,
        "error": None,
        "usage": usage(
            total_tokens=150, prompt_tokens=100, completion_tokens=50, successful_requests=1, cost_usd="0.5"
        ),
        "rating": None,
        "url": f"http://127.0.0.1:8000/t/acme/runs/{run.pk}/",
        "waits": [],
        "troubles": dict.fromkeys(FIELDS["TroublesOut"].split(), 0)
        | {"refused_usd": "0", "unknown_usd": "0", "late_usd": "0", "over_booked_usd": "0"},
        "at_limit": "stop",
        "needs_usd": "0.00000007",
        "batch": None,
        "batch_row": None,
        "inputs": {"company": "Acme"},
        "metadata": {"order": 7},
        "budget_usd": "1.5",
        "accepts_unpriced": False,
        "max_calls": 9,
        "max_tokens": None,
        "max_seconds": None,
        "output": {"raw": "Done", "json": {"done": True}},
        "tasks": [
            {"key": "good", "name": "Good", "agent": "finance", "status": "succeeded", **times}
            | {"output": {"raw": "[1]", "json": [1], "note": None}, "error": None, "questions": [], "usage": usage()},
            {"key": "bad", "name": "Bad", "agent": "", "status": "failed", **times, "output": None}
            | {"error": {"code": "model_mistake", "message": "No."}, "questions": []}
            | {"usage": usage(cost_usd="0.000000005")},
        ],
    }


def test_a_call_is_answered_field_by_field(cast: Cast, run: Run) -> None:
    call = make_call(run, task=make_task(run, "good"), ttft_ms=40, cache_hit=True, cache_age_s=1.5, saved_nusd=20)
    failure = {"state": "error", "error_code": "tool_error", "error": "Gone.", "model": "", "model_answered": ""}
    make_call(run, step=1, kind="tool", tool="web", arguments="{}", tool_output="?", reply=None, **failure)
    answer = get(cast, f"/runs/{run.pk}/calls")
    model, tool = answer["items"]
    assert answer["next"] is None
    assert model == {
        "id": str(call.pk),
        "task": "good",
        "agent": "finance",
        "branch": "",
        "kind": "model",
        "purpose": "work",
        "cost_class": "work",
        "model": "gpt-4o",
        "model_answered": "gpt-4o-2024-08-06",
        "credential": None,
        "tool": None,
        "arguments": None,
        "tool_output": None,
        "status": "ok",
        "simulated": False,
        "step": 0,
        "attempt": 1,
        "prompt_tokens": 100,
        "cached_prompt_tokens": 0,
        "cache_write_tokens": 0,
        "completion_tokens": 50,
        "reasoning_tokens": 0,
        "total_tokens": 150,
        "usage_estimated": False,
        "citation_tokens": 0,
        "searches": 0,
        "cost_parts_usd": None,
        "provider_cost_usd": None,
        "provider_cost_is_booked": False,
        "price": None,
        "cost_usd": "0.00075",
        "cache_hit": True,
        "cache_age_s": 1.5,
        "saved_usd": "0.00000002",
        "waited_ms": 0,
        "started_at": "2026-11-02T12:00:00Z",
        "finished_at": "2026-11-02T12:00:00.500000Z",
        "latency_ms": 500,
        "ttft_ms": 40,
        "finish_reason": None,
        "messages": [{"role": "user", "content": "Figures, please"}],
        "reply": {"text": "Here they are", "tool_calls": []},
        "error": None,
        "refused_by": None,
    }
    changed = {"task": None, "kind": "tool", "tool": "web", "arguments": "{}", "tool_output": "?", "status": "error"}
    assert {name: tool[name] for name in changed} == changed
    assert (tool["model"], tool["reply"], tool["error"]) == (None, None, {"code": "tool_error", "message": "Gone."})


def test_the_findings_tell_where_time_and_money_went(cast: Cast, run: Run) -> None:
    half = timedelta(milliseconds=500)
    first = make_task(run, "brief", state="succeeded", started_at=NOON, finished_at=NOON + 3 * half)
    make_call(run, task=first, cost_class="rejected", refused_by="guardrail")
    make_call(run, task=first, step=1, started_at=NOON + half, finished_at=NOON + 3 * half, latency_ms=1000)
    answer = get(cast, f"/runs/{run.pk}/findings")
    assert answer["waste"] == {
        "calls": 1,
        "usd": "0.00075",
        "unpriced_calls": 0,
        "reasons": [{"reason": "rejected", "calls": 1, "usd": "0.00075", "unpriced_calls": 0}],
    }
    assert answer["critical_path"] == [
        {"task": "brief", "begins_ms": 0, "ends_ms": 1500},
        {"task": None, "begins_ms": 1500, "ends_ms": 2000},
    ]
    assert {part["kind"]: part["wall_ms"] for part in answer["parts"]} == {"models": 1500, "own": 500}
    assert answer["wall_ms"] == 2000 == answer["at_once_ms"] + sum(part["task_ms"] for part in answer["parts"])
    assert get(cast, f"/runs/{run.pk}/calls")["items"][0]["refused_by"] == "guardrail"


def test_questions_are_about_an_answer_a_call_or_a_request(cast: Cast, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(state="waiting", waiting_for="person", finished_at=None)
    task = make_task(run, "draft", state="waiting", started_at=NOON)
    lost: Call = make_call(run, task=task, kind="tool", tool="pay", arguments='{"usd": 3}', state="unknown")
    Review.objects.create(task_run=task, number=2, answer="A draft", asked_at=NOON)
    Review.objects.create(task_run=task, number=0, call=lost, asked_at=NOON)
    Review.objects.create(task_run=task, number=0, step="3.2", answer="DELETE https://a.example/", asked_at=NOON)
    questions = {one["about"]: one for one in get(cast, f"/runs/{run.pk}")["tasks"][0]["questions"]}
    asked = {"asked_at": "2026-11-02T12:00:00Z"}
    no_call = {"call": None, "tool": None, "arguments": None}
    no_request = {"step": None, "request": None}
    assert questions == {
        "answer": {"about": "answer", "number": 2, "answer": "A draft"} | no_call | no_request | asked,
        "call": {"about": "call", "number": None, "answer": None}
        | {"call": str(lost.pk), "tool": "pay", "arguments": '{"usd": 3}'}
        | no_request
        | asked,
        "request": {"about": "request", "number": None, "answer": None}
        | no_call
        | {"step": "3.2", "request": "DELETE https://a.example/"}
        | asked,
    }
