"""Reads of checks against providers, and what the ledger has of the days of an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString
from urllib.parse import urlsplit

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from engine.catalogue.model_ids import provider_of
from runs.ledger.token_spend import FEES_NUSD
from runs.models import Corrects, ExportColumns, Reconciliation, TheirKey
from runs.reconciliation.matching.ours import SUMMED, OurCell, Ours
from runs.sql import listed, rows_as, statement
from teams.access import Principal, visible_to
from teams.models import ProviderKey, Team
from teams.refusals import Invalid
from teams.work_bounds import query_time

SECONDS = 20.0
MOST_CELLS = 10_000
TOO_LONG = "The ledger has too much in these days to be compared at once. Export fewer days."
HOSTS = ("openai.com", "anthropic.com")
"""Of a key's base URL: where providers bill themselves."""

UNKNOWN: LiteralString = "call.state = 'unknown'"
# When a call of unknown outcome ended nobody knows, and a figure that came late took the time at which it came.
ENDED_LATER: LiteralString = (
    "(call.finished_at AT TIME ZONE 'UTC')::date > (call.started_at AT TIME ZONE 'UTC')::date"
    f" AND NOT {UNKNOWN} AND correction.why IS DISTINCT FROM '{Corrects.LATE.value}'"
)
FIGURES: dict[str, LiteralString] = {
    "calls": "count(*)",
    "prompt": "sum(call.prompt_tokens)",
    "cached": "sum(call.cached_prompt_tokens)",
    "cache_write": "sum(call.cache_write_tokens)",
    "completion": "sum(call.completion_tokens)",
    "nusd": "sum(call.cost_nusd)",
    "fees_nusd": f"sum({FEES_NUSD})",
    "unpriced": "count(*) FILTER (WHERE call.cost_nusd IS NULL)",
    "estimated": "count(*) FILTER (WHERE call.usage_estimated)",
    "unknown": f"count(*) FILTER (WHERE {UNKNOWN})",
    "unknown_nusd": f"sum(call.cost_nusd) FILTER (WHERE {UNKNOWN})",
    "corrected": "count(correction.id)",
    "corrected_nusd": "sum(correction.cost_nusd - correction.booked_nusd)",
    "crossing": f"count(*) FILTER (WHERE {ENDED_LATER})",
    "crossing_tokens": f"sum(call.prompt_tokens + call.completion_tokens) FILTER (WHERE {ENDED_LATER})",
    "crossing_nusd": f"sum(call.cost_nusd) FILTER (WHERE {ENDED_LATER})",
}
# A call's month is that of the statement that opened it, its start that of the transaction: at midnight they differ.
CALLS = statement(
    """
    SELECT to_char(call.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, call.model,
        call.model_answered AS answered, call.credential, {figures}
    FROM runs_call AS call LEFT JOIN runs_correction AS correction ON correction.call_id = call.id
    WHERE call.team_id = %(team)s AND call.billed_month >= %(first_month)s AND call.billed_month <= %(last_month)s
        AND call.started_at >= %(since)s AND call.started_at < %(until)s
        AND NOT call.simulated AND NOT call.cache_hit AND call.kind = 'model' AND call.state <> 'intent'
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT %(most)s
    """,
    figures=listed(f"coalesce({FIGURES[name]}, 0)::bigint AS {name}" for name in SUMMED),
)


def checks_of(who: Principal) -> QuerySet[Reconciliation]:
    """All of the team, the newest first, without their figures."""
    return visible_to(who, Reconciliation).defer("theirs", "ours", "notes").select_related("made_by")


def our_cells(who: Principal, provider: str, since: date, until: date) -> Ours:
    """Real model calls that began on these days in UTC, as far as they have ended. ``provider`` "": of all.

    Raises ``Invalid`` if the database would take too long.
    """
    values: dict[str, Any] = {
        "most": MOST_CELLS + 1,
        "team": who.team.pk,
        "first_month": since.replace(day=1),
        "last_month": (until + timedelta(days=1)).replace(day=1),
        "since": datetime(since.year, since.month, since.day, tzinfo=UTC),
        "until": datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1),
    }
    with query_time(SECONDS, TOO_LONG, field="uploads"), connection.cursor() as cursor:
        cursor.execute(CALLS, values)
        cells: list[OurCell] = rows_as(OurCell, cursor)
    if len(cells) > MOST_CELLS:
        raise Invalid(TOO_LONG, fields={"uploads": TOO_LONG})
    asked = [cell for cell in cells if provider in ("", _provider(cell))]
    return Ours(asked, _own_servers(who.team), timezone.now().date().isoformat())


def their_keys(who: Principal, provider: str) -> Mapping[str, str]:
    """What people said: to which of our keys each of the provider's belongs."""
    said = visible_to(who, TheirKey).filter(provider=provider)
    return dict(said.order_by("name").values_list("name", "credential"))


def our_keys(who: Principal, provider: str) -> Sequence[str]:
    """The team's keys of the provider, as calls name them."""
    keys = visible_to(who, ProviderKey).order_by("provider", "name")
    return [str(key) for key in (keys.filter(provider=provider) if provider else keys)]


def remembered_choice(who: Principal, digest: str) -> Mapping[str, Any] | None:
    """What was said of columns with this head."""
    kept = visible_to(who, ExportColumns).filter(digest=digest).first()
    return None if kept is None else kept.choice  # type: ignore[no-any-return]


def _provider(cell: OurCell) -> str:
    return cell.credential.partition("/")[0] or provider_of(cell.model) or ""


def _own_servers(team: Team) -> list[str]:
    keys = ProviderKey.objects.filter(team=team).exclude(base_url="").order_by("pk")
    return [str(key) for key in keys if not (urlsplit(key.base_url).hostname or "").endswith(HOSTS)]
