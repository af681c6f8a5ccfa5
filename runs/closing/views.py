"""Pages that close a month and show its frozen bill."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from runs.closing.actions import close_month
from runs.closing.confirming import before_closing
from runs.closing.files import file_of
from runs.closing.page import shown
from runs.closing.queries import closed_bill, closing_log, month_or_404
from runs.closing.rates import Rate, rate_of
from runs.closing.words import title
from runs.models import ClosedBill
from teams.access import TeamRequest, member, visible_to
from teams.models import Role
from teams.refusals import Refusal


@member(Role.OWNER)
@require_http_methods(["GET", "POST"])
def close_bill(request: TeamRequest, month: str) -> HttpResponse:
    """What would be closed and what is still open; closes the month if that is confirmed."""
    which, refusal = month_or_404(month), None
    if request.method == "POST":
        try:
            bill = close_month(request.who, which)
        except Refusal as no:
            refusal = no
        else:
            messages.success(request, f"{title(which)} is closed as bill No. {bill.number}.")
            return redirect("closed_bill", team=request.who.team.slug, month=month)
    elif visible_to(request.who, ClosedBill).filter(month=which).exists():
        return redirect("closed_bill", team=request.who.team.slug, month=month)
    found = None
    try:
        found = before_closing(request.who, which)
    except Refusal as no:
        refusal = refusal or no
    context = {"title": title(which), "found": found, "refusal": refusal}
    return render(request, "runs/closing/close.html", context, status=refusal.status if refusal else 200)


@member(Role.VIEWER)
@require_GET
def closed_bill_page(request: TeamRequest, month: str) -> HttpResponse:
    """The frozen bill, to be read and printed. ``?currency=`` and ``?rate=`` show a second currency."""
    bill = closed_bill(request.who, month_or_404(month))
    rate, refusal = _typed_rate(request)
    context = {
        "bill": shown(bill, rate),
        "month": month,
        "title": title(bill.month),
        "rate": rate,
        "refusal": refusal,
        "typed": {name: request.GET.get(name, "")[:20] for name in ("currency", "rate")},
        "query": request.GET.urlencode() if rate else "",
    }
    return render(request, "runs/closing/closed.html", context, status=refusal.status if refusal else 200)


@member(Role.VIEWER)
@require_GET
def closed_bill_json(request: TeamRequest, month: str) -> HttpResponse:
    return _file(request, month, "json")


@member(Role.VIEWER)
@require_GET
def closed_bill_csv(request: TeamRequest, month: str) -> HttpResponse:
    return _file(request, month, "csv")


@member(Role.VIEWER)
@require_GET
def closed_bills(request: TeamRequest) -> HttpResponse:
    """The log of closed bills."""
    return render(request, "runs/closing/log.html", {"entries": closing_log(request.who)})


def _typed_rate(request: TeamRequest) -> tuple[Rate | None, Refusal | None]:
    try:
        return rate_of(request.GET), None
    except Refusal as refusal:
        return None, refusal


def _file(request: TeamRequest, month: str, suffix: str) -> HttpResponse:
    bill = closed_bill(request.who, month_or_404(month))
    try:
        return file_of(bill, suffix, rate_of(request.GET))
    except Refusal as refusal:
        context = {"refusal": refusal, "month": month, "title": title(bill.month)}
        return render(request, "runs/closing/refused.html", context, status=refusal.status)
