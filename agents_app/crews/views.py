"""Pages of crews: the list, a new one, copy and archive. Fetch through the gate, call one action, render."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents_app import actions, queries
from agents_app.crews.forms import NameForm
from agents_app.models import Crew
from agents_app.queries import own_crew
from teams.access import Principal, TeamRequest, member
from teams.forms import show_refusal
from teams.models import Role
from teams.once import form_once, not_done
from teams.refusals import Invalid


@member(Role.VIEWER)
@require_GET
def crews(request: TeamRequest) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    found, not_searched = [], ""
    try:
        found = queries.list_crews(request.who, search)
    except Invalid as refusal:
        not_searched = refusal.message
    template = "agents_app/crews/_crew_rows.html" if request.htmx else "agents_app/crews/crews.html"
    return render(request, template, {"crews": found, "search": search, "not_searched": not_searched})


@member(Role.EDITOR)
@form_once()
@require_http_methods(["GET", "POST"])
def new_crew(request: TeamRequest) -> HttpResponse:
    form = NameForm(request.POST or None)
    if form.is_valid():
        try:
            return to_crew(request.who, actions.create_crew(request.who, name=form.cleaned_data["name"]))
        except Invalid as refusal:
            show_refusal(form, refusal)
    return render(request, "agents_app/crews/new_crew.html", {"form": form}, status=422 if form.errors else 200)


@member(Role.EDITOR)
@form_once()
@require_POST
def copy_crew(request: TeamRequest, slug: str) -> HttpResponse:
    crew = own_crew(request.who, slug)
    try:
        return to_crew(request.who, actions.copy_crew(request.who, crew))
    except Invalid as refusal:
        messages.error(request, refusal.message)
        return not_done(to_crew(request.who, crew))


@member(Role.EDITOR)
@require_POST
def archive_crew(request: TeamRequest, slug: str) -> HttpResponse:
    crew = actions.archive_crew(request.who, own_crew(request.who, slug))
    messages.success(request, f"“{crew.name}” is archived. Its runs and what they cost stay.")
    return redirect("crews", team=request.who.team.slug)


def to_crew(who: Principal, crew: Crew, anchor: str = "") -> HttpResponse:
    """Redirects to the crew's page, or to a place on it."""
    address = reverse("crew", kwargs={"team": who.team.slug, "slug": crew.slug})
    return redirect(f"{address}#{anchor}" if anchor else address)
