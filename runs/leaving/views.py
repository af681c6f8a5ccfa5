"""The page that is asked before somebody leaves a team."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from engine.text import counted
from runs.leaving.actions import leave
from runs.leaving.forms import LeaveForm
from runs.leaving.queries import belongings
from teams.access import TeamRequest, fetch, member, require
from teams.models import Membership, Role
from teams.refusals import Refusal


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def remove_member(request: TeamRequest, pk: int) -> HttpResponse:
    """An owner takes somebody out; anybody leaves."""
    membership = fetch(Membership, request.who, related=("user",), pk=pk)
    is_self = membership.user_id == request.who.user.pk
    if not is_self:
        require(request.who, Role.OWNER)
    if request.method == "GET":
        return _page(request, membership, LeaveForm())
    form = LeaveForm(request.POST)
    if not form.is_valid():
        return _page(request, membership, form, status=422)
    try:
        cancelled = leave(request.who, membership, cancel_runs=form.cleaned_data["runs"] == "cancel")
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return _page(request, membership, form, status=refusal.status)
    asked = f" {counted(cancelled, 'run')} asked to end." if cancelled else ""
    if is_self:
        messages.success(request, f"You left {request.who.team}.{asked}")
        return redirect("home")
    messages.success(request, f"{membership.user} is no longer in the team.{asked}")
    return redirect("programs" if membership.user.is_program else "people", team=request.who.team.slug)


def _page(request: TeamRequest, membership: Membership, form: LeaveForm, *, status: int = 200) -> HttpResponse:
    context = {
        "membership": membership,
        "is_self": membership.user_id == request.who.user.pk,
        "left": belongings(request.who, membership),
        "form": form,
    }
    return render(request, "runs/leaving/leave.html", context, status=status)
