"""How fast a team asks each provider key for each model: shared by all its workers, because the ledger is what counts.

A lane is one key and one model. Requests of the last minute, their tokens and those in flight are rows of the ledger,
so a worker that dies leaves nothing behind that would have to be given back. The window is the engine's ``throttle``'s.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection

from engine.providers.throttle import DEFAULT_PAUSE_S, MAX_PAUSE_S, MINUTE_S
from engine.record.journal import CallOutcome
from runs.states import CallWait

POLL_S = 0.2
"""How soon a full window is looked at again: some other call's end opens it, which may be another process's."""
UNBOUNDED_WINDOW = 500.0
"""A window that has grown so far bounds nothing any more, and is forgotten."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """Which lane a request goes by, and the bounds that the team set for its key; None is no bound."""

    team: int
    credential: str
    model: str
    rpm: int | None = None
    tpm: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: it is worth asking again after so many seconds."""

    seconds: float
    what: CallWait = CallWait.RATE_LIMIT


class Queues:
    """Within one process, who waits for a lane waits in line, so that one request at a time asks the database."""

    def __init__(self) -> None:
        self._locks: dict[LaneLimits, asyncio.Lock] = defaultdict(asyncio.Lock)

    def of(self, lane: LaneLimits) -> asyncio.Lock:
        return self._locks[lane]


def lock_lanes(lanes: Collection[LaneLimits], *, begin: Collection[LaneLimits]) -> None:
    """Locks what is kept of these lanes, in one order, for this transaction; some are begun if nothing is kept yet.

    Those with limits of their own always are, since their requests have to be counted one after the other.
    """
    with connection.cursor() as cursor:
        if new := [lane for lane in lanes if lane in begin or lane.rpm or lane.tpm]:
            cursor.execute(BEGIN, _columns(new))
        cursor.execute(LOCK, _columns(lanes))


def _columns(lanes: Collection[LaneLimits]) -> dict[str, list[Any]]:
    return {
        "teams": [lane.team for lane in lanes],
        "credentials": [lane.credential for lane in lanes],
        "models": [lane.model for lane in lanes],
    }


def wait_of(lane: LaneLimits, *, tokens: int) -> Wait | None:
    """None if a request may be opened now, in this transaction, which has locked the lane."""
    with connection.cursor() as cursor:
        cursor.execute(READ, asdict(lane))
        row = cursor.fetchone()
        if row is None:
            return None
        window, pause_s = row
        if pause_s > 0:
            return Wait(float(pause_s))
        if window is not None:
            cursor.execute(IN_FLIGHT, asdict(lane))
            if cursor.fetchone()[0] >= max(1, int(window)):
                return Wait(POLL_S)
        return _rate_wait(cursor, lane, tokens)


def note(lane: LaneLimits, outcome: CallOutcome, *, call_id: Any) -> None:
    """Tells the lane how a request of it ended: a refusal for haste halves the window, an answer widens it."""
    with connection.cursor() as cursor:
        if not outcome.throttled:
            cursor.execute(GROW, asdict(lane) | {"unbounded": UNBOUNDED_WINDOW})
            return
        pause_s = DEFAULT_PAUSE_S if outcome.retry_after_s is None else min(outcome.retry_after_s, MAX_PAUSE_S)
        cursor.execute(IN_FLIGHT, asdict(lane))  # the refused one is settled by now, but it was one of them
        in_flight = cursor.fetchone()[0]
        cursor.execute(SHRINK, asdict(lane) | {"pause_s": pause_s, "in_flight": in_flight + 1, "call": call_id})


def _rate_wait(cursor: Any, lane: LaneLimits, tokens: int) -> Wait | None:
    """Until the oldest request of the last minute no longer counts; one larger than the limit goes alone."""
    if not lane.rpm and not lane.tpm:
        return None
    cursor.execute(LAST_MINUTE, asdict(lane) | {"minute_s": MINUTE_S})
    requests, used, left_s = cursor.fetchone()
    too_many = lane.rpm is not None and requests >= lane.rpm
    too_large = lane.tpm is not None and used > 0 and used + tokens > lane.tpm
    return Wait(max(POLL_S, float(left_s))) if too_many or too_large else None


BEGIN = """
    INSERT INTO runs_lane (team_id, credential, model)
    SELECT * FROM unnest(%(teams)s::bigint[], %(credentials)s::text[], %(models)s::text[])
        AS new (team, credential, model)
    WHERE NOT EXISTS (SELECT FROM runs_lane WHERE team_id = new.team
                      AND runs_lane.credential = new.credential AND runs_lane.model = new.model)
    ORDER BY team, credential, model
    ON CONFLICT (team_id, credential, model) DO NOTHING
"""

LOCK = """
    SELECT FROM runs_lane WHERE (team_id, credential, model) IN (
        SELECT * FROM unnest(%(teams)s::bigint[], %(credentials)s::text[], %(models)s::text[]))
    ORDER BY team_id, credential, model FOR UPDATE
"""

READ = """
    SELECT "window", coalesce(extract(epoch FROM paused_until - clock_timestamp()), 0) FROM runs_lane
    WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s
"""

IN_FLIGHT = """
    SELECT count(*) FROM runs_call
    WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s AND state = 'intent'
"""

LAST_MINUTE = """
    SELECT count(*),
           coalesce(sum(CASE state WHEN 'intent' THEN counted_tokens ELSE prompt_tokens + completion_tokens END), 0),
           coalesce(extract(epoch FROM min(started_at) + make_interval(secs => %(minute_s)s) - clock_timestamp()), 0)
    FROM runs_call
    WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s AND NOT cache_hit
      AND started_at > clock_timestamp() - make_interval(secs => %(minute_s)s)
"""

GROW = """
    UPDATE runs_lane SET "window" = CASE WHEN "window" < %(unbounded)s THEN "window" + 1 / "window" END
    WHERE id IN (
        SELECT id FROM runs_lane
        WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s AND "window" IS NOT NULL
        FOR UPDATE SKIP LOCKED)
"""
"""Skips a lane that was begun since this transaction took its locks: waiting for it could be a deadlock."""

SHRINK = """
    UPDATE runs_lane SET
        paused_until = greatest(paused_until, clock_timestamp() + make_interval(secs => %(pause_s)s)),
        "window" = CASE WHEN crowd THEN "window"
            ELSE greatest(1, least(coalesce("window", %(in_flight)s), %(in_flight)s) / 2.0) END,
        shrunk_at = CASE WHEN crowd THEN shrunk_at ELSE clock_timestamp() END
    FROM (SELECT coalesce(
              (SELECT started_at FROM runs_call WHERE id = %(call)s) <
              (SELECT shrunk_at FROM runs_lane
               WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s), false) AS crowd) AS seen
    WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s
"""
"""A refusal of a request that was asked before the window was last halved is of the same crowd: it halves nothing."""
