"""A made-up run as lines of PostgreSQL's COPY format: one of the run, one of each task and of each call.

Every sum is that of the calls, reckoned here as the ledger's own statements do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from runs.demo.inventing import MS, SECOND, MadeCall, MadeRun, MadeTask
from runs.demo.recipe import Part
from runs.models.bill_sums import PARTS
from teams.actions import FIRST_CAPS

NULL = r"\N"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RATED_AFTER = 60 * SECOND
RATED_AS = {1: "off topic", 2: "too thin", 3: "", 4: "", 5: "just right"}
KEPT = 4096
"""How many texts of a kind are kept to be used again."""
RUN_CAPS = ("run_budget_nusd", "run_max_calls", "run_max_seconds")
"""The caps of a new team that each of its runs gets, in the order of the run's columns."""
SUMS = (
    *("prompt_tokens", "cached_prompt_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens"),
    *("successful_requests", "spent_nusd", "unpriced_calls", "estimated_calls"),
)
RUN_COLUMNS = (
    *("id", "team_id", "crew_id", "version_id", "state", "simulated", "priority", "inputs", "metadata"),
    *("created_by_id", "api_token_id", "request_hash", "at_limit", "budget_nusd", "max_calls", "max_seconds"),
    *("created_at", "started_at", "finished_at", "rung_at", "cancel_requested_at", "lease_epoch", "takeovers"),
    *("output_raw", "output_json", "error_code", "error", "revision"),
    *("waiting_for", "reserved_nusd", "paused_s", "lease_owner", "fruitless_takeovers"),
    *("rating_sum", "rating_count"),
    *SUMS,
)
RATING_COLUMNS = ("run_id", "person_id", "stars", "word", "rated_at")
TASK_COLUMNS = (
    *("id", "run_id", "key", "position", "name", "agent", "agent_role", "state", "started_at", "finished_at"),
    *("output_raw", "output_json", "error_code", "error", "cache_key", "waits_for"),
    *SUMS,
)
CALL_COLUMNS = (
    *("id", "run_id", "task_run_id", "step", "attempt", "epoch", "kind", "purpose", "cost_class", "refused_by"),
    *("state", "model_answered", "messages", "reply", "tool", "arguments", "effect", "tool_output", "finish_reason"),
    *("error_code", "error", "prompt_tokens", "cached_prompt_tokens", "completion_tokens", "reasoning_tokens"),
    *("usage_estimated", "counted_tokens", "reserved_nusd", "cost_nusd", *PARTS),
    *("billed_month", "cache_hit", "cache_age_s"),
    *("saved_nusd", "waited_ms", "started_at", "finished_at", "latency_ms", "took_ms", "ttft_ms"),
    *("team_id", "agent", "branch", "simulated", "model", "credential", "params", "provider_request_id"),
    *("cache_write_tokens", "cache_key", "priced_above_tokens"),
    *("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok"),
)


PARTLESS = tuple("0" if part == "seconds_nusd" else NULL for part in PARTS)


@dataclass(slots=True)
class Sums:
    """What calls add up to: the figures of ``SUMS``."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0
    requests: int = 0
    spent: int = 0
    unpriced: int = 0
    estimated: int = 0

    def add(self, call: MadeCall) -> None:
        self.prompt += call.prompt
        self.cached += call.cached
        self.completion += call.completion
        self.reasoning += call.reasoning
        self.requests += call.kind == "model" and call.state in ("ok", "late") and not call.cache_hit
        self.spent += call.cost or 0
        self.unpriced += call.cost is None
        self.estimated += call.estimated

    def texts(self) -> tuple[str, ...]:
        figures = (self.prompt, self.cached, 0, self.completion, self.reasoning)
        return tuple(map(str, (*figures, self.requests, self.spent, self.unpriced, self.estimated)))


class Lines:
    """The lines of a batch. ``mask`` keeps the ids of teams with the same seed apart."""

    def __init__(self, team_id: int, *, mask: int, texts: bool) -> None:
        self._team, self._mask, self._texts = str(team_id), mask, texts
        self.runs: list[str] = []
        self.tasks: list[str] = []
        self.calls: list[str] = []
        self.ratings: list[str] = []

    def add(self, run: MadeRun, task_ids: Iterator[int]) -> None:
        run_id = self._id(run.created, run)
        whole = Sums()
        for task in sorted(run.tasks, key=lambda task: task.part.position):
            task_id, sums = str(next(task_ids)), Sums()
            for call in task.calls:
                sums.add(call)
                whole.add(call)
                self.calls.append(self._call(run, run_id, task_id, call))
            self.tasks.append(self._task(run, run_id, task_id, task, sums))
        self.runs.append(self._run(run, run_id, whole))
        if stars := run.stars:
            rated = _time(run.finished + RATED_AFTER)
            self.ratings.append("\t".join((run_id, str(run.person), str(stars), RATED_AS[stars], rated)))

    def _run(self, run: MadeRun, run_id: str, sums: Sums) -> str:
        recipe = run.recipe
        last = max(run.tasks, key=lambda task: task.part.position).part
        done = run.state == "succeeded"
        ids = (run_id, self._team, str(recipe.crew_id), str(recipe.version_id), run.state, "t", "normal")
        launch = (_copied(recipe.inputs[run.sample]), _copied(recipe.metadata[run.customer]), str(run.person))
        bounds = (str(FIRST_CAPS[name]) for name in RUN_CAPS)
        return "\t".join(
            (
                *(*ids, *launch, _text(recipe.token_id), "", "pause", *bounds),
                *(_time(run.created), _time(run.started), _time(run.finished), _time(run.created)),
                *(_time(run.cancel_requested), str(run.epoch), str(run.epoch - 1)),
                *(self._answer(run, last) if done else "", self._data(last) if done else NULL),
                *(run.error_code, run.error, str(2 + 2 * len(run.tasks) + 2 * sums.requests)),
                *("", "0", "0", "", "0"),
                *(str(run.stars), "1" if run.stars else "0"),
                *sums.texts(),
            )
        )

    def _task(self, run: MadeRun, run_id: str, task_id: str, task: MadeTask, sums: Sums) -> str:
        part = task.part
        done = task.state == "succeeded"
        return "\t".join(
            (
                *(task_id, run_id, part.key, str(part.position), _copied(part.title), part.agent, _copied(part.role)),
                *(task.state, _time(task.started), _time(task.finished)),
                *(self._answer(run, part) if done else "", self._data(part) if done else NULL),
                *(task.error_code, task.error, "", ""),
                *sums.texts(),
            )
        )

    def _call(self, run: MadeRun, run_id: str, task_id: str, call: MadeCall) -> str:
        is_model = call.kind == "model"
        replied = is_model and call.state != "error"
        latency = str((call.finished - call.started) // MS)
        finish = ("tool_calls" if call.asks_tool else "stop") if replied else ""
        started = _time(call.started)
        return "\t".join(
            (
                *(self._id(call.started, run), run_id, task_id, str(call.step), str(call.attempt), str(call.epoch)),
                *(
                    call.kind,
                    call.purpose,
                    call.cost_class,
                    call.refused_by,
                    call.state,
                    call.part.model if replied else "",
                ),
                *self._said(run, call, latency, finish),
                *(finish, call.error_code, call.error),
                *(str(call.prompt), str(call.cached), str(call.completion), str(call.reasoning)),
                *("t" if call.estimated else "f", str(call.counted), str(call.reserved), _text(call.cost)),
                *_parts(call),
                *(f"{started[:7]}-01", "t" if call.cache_hit else "f", _text(call.cache_age_s), _text(call.saved)),
                *(
                    str(call.waited_ms),
                    started,
                    _time(call.finished),
                    latency,
                    latency if is_model and call.prompt else "0",
                ),
                NULL,
                *_fixed(call.part, call.kind, self._team),
            )
        )

    def _said(self, run: MadeRun, call: MadeCall, latency: str, finish: str) -> tuple[str, ...]:
        """Messages, reply, tool, arguments, effect and the tool's output."""
        topic = run.recipe.topics[run.sample]
        if call.kind == "tool":
            if not self._texts:
                return "[]", NULL, call.tool, "", "pure", ""
            output = f"Error: {call.error}" if call.error else _copied(f"Simulated result for: {topic}")
            return "[]", NULL, call.tool, _arguments(call.tool, topic), "pure", output
        if not self._texts:
            return "[]", NULL, "", "", "pure", ""
        messages = _messages(call.part, topic, call.remark)
        if not finish:
            return messages, NULL, "", "", "pure", ""
        reply = _reply(call.part, topic, call.asks_tool)
        return messages, reply.replace("$USAGE", _usage(call)).replace("$MS", latency), "", "", "pure", ""

    def _answer(self, run: MadeRun, part: Part) -> str:
        return _answer_text(part, run.recipe.topics[run.sample]) if self._texts else ""

    def _data(self, part: Part) -> str:
        return _copied(part.data) if part.data is not None and self._texts else NULL

    def _id(self, moment: int, run: MadeRun) -> str:
        """A version 7 UUID: the time in milliseconds and the rest of it, then chance."""
        rest = (moment % MS * 4096 // MS) << 64
        tail = run.chance.getrandbits(62) ^ self._mask
        return f"{(moment // MS) << 80 | 0x7 << 76 | rest | 0b10 << 62 | tail:032x}"


def _usage(call: MadeCall) -> str:
    return (
        f'{{"prompt_tokens": {call.prompt}, "cached_prompt_tokens": {call.cached}, "cache_write_tokens": 0, '
        f'"completion_tokens": {call.completion}, "reasoning_tokens": {call.reasoning}, '
        f'"estimated": {"true" if call.estimated else "false"}}}'
    )


def _parts(call: MadeCall) -> tuple[str, ...]:
    """What the cost of an answered request is made of, by ``PARTS``; NULL of everything else."""
    rate = call.part.rate
    if rate is None or not call.prompt:
        return PARTLESS
    prompt, cached, completion = rate.parts_nusd(call.prompt, call.cached, call.completion)
    found = {"prompt_nusd": prompt, "cached_nusd": cached, "completion_nusd": completion}
    return tuple(str(found.get(part, 0)) for part in PARTS)


@lru_cache(KEPT)
def _fixed(part: Part, kind: str, team: str) -> tuple[str, ...]:
    """The columns of ``CALL_COLUMNS`` from ``team_id`` on, which are the same for all calls of a task."""
    is_model = kind == "model"
    price = part.rate.price if part.rate is not None and is_model else None
    usd = (price.input_usd_per_mtok, price.output_usd_per_mtok, price.cached_usd_per_mtok) if price else (None,) * 3
    return (
        *(team, part.agent, "", "t", part.model if is_model else "", "", part.params if is_model else "{}", ""),
        *("0", "", "0"),
        *map(_text, (*usd, price.cache_write_usd_per_mtok if price else None)),
    )


@lru_cache(KEPT)
def _messages(part: Part, topic: str, remark: str) -> str:
    said = [
        {"role": "system", "content": f"You are {part.role}."},
        {"role": "user", "content": f"{part.title}: {topic}"},
    ]
    if remark:
        said.append({"role": "user", "content": f"{remark} Answer again."})
    return _copied(json.dumps(said, ensure_ascii=False))


@lru_cache(KEPT)
def _reply(part: Part, topic: str, tool: str) -> str:
    """An ``LLMReply`` as JSON, with places for its usage and its milliseconds."""
    asked = [{"id": "call_0", "name": tool, "arguments": _argument_json(tool, topic)}] if tool else []
    text = "" if tool else part.data or _plain_answer(part, topic)
    words = json.dumps(text, ensure_ascii=False), json.dumps(asked, ensure_ascii=False)
    return _copied(
        f'{{"text": {words[0]}, "usage": $USAGE, "model": "{part.model}", "tool_calls": {words[1]}, '
        f'"finish_reason": "{"tool_calls" if tool else "stop"}", "ttft_ms": null, "latency_ms": $MS, '
        '"simulated": true, "provider_request_id": ""}'
    )


@lru_cache(KEPT)
def _arguments(tool: str, topic: str) -> str:
    return _copied(_argument_json(tool, topic))


def _argument_json(tool: str, topic: str) -> str:
    names = {"calculator": "expression", "scrape_website": "url"}
    values = {"calculator": "(1200 - 980) / 980 * 100", "scrape_website": "https://example.com/1"}
    return json.dumps({names.get(tool, "query"): values.get(tool, topic)}, ensure_ascii=False)


@lru_cache(KEPT)
def _answer_text(part: Part, topic: str) -> str:
    return _copied(part.data or _plain_answer(part, topic))


def _plain_answer(part: Part, topic: str) -> str:
    return f"Simulated answer in place of {part.model}: {part.title}, on {topic}"


@lru_cache(KEPT)
def _copied(text: str) -> str:
    """A text as a value of the COPY format."""
    for char, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(char, escape)
    return text


def _text(value: Any) -> str:
    return NULL if value is None else str(value)


def _time(moment: int | None) -> str:
    if moment is None:
        return NULL
    seconds, rest = divmod(moment, SECOND)
    minutes, seconds = divmod(seconds, 60)
    return f"{_minute(minutes)}:{seconds:02}.{rest:06}+00"


@lru_cache(KEPT)
def _minute(minutes: int) -> str:
    return f"{EPOCH + timedelta(minutes=minutes):%Y-%m-%d %H:%M}"


def joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
