"""How fast a team asks each provider key for each model. All workers share it, because it is counted in the ledger.

A lane is one key and one model. Requests of the last minute, their tokens and requests in flight are rows of the
ledger, so a worker that dies leaves nothing to give back. The window follows the engine's ``throttle``.
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
"""How soon a full window is tried again. The end of a call makes room, and that may be another process's call."""
UNBOUNDED_WINDOW = 500.0
"""A window that has grown this wide bounds nothing any more and is dropped."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """The lane that a request goes by, and the bounds that the team set for its key."""

    team: int
    credential: str
    model: str
    rpm: int | None = None  # requests per minute; None: no bound
    tpm: int | None = None  # tokens per minute; None: no bound


@dataclass(frozen=True, slots=True)
class Wait:
    """The call may not be opened yet; it is worth trying again after ``seconds``."""

    seconds: float
    what: CallWait = CallWait.RATE_LIMIT


class Queues:
    """The lines in which a process's requests wait for their lanes, so that one of each asks the database at a time."""

    def __init__(self) -> None:
        self._locks: dict[LaneLimits, asyncio.Lock] = defaultdict(asyncio.Lock)

    def of(self, lane: LaneLimits) -> asyncio.Lock:
        return self._locks[lane]


def lock_lanes(lanes: Collection[LaneLimits], *, begin: Collection[LaneLimits]) -> None:
    """Locks the rows of these lanes for this transaction, in one order. Those in ``begin`` get a row if they have none.

    So do lanes with limits of their own, because their requests must be counted one after the other.
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
    """None if a request may be opened now, in this transaction, which has locked the lane. ``tokens`` is its count."""
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
    """Tells the lane how a request of it ended. A refusal for asking too often halves the window, others widen it."""
    with connection.cursor() as cursor:
        if not outcome.throttled:
            cursor.execute(GROW, asdict(lane) | {"unbounded": UNBOUNDED_WINDOW})
            return
        pause_s = DEFAULT_PAUSE_S if outcome.retry_after_s is None else min(outcome.retry_after_s, MAX_PAUSE_S)
        cursor.execute(IN_FLIGHT, asdict(lane))
        in_flight = cursor.fetchone()[0] + 1  # the refused one, which is settled by now
        cursor.execute(SHRINK, asdict(lane) | {"pause_s": pause_s, "in_flight": in_flight, "call": call_id})


def _rate_wait(cursor: Any, lane: LaneLimits, tokens: int) -> Wait | None:
    """Waits until the oldest request of the last minute no longer counts. A request above the limit goes alone."""
    if not lane.rpm and not lane.tpm:
        return None
    cursor.execute(LAST_MINUTE, asdict(lane) | {"minute_s": MINUTE_S})
    requests, used_tokens, left_s = cursor.fetchone()
    too_many = lane.rpm is not None and requests >= lane.rpm
    too_large = lane.tpm is not None and used_tokens > 0 and used_tokens + tokens > lane.tpm
    return Wait(max(POLL_S, float(left_s))) if too_many or too_large else None


# Makes the rows of lanes that have none.
BEGIN = """
    INSERT INTO runs_lane (team_id, credential, model)
    SELECT * FROM unnest(%(teams)s::bigint[], %(credentials)s::text[], %(models)s::text[])
        AS new (team, credential, model)
    WHERE NOT EXISTS (SELECT FROM runs_lane WHERE team_id = new.team
                      AND runs_lane.credential = new.credential AND runs_lane.model = new.model)
    ORDER BY team, credential, model
    ON CONFLICT (team_id, credential, model) DO NOTHING
"""

# Locks lanes, in the order of their keys.
LOCK = """
    SELECT FROM runs_lane WHERE (team_id, credential, model) IN (
        SELECT * FROM unnest(%(teams)s::bigint[], %(credentials)s::text[], %(models)s::text[]))
    ORDER BY team_id, credential, model FOR UPDATE
"""

# A lane's window, and for how many seconds it is paused yet.
READ = """
    SELECT "window", coalesce(extract(epoch FROM paused_until - clock_timestamp()), 0) FROM runs_lane
    WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s
"""

# How many of a lane's requests are open.
IN_FLIGHT = """
    SELECT count(*) FROM runs_call
    WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s AND state = 'intent'
"""

# A lane's requests and tokens of the last minute, and in how many seconds the oldest of them no longer counts.
LAST_MINUTE = """
    SELECT count(*),
           coalesce(sum(CASE state WHEN 'intent' THEN counted_tokens ELSE prompt_tokens + completion_tokens END), 0),
           coalesce(extract(epoch FROM min(started_at) + make_interval(secs => %(minute_s)s) - clock_timestamp()), 0)
    FROM runs_call
    WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s AND NOT cache_hit
      AND started_at > clock_timestamp() - make_interval(secs => %(minute_s)s)
"""

# Widens a lane's window. It skips a lane that was begun after this transaction took its locks, because waiting for that
# could be a deadlock.
GROW = """
    UPDATE runs_lane SET "window" = CASE WHEN "window" < %(unbounded)s THEN "window" + 1 / "window" END
    WHERE id IN (
        SELECT id FROM runs_lane
        WHERE team_id = %(team)s AND credential = %(credential)s AND model = %(model)s AND "window" IS NOT NULL
        FOR UPDATE SKIP LOCKED)
"""

# Pauses a lane and halves its window. A refused request that was sent before the window was last halved belongs to the
# same crowd and halves nothing.
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
