"""Pages of bills: the list of months, a month, the calls behind a figure, and a month as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from runs.bill_sums.dimensions import title_of
from runs.bills import files
from runs.bills.asked import Asked, asked, only_of
from runs.bills.calls import behind
from runs.bills.charges import WEIGHS
from runs.bills.drawing.call_rows import call_rows
from runs.bills.drawing.pivot_rows import PivotTable
from runs.bills.lines import Line
from runs.bills.months import month_lines
from runs.bills.page import SHOWN_PARTS, BillPage, bill_page
from runs.bills.why import BillPart
from runs.bills.words import title_of_part
from runs.months import month_named, this_month
from runs.real_or_simulated import REAL, SIMULATED, chosen, is_simulated, money_of, remembered
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Refusal, TooMany, with_retry_after
from teams.work_bounds import TOOK_TOO_LONG

SHOWN_UNPRICED = 5


@member(Role.VIEWER)
@require_GET
def bills(request: TeamRequest) -> HttpResponse:
    simulated = _simulated(request)
    try:
        months = month_lines(request.who, simulated=simulated)
    except Refusal as refusal:
        return _refused(request, refusal, "No bills now")
    most = max((line.sums.spent_nusd for line in months), default=0)
    context = {"months": months, "simulated": simulated, "most_nusd": most}
    return remembered(request, render(request, "runs/bills/bills.html", context))


@member(Role.VIEWER)
@require_GET
def bill(request: TeamRequest, month: str) -> HttpResponse:
    """A month by what the address asks. What is wrong with that is said, and the whole month shown."""
    first, simulated, status, error = _month(month), _simulated(request), 200, ""
    try:
        page = bill_page(request.who, first, asked(request.GET), simulated=simulated)
    except Refusal as refusal:
        if isinstance(refusal, TooMany) or refusal.code == TOOK_TOO_LONG:
            return _refused(request, refusal, f"No bill of {first:%B %Y} now", first)
        status, error = refusal.status, refusal.message
        try:
            page = bill_page(request.who, first, Asked(money=money_of(request.GET)), simulated=simulated)
        except Refusal as no:
            return _refused(request, no, f"No bill of {first:%B %Y} now")
    context = _context(request, page, error)
    return remembered(request, render(request, "runs/bills/bill.html", context, status=status))


def _refused(request: TeamRequest, refusal: Refusal, title: str, month: date | None = None) -> HttpResponse:
    """``month``: to whose page it links."""
    context = {"refusal": refusal, "title": title, "month": month}
    return with_retry_after(render(request, "runs/bills/refused.html", context, status=refusal.status), refusal)


def _context(request: TeamRequest, page: BillPage, error: str) -> dict[str, Any]:
    """What the page shows, with the addresses of the calls behind its figures."""
    wanted, addresses = page.asked, {"team": request.who.team.slug, "month": f"{page.month:%Y-%m}"}
    calls = reverse("bill_calls", kwargs=addresses)

    def linked(lines: Sequence[Line], name: str) -> list[tuple[Line, str]]:
        return [(line, wanted.narrowed(name, line.values[0].code).calls_query()) for line in lines]

    parts = page.why.parts if page.why else ()
    return {
        "page": page,
        "error": error,
        "table": PivotTable(page.pivot, wanted, page=reverse("bill", kwargs=addresses), calls=calls),
        "by_title": [title_of(name) for name in wanted.by],
        "over_title": title_of(wanted.over) if wanted.over else "",
        "why_parts": [_why_row(part, wanted) for part in parts[:SHOWN_PARTS]],
        "why_rest": parts[SHOWN_PARTS:],
        "why_rest_nusd": sum(part.nusd for part in parts[SHOWN_PARTS:]),
        "weighs": WEIGHS.items(),
        "calls": calls,
        "csv": reverse("bill_csv", kwargs=addresses),
        "query": wanted.query(),
        "calls_query": wanted.calls_query(),
        "real": wanted.query(money=REAL),
        "made_up": wanted.query(money=SIMULATED),
        "waste": linked(page.waste, "waste"),
        "classes": linked(page.classes, "class"),
        "unpriced": linked(page.unpriced[:SHOWN_UNPRICED], "model"),
        "more_unpriced": len(page.unpriced[SHOWN_UNPRICED:]),
    }


def _why_row(part: BillPart, wanted: Asked) -> tuple[BillPart, str, str]:
    """The part, its title, and the query of the page narrowed to its crew."""
    return part, title_of_part(part), wanted.narrowed("crew", part.crew.code).query()


@member(Role.VIEWER)
@require_GET
def bill_calls(request: TeamRequest, month: str) -> HttpResponse:
    """The calls behind a figure, in pages. ``?cursor=`` asks for a page of theirs."""
    first, simulated = _month(month), _simulated(request)
    try:
        only, cursor = only_of(request.GET), request.GET.get("cursor", "")
    except Refusal as refusal:
        return _refused(request, refusal, f"No calls of {first:%B %Y}", first)
    wanted = Asked(only=only, money=money_of(request.GET))
    context: dict[str, Any] = {
        "month": first,
        "simulated": simulated,
        "asked": wanted,
        "calls_query": wanted.calls_query(),
        "page_address": reverse("bill", kwargs={"team": request.who.team.slug, "month": f"{first:%Y-%m}"}),
    }
    try:
        found = behind(request.who, first, only, simulated=simulated, cursor=cursor)
    except Refusal as refusal:
        context |= {
            "error": refusal.message,
            "chips": [(title_of(name), code or "none") for name, code in only.items()],
        }
        return with_retry_after(render(request, "runs/bills/calls.html", context, status=refusal.status), refusal)
    context |= {
        "found": found,
        "rows": call_rows(request.who, found.page.items),
        "chips": [(title_of(name), value.name) for name, value in zip(only, found.values, strict=True)],
    }
    return render(request, "runs/bills/calls.html", context)


@member(Role.VIEWER)
@require_GET
def bill_csv(request: TeamRequest, month: str) -> HttpResponse:
    """The month as the address divides it; ``?lines=all``: by everything; ``?table=charges``: whom it is charged to."""
    first, simulated = _month(month), _simulated(request)
    try:
        text = _file(request, first, simulated)
    except Refusal as refusal:
        return _refused(request, refusal, f"No file of {first:%B %Y}", first)
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    kind = "-simulated" if simulated else ""
    response["Content-Disposition"] = f'attachment; filename="{request.who.team.slug}-{first:%Y-%m}{kind}.csv"'
    return response


def _file(request: TeamRequest, month: date, simulated: bool) -> str:
    wanted = asked(request.GET)
    if request.GET.get("table") == "charges":
        return files.charges(request.who, month, wanted, simulated=simulated)
    by = () if request.GET.get("lines") == "all" else wanted.by
    return files.lines(request.who, month, by, wanted.only, simulated=simulated)


def _month(text: str) -> date:
    month = month_named(text)
    if month is None or month > this_month():
        raise Http404("There is no such month.")
    return month


def _simulated(request: TeamRequest) -> bool:
    return is_simulated(request.who, chosen(request))
