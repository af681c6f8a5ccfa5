"""Setting how long texts of runs are kept, on a page of its own behind the limits."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from engine.text import counted
from runs.retention.actions import keep_texts
from runs.retention.forms import KeepTextsForm
from teams.access import TeamRequest, member
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Refusal


@member(Role.OWNER)
@require_http_methods(["GET", "POST"])
def kept_texts(request: TeamRequest) -> HttpResponse:
    """For owners: the number of days, with what goes and what stays."""
    team = request.who.team
    if request.method == "GET":
        return _page(request, KeepTextsForm(initial={"days": team.keep_texts_days}))
    form = KeepTextsForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            keep_texts(request.who, form.cleaned_data["days"])
        except Refusal as refusal:
            status = refusal.status
            show_refusal(form, refusal)
        else:
            messages.success(request, _said(form.cleaned_data["days"]))
            return redirect("limits", team=team.slug)
    return _page(request, form, status=status)


def _said(days: int | None) -> str:
    if days is None:
        return "Texts of runs are kept for ever from now on."
    return (
        f"Texts of runs that ended more than {counted(days, 'day')} ago are removed within minutes; their figures stay."
    )


def _page(request: TeamRequest, form: KeepTextsForm, *, status: int = 200) -> HttpResponse:
    return render(request, "runs/retention/kept_texts.html", {"form": form}, status=status)
