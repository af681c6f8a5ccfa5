"""The page of a team's prices."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from runs.models import PriceQuote
from runs.prices import actions
from runs.prices.forms import PriceForm, form_for
from runs.prices.queries import price_of, prices_of
from teams.access import TeamRequest, fetch, member, require
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Refusal


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def prices(request: TeamRequest) -> HttpResponse:
    """What models cost; for an owner with a form. ``?model=`` looks a model up and fills the form in."""
    if request.method == "GET":
        model = request.GET.get("model", "").strip()[: actions.MAX_MODEL_CHARS]
        looked_up = price_of(request.who, model) if model else None
        return _page(request, form_for(looked_up, model), looked_up=looked_up)
    require(request.who, Role.OWNER)
    form, status = PriceForm(request.POST), 422
    if form.is_valid():
        try:
            quote = actions.set_price(request.who, form.order())
        except Refusal as refusal:
            status = refusal.status
            show_refusal(form, refusal)
        else:
            messages.success(request, f"The price of {quote.model} holds for runs that begin from now on.")
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


def _page(request: TeamRequest, form: PriceForm, *, status: int = 200, **extra: object) -> HttpResponse:
    context = {"form": form, "prices": prices_of(request.who), "asks_again": "sure" in form.errors} | extra
    return render(request, "runs/prices/prices.html", context, status=status)
