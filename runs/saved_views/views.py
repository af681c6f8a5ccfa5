"""Saved views: open one, and the page on which they are saved, renamed, replaced and removed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from runs.history.saved import query_of
from runs.models import SavedView
from runs.named.forms import NameForm
from runs.named.queries import seen_by
from runs.saved_views import actions
from runs.saved_views.forms import SaveForm
from runs.saved_views.page import view_lines
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Conflict, Refusal


@member(Role.VIEWER)
@require_GET
def open_view(request: TeamRequest, pk: int) -> HttpResponse:
    """Leads to the list that the view shows now."""
    view = _view(request, pk)
    return redirect(f"{reverse('runs', kwargs={'team': request.who.team.slug})}?{query_of(view)}")


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def saved_views(request: TeamRequest) -> HttpResponse:
    """All views that the person sees; by POST what a list shows is saved as one."""
    if request.method == "GET":
        return _page(request)
    form = SaveForm(request.POST, for_team=request.who.can_edit)
    is_taken = False
    if form.is_valid():
        name, for_team = form.cleaned_data["name"], form.is_for_team
        try:
            view = actions.save_view(
                request.who, name, form.shown(), for_team=for_team, replace="replace" in request.POST
            )
        except Refusal as refusal:
            form.explain(refusal)
            is_taken = isinstance(refusal, Conflict)
        else:
            messages.success(request, f"Saved as “{view.name}”.")
            return redirect("open_view", team=request.who.team.slug, pk=view.pk)
    return _page(request, status=409 if is_taken else 422, save=form, is_taken=is_taken)


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def rename_view(request: TeamRequest, pk: int) -> HttpResponse:
    view = _view(request, pk)
    form = NameForm(request.POST)
    if request.method == "POST" and form.is_valid():
        try:
            actions.rename_view(request.who, view, form.cleaned_data["name"])
        except Refusal as refusal:
            form.explain(refusal)
    if request.method == "GET" or form.is_valid():  # GET: somebody opens the address of a refused form anew
        return redirect("saved_views", team=request.who.team.slug)
    return _page(request, status=422, renamed=pk, rename=form)


@member(Role.VIEWER)
@require_POST
def remove_view(request: TeamRequest, pk: int) -> HttpResponse:
    view = _view(request, pk)
    actions.remove_view(request.who, view)
    messages.success(request, f"“{view.name}” is removed. The runs stay.")
    return redirect("saved_views", team=request.who.team.slug)


def _view(request: TeamRequest, pk: int) -> SavedView:
    """Raises ``Http404`` also for another person's own view."""
    view = seen_by(request.who, SavedView).filter(pk=pk).first()
    if view is None:
        raise Http404("No such view.")
    return view


def _page(request: TeamRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    context = {"lines": view_lines(request.who), **forms}
    return render(request, "runs/saved_views/views.html", context, status=status)
