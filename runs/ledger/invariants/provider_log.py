"""Compares the ledger with a provider's own log: each request that it billed has one row, with the same tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runs.ledger.invariants.check import Finding, look_at, moment
from runs.ledger.invariants.invariant import Invariant

PROVIDER_LOG = Invariant(
    "provider_log",
    "Every request in the provider's log has a row, one, with the tokens that the provider billed.",
    """
    WITH billed AS (
        SELECT * FROM unnest(%(ids)s::text[], %(prompts)s::bigint[], %(completions)s::bigint[])
        AS billed (id, prompt_tokens, completion_tokens)),
    booked AS (
        SELECT id, prompt_tokens, completion_tokens, started_at, finished_at, provider_request_id
        FROM runs_call WHERE provider_request_id = ANY(%(ids)s) AND NOT cache_hit AND NOT simulated),
    missing AS (SELECT id FROM billed WHERE id NOT IN (SELECT provider_request_id FROM booked)),
    unanswered AS (
        SELECT count(*) AS calls FROM runs_call, (SELECT min(started_at) AS first, max(finished_at) AS last FROM booked)
            AS period
        WHERE state IN ('intent', 'unknown') AND kind = 'model' AND NOT simulated AND (first IS NULL OR
            started_at BETWEEN first - interval '10 minutes' AND last + interval '10 minutes'))
    SELECT missing.id, 'no row' AS found,
           concat('a row: ', (SELECT count(*) FROM missing), ' have none, ', unanswered.calls,
                  ' calls of the time have no answer') AS expected
    FROM missing, unanswered WHERE (SELECT count(*) FROM missing) > unanswered.calls
    UNION ALL
    SELECT provider_request_id, concat(count(*), ' rows'), 'one row'
    FROM booked GROUP BY provider_request_id HAVING count(*) > 1
    UNION ALL
    SELECT concat(billed.id, ' ', what), kept::text, told::text
    FROM billed JOIN booked ON booked.provider_request_id = billed.id CROSS JOIN LATERAL (VALUES
        ('prompt_tokens', booked.prompt_tokens, billed.prompt_tokens),
        ('completion_tokens', booked.completion_tokens, billed.completion_tokens)) AS figure (what, kept, told)
    WHERE kept <> told
    """,
)
"""A reply that never arrived leaves a row without the provider's id. So ids without a row are in order as long as there
are as many calls without an answer, in the time that the log covers. One id more is money that nobody booked."""


@dataclass(frozen=True, slots=True)
class Billed:
    """A line of the log."""

    id: str
    prompt_tokens: int | None = None  # None: the log does not say
    completion_tokens: int | None = None


class UnreadableLog(ValueError):
    """A line is not a JSON object with an ``id`` and whole tokens; the text says which line."""


def read_log(lines: Iterable[str]) -> list[Billed]:
    """Reads JSON lines with ``id`` and, if the provider gives them, ``prompt_tokens`` and ``completion_tokens``."""
    return [_billed(line, number) for number, line in enumerate(lines, 1) if line.strip()]


def compare(billed: Iterable[Billed]) -> Finding:
    """How the ledger stands against what the provider billed."""
    requests = list(billed)
    columns = {
        "ids": [request.id for request in requests],
        "prompts": [request.prompt_tokens for request in requests],
        "completions": [request.completion_tokens for request in requests],
    }
    with moment():
        return look_at(PROVIDER_LOG, columns)


def _billed(line: str, number: int) -> Billed:
    try:
        data: Any = json.loads(line)
    except ValueError as error:
        raise UnreadableLog(f"Line {number} is not JSON.") from error
    if not isinstance(data, dict) or not isinstance(data.get("id"), str) or not data["id"]:
        raise UnreadableLog(f"Line {number} has no id.")
    tokens = [data.get(name) for name in ("prompt_tokens", "completion_tokens")]
    if any(count is not None and (not isinstance(count, int) or isinstance(count, bool)) for count in tokens):
        raise UnreadableLog(f"Line {number} has tokens that are no whole number.")
    return Billed(data["id"][:200], *tokens)
