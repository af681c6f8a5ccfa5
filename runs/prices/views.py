"""The pages of a team's prices."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engine.text import counted
from runs.models import PriceQuote
from runs.money import dollars
from runs.prices import actions
from runs.prices.forms import PriceForm, form_for
from runs.prices.month import MOST_CALLS, month_by_list
from runs.prices.queries import count_listed, history_of, listed, price_of, prices_of
from teams.access import TeamRequest, fetch, member, require
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Refusal, with_retry_after

MAX_WORDS_CHARS = 200


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def prices(request: TeamRequest) -> HttpResponse:
    """What models cost; for an owner with a form. ``?model=`` looks a model up and fills the form in."""
    if request.method == "GET":
        model = _model(request)
        looked_up = price_of(request.who, model) if model else None
        return _page(request, form_for(looked_up, model), looked_up=looked_up)
    require(request.who, Role.OWNER)
    form, status = PriceForm(request.POST), 422
    if form.is_valid():
        try:
            quote = actions.set_price(request.who, form.order())
        except Refusal as refusal:
            status = refusal.status
            refusal.fields = form.show_at(refusal.fields)
            show_refusal(form, refusal)
        else:
            messages.success(request, _told(form, quote))
            return redirect("prices", team=request.who.team.slug)
    return _page(request, form, status=status)


@member(Role.OWNER)
@require_POST
def take_back(request: TeamRequest, pk: int) -> HttpResponse:
    quote = fetch(PriceQuote, request.who, Role.OWNER, pk=pk)
    if actions.take_back(request.who, quote):
        messages.success(request, f"Your own price of {quote.model} is taken back. What was booked with it stays.")
    else:
        messages.info(request, f"That price of {quote.model} was in force no longer. See below which one is.")
    return redirect("prices", team=request.who.team.slug)


@member(Role.OWNER)
@require_POST
def book_unpriced(request: TeamRequest) -> HttpResponse:
    """Books the open months' calls of a model that had no price at the one that holds now."""
    try:
        booked = actions.book_unpriced(request.who, request.POST.get("model", ""))
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        left = f" {booked.left:,} are left: book them too." if booked.left else ""
        messages.success(
            request, f"{counted(booked.calls, 'call')} without a price booked, {dollars(booked.nusd)} in all.{left}"
        )
    return redirect("prices", team=request.who.team.slug)


@member(Role.VIEWER)
@require_GET
def price_list(request: TeamRequest) -> HttpResponse:
    """The default list as it is in force, searchable."""
    q = request.GET.get("q", "").strip()[:MAX_WORDS_CHARS]
    page = listed(request.who, q, after=request.GET.get("after", "")[: actions.MAX_MODEL_CHARS])
    return render(request, "runs/prices/list.html", {"page": page, "q": q, "count": count_listed(q)})


@member(Role.VIEWER)
@require_GET
def price_history(request: TeamRequest) -> HttpResponse:
    """What held for a model, and since when."""
    model = _model(request)
    context = {"model": model, "current": price_of(request.who, model), "past": history_of(request.who, model)}
    return render(request, "runs/prices/history.html", context)


@member(Role.VIEWER)
@require_GET
def prices_month(request: TeamRequest) -> HttpResponse:
    """What this month would cost by the list as it is now."""
    try:
        found, refusal = month_by_list(request.who), None
    except Refusal as too_many:
        found, refusal = None, too_many
    context = {"found": found, "refusal": refusal, "most_calls": MOST_CALLS}
    response = render(request, "runs/prices/month.html", context, status=refusal.status if refusal else 200)
    return with_retry_after(response, refusal)


def _model(request: TeamRequest) -> str:
    return request.GET.get("model", "").strip()[: actions.MAX_MODEL_CHARS]


def _told(form: PriceForm, quote: PriceQuote) -> str:
    since = "from now on" if form.order().begins_at is None else f"from {quote.begins_at:%Y-%m-%d} on"
    return f"The price of {quote.model} holds for runs that begin {since}."


def _page(request: TeamRequest, form: PriceForm, *, status: int = 200, **extra: object) -> HttpResponse:
    found = prices_of(request.who)
    context = {
        "form": form,
        "prices": found,
        "unpriced": [price for price in found if price.unpriced_calls],
        "asks_again": "sure" in form.errors,
    } | extra
    return render(request, "runs/prices/prices.html", context, status=status)
