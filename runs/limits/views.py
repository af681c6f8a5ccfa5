"""The page of a team's limits, and putting an alert away. ``actions`` decides what may be set."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from runs.bounds import run_caps
from runs.bounds.standings import Standings, standings
from runs.forecast.page import budget_lines
from runs.limits.actions import limits_of, set_limits
from runs.limits.forms import LimitsForm
from runs.models import Alert
from runs.notices import alerts
from runs.words import AT_LIMIT_WORDS
from teams.access import TeamRequest, fetch, member, require
from teams.forms import show_refusal
from teams.models import AtLimit, Role
from teams.refusals import Conflict, Refusal


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def limits_page(request: TeamRequest) -> HttpResponse:
    """A form for an owner; for others the limits and what this month's budgets stand at."""
    month, limits = standings(request.who), limits_of(request.who.team)
    if request.method == "GET":
        return _page(request, month, LimitsForm(limits, month.members))
    require(request.who, Role.OWNER)
    form = LimitsForm(limits, month.members, request.POST)
    status = 422
    if form.is_valid():
        try:
            set_limits(request.who, form.limits(), seen=form.cleaned_data["seen"])
        except Refusal as refusal:
            status = refusal.status
            show_refusal(form, refusal)
            if isinstance(refusal, Conflict):
                form.take_seen(limits)
        else:
            messages.success(request, "The limits are saved and hold from now on. Runs that they now cover go on.")
            return redirect("limits", team=request.who.team.slug)
    return _page(request, month, form, status=status)


@member(Role.VIEWER)
@require_POST
def dismiss(request: TeamRequest, pk: int) -> HttpResponse:
    """Puts the alert away for this person, and leads back to the page that they were on."""
    alerts.dismiss(request.who, fetch(Alert, request.who, pk=pk))
    back = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return HttpResponseRedirect(back)  # redirect() takes a plain word for the name of a view
    return redirect("limits", team=request.who.team.slug)


def _page(request: TeamRequest, month: Standings, form: LimitsForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "found": month,
        "forecasts": budget_lines(request.who, month),
        "caps": run_caps.in_words(request.who.team),
        "at_limit": AT_LIMIT_WORDS[AtLimit(request.who.team.at_limit)],
        "history": alerts.listed(request.who),
        "mail_is_set_up": settings.EMAIL_READY,
    }
    return render(request, "runs/limits/limits.html", context, status=status)
