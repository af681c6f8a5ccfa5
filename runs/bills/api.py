"""The API's bills and usage: the pages' figures by the same functions, as JSON, or as CSV if ``Accept`` says so."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from django.http import Http404
from django.utils import timezone
from ninja import Query, Router

from runs.api_csv import AS_CSV, csv_response, wants_csv
from runs.api_fields import YesOrNo
from runs.bill_sums.dimensions import PART
from runs.bill_sums.sums import Scope, sums_of, total
from runs.bills import answer, files
from runs.bills.asked import only_of
from runs.bills.bounds import one_answer
from runs.bills.calls import CALLS_A_PAGE, behind
from runs.bills.files import lines_csv
from runs.bills.lines import MOST_LINES, Line, dearest_first, in_parts, too_many
from runs.bills.months import month_lines
from runs.bills.schemas import BillCallList, BillOut, MonthList, Usage
from runs.bills.values import Names, checked_dimensions
from runs.months import month_named, this_month
from teams.access import Principal
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role
from teams.refusals import Invalid

usage_router = Router(tags=["bills"])
router = Router(tags=["bills"])

MOST_ITEMS = 10_000
MOST_USAGE_DAYS = 366
MOST_DIMENSIONS = 4
FIRST_YEAR = 2001
USUAL_DAYS = 30


@usage_router.get("", response={200: Usage, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def get_usage(
    request: ApiRequest,
    group_by: str = "crew",
    since: date | None = None,
    until: date | None = None,
    simulated: YesOrNo = "no",
) -> Any:
    """What calls used and cost, by up to four of crew, version, agent, model, credential, person, token, batch,
    class, waste, kind, day, part and label:NAME, with commas between them. `since` and `until` are days in UTC; `until`
    is the first day that is not in it. Any of these names as a parameter narrows it, as `crew=support`.

    Calls count as they stand now, whatever a closed bill has: counter-lines are on bills alone. With
    `Accept: text/csv` the same lines come as CSV."""
    by, (first, last), only = _by(group_by), _days(since, until), only_of(request.GET)
    as_csv = wants_csv(request)
    most = MOST_LINES if as_csv else MOST_ITEMS
    with one_answer():
        scope = Scope(request.auth, simulated == "yes", None, first, last, answer.raw_only(request.auth, only))
        lines = _lines(request.auth, scope, by, most=most + 1)
        if len(lines) > most:
            raise too_many(most, field="group_by")
        if as_csv:
            return csv_response(lines_csv(f"{first}/{last}", scope.simulated, by, lines))
        whole = total(sums_of(scope).values())
    return answer.usage(by, scope, lines, whole)


@router.get("", response={200: MonthList, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def list_bills(request: ApiRequest, simulated: YesOrNo = "no") -> Any:
    """The newest 36 months, newest first. Simulated money is on no bill; it has the same months."""
    made_up = simulated == "yes"
    months = month_lines(request.auth, simulated=made_up)
    if wants_csv(request):
        return csv_response(files.months_csv(months, simulated=made_up))
    return {"items": [answer.month(line, made_up) for line in months]}


@router.get("/{month}", response={200: BillOut, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def get_bill(
    request: ApiRequest,
    month: str,
    simulated: YesOrNo = "no",
    group_by: Annotated[str, Query(description="of the CSV: up to four dimensions with commas between them")] = "",
) -> Any:
    """The bill of a month, written as 2026-11. Names of dimensions as parameters narrow it, as `model=gpt-4o` or
    `label:customer=Alder`. With `Accept: text/csv` its lines come as CSV, by what `group_by` says, or by all
    dimensions and the labels that are used most."""
    first = _existing(month)
    made_up, only, by = simulated == "yes", only_of(request.GET), _by(group_by)
    if not wants_csv(request):
        return answer.bill(request.auth, first, only, simulated=made_up)
    return csv_response(files.lines(request.auth, first, by, only, simulated=made_up, field="group_by"))


@router.get("/{month}/calls", response={200: BillCallList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_bill_calls(
    request: ApiRequest, month: str, simulated: YesOrNo = "no", cursor: str = "", limit: int = CALLS_A_PAGE
) -> dict[str, Any]:
    """The calls behind a figure of a month's bill, newest first. Names of dimensions as parameters narrow them, as
    `model=gpt-4o` or `label:customer=Alder`."""
    first = _existing(month)
    only, most = only_of(request.GET), max(1, min(limit, CALLS_A_PAGE))
    return answer.calls_behind(
        behind(request.auth, first, only, simulated=simulated == "yes", cursor=cursor, limit=most)
    )


def _existing(month: str) -> date:
    first = month_named(month)
    if first is None or first > this_month():
        raise Http404
    return first


def _by(group_by: str) -> tuple[str, ...]:
    by = checked_dimensions(group_by.split(","), field="group_by")
    if len(by) > MOST_DIMENSIONS:
        raise Invalid(f"Group by {MOST_DIMENSIONS} at most.", fields={"group_by": f"At most {MOST_DIMENSIONS}."})
    return by


def _days(since: date | None, until: date | None) -> tuple[date, date]:
    """The last ``USUAL_DAYS`` if neither is given."""
    for name, day in (("since", since), ("until", until)):
        if day is not None and day.year < FIRST_YEAR:
            raise Invalid(f"There was no call before {FIRST_YEAR}.", fields={name: f"Give a day from {FIRST_YEAR} on."})
    last = until or timezone.now().date() + timedelta(days=1)
    first = since or last - timedelta(days=USUAL_DAYS)
    if first >= last:
        raise Invalid("since is not before until.", fields={"since": "Give a day before until."})
    if (last - first).days > MOST_USAGE_DAYS:
        raise Invalid(f"Ask for {MOST_USAGE_DAYS} days at most.", fields={"since": f"At most {MOST_USAGE_DAYS} days."})
    return first, last


def _lines(who: Principal, scope: Scope, by: tuple[str, ...], *, most: int) -> list[Line]:
    rows = tuple(name for name in by if name != PART)
    sums = sums_of(scope, rows, most=most)
    names = Names(who, rows, sums)
    lines = [Line(names.of(key), row) for key, row in sums.items()]
    return dearest_first(in_parts(lines, by.index(PART)) if PART in by else lines)
