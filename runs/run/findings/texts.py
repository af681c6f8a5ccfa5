"""Words looked for in the texts of all calls of a run: messages, answers, arguments, tools' outputs and errors.

The work is bounded: so many calls a batch, so many results a page, and the time of all statements together.
"""

from __future__ import annotations

import string
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from runs.models import Call, Run
from teams.refusals import Invalid
from teams.work_bounds import Places, query_time

MAX_CHARS = 100
BATCH = 200
SHOWN_CALLS = 50
SHOWN_PLACES = 3
ENOUGH_S = 1.5
"""After so long no further batch is begun; the page offers to go on."""
SECONDS = 3.0
TOO_LONG = "These calls hold too much text to be looked through at once. Look for a shorter word, or open a call."
BEFORE, AFTER = 60, 140
NIL = UUID(int=0)
PLACES = Places(2, "Others search at the moment. Try again in some seconds.")
ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

SEARCH = """
    SELECT call.id, place.what, place.number, place.role, found.at,
           substr(place.text, greatest(1, found.at - %(before)s), %(chars)s)
    FROM (SELECT id, messages, reply, arguments, tool_output, error FROM runs_call
          WHERE run_id = %(run)s AND id > %(after)s ORDER BY id LIMIT %(batch)s) AS call
    CROSS JOIN LATERAL (
        SELECT 1 AS rank, 'answer' AS what, 0 AS number, '' AS role, call.reply->>'text' AS text
        UNION ALL SELECT 2, 'tools', 0, '', nullif(call.reply->>'tool_calls', '[]')
        UNION ALL SELECT 3, 'arguments', 0, '', call.arguments
        UNION ALL SELECT 4, 'output', 0, '', call.tool_output
        UNION ALL SELECT 5, 'error', 0, '', call.error
        UNION ALL SELECT 7, 'reasoning', 0, '', nullif(call.reply->>'reasoning', '')
        UNION ALL SELECT 6, 'message', message.number::int, message.value->>'role', message.value->>'content'
        FROM json_array_elements(CASE json_typeof(call.messages) WHEN 'array' THEN call.messages ELSE '[]' END)
            WITH ORDINALITY AS message (value, number)
    ) AS place
    CROSS JOIN LATERAL (
        SELECT min(nullif(strpos(lower(place.text), needle), 0)) AS at FROM unnest(%(needles)s::text[]) AS needle
    ) AS found
    WHERE found.at > 0
    ORDER BY call.id, place.rank, place.number
"""
IDS = "SELECT id FROM runs_call WHERE run_id = %(run)s AND id > %(after)s ORDER BY id LIMIT %(batch)s"

ANCHORS = {
    "answer": "message-reply",
    "reasoning": "reasoning-reply",
    "tools": "message-reply",
    "arguments": "text-arguments",
    "output": "text-given",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a call the words stand, and what is around them."""

    what: str  # "answer", "reasoning", "tools", "arguments", "output", "error" or "message"
    number: int  # of a message, from 1
    role: str
    before: str
    match: str
    after: str

    @property
    def anchor(self) -> str:
        """Of the text on the call's page."""
        return f"message-{self.number}" if self.what == "message" else ANCHORS.get(self.what, "content")


@dataclass(frozen=True, slots=True)
class Found:
    call: Call
    places: Sequence[Place]  # the first ``SHOWN_PLACES``
    more: int


@dataclass(frozen=True, slots=True)
class Texts:
    """``after``: the call after which the search goes on, None where all calls were looked through."""

    found: Sequence[Found]
    searched: int  # calls
    after: UUID | None


def search_texts(run: Run, words: str, *, after: UUID | None = None) -> Texts:
    """Calls whose texts hold the words, in the order in which they were opened.

    Raises ``Invalid`` for no or too many words, or if a batch takes too long, and ``Busy`` if others search.
    """
    if not words.strip():
        raise Invalid("Type what to look for.", fields={"q": "Type what to look for."})
    if len(words) > MAX_CHARS:
        refusal = f"Look for at most {MAX_CHARS} characters."
        raise Invalid(refusal, fields={"q": refusal})
    places: dict[UUID, list[Place]] = {}
    searched, last, until = 0, after or NIL, time.monotonic() + ENOUGH_S
    has_more = True
    with PLACES.one(), query_time(SECONDS, TOO_LONG, field="q") as go_on:
        while has_more and len(places) < SHOWN_CALLS and time.monotonic() < until:
            go_on()
            last, count, found = _batch(run, words, last)
            searched += count
            has_more = count == BATCH
            for call_id, place in found:
                places.setdefault(call_id, []).append(place)
    shown = list(places)[:SHOWN_CALLS]
    if len(places) > SHOWN_CALLS:
        last, has_more = shown[-1], True
    calls = Call.objects.filter(pk__in=shown).select_related("task_run")
    by_id = calls.defer("messages", "reply", "tool_output", "arguments", "params").in_bulk()
    return Texts(
        [Found(by_id[pk], places[pk][:SHOWN_PLACES], max(0, len(places[pk]) - SHOWN_PLACES)) for pk in shown],
        searched,
        last if has_more else None,
    )


def _batch(run: Run, words: str, after: UUID) -> tuple[UUID, int, list[tuple[UUID, Place]]]:
    """The batch's last call, how many calls it has, and where the words stand in them."""
    which: dict[str, Any] = {"run": run.pk, "after": after, "batch": BATCH}
    what: dict[str, Any] = {"needles": _spellings(words), "before": BEFORE, "chars": BEFORE + len(words) + AFTER}
    with connection.cursor() as cursor:
        cursor.execute(IDS, which)
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(SEARCH, which | what)
        return ids[-1] if ids else after, len(ids), [(row[0], _place(words, *row[1:])) for row in cursor.fetchall()]


def _place(words: str, what: str, number: int, role: str | None, at: int, excerpt: str) -> Place:
    start = min(at - 1, BEFORE)
    stop = start + len(words)
    return Place(what, number, (role or "")[:40], excerpt[:start], excerpt[start:stop], excerpt[stop:])


def _spellings(words: str) -> list[str]:
    """PostgreSQL's ``lower`` may know ASCII alone, so words of other letters are looked for as they may be written."""
    written = (words, words.lower(), words.upper(), words.capitalize(), words.title())
    return list(dict.fromkeys(one.translate(ASCII_LOWER) for one in written))
