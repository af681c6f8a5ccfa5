"""Pages of the library: its agents, one of them, one of its versions; withdraw one, restore a version."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from agents_app.form_fields import whole_number
from agents_app.library import actions, queries
from agents_app.library.page import agent_page, version_diff
from agents_app.models import LibraryAgent
from engine.spec.crew_spec import AgentSpec
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Invalid, Refusal


@member(Role.VIEWER)
@require_GET
def library(request: TeamRequest) -> HttpResponse:
    search, wrong = request.GET.get("q", "").strip(), ""
    page = queries.AgentPage([], 0, None, search)
    try:
        page = queries.agents(request.who, search, offset=whole_number(request.GET, "from"))
    except Invalid as refusal:
        wrong = refusal.message
    return render(request, "agents_app/library/library.html", {"page": page, "wrong": wrong})


@member(Role.VIEWER)
@require_GET
def library_agent(request: TeamRequest, pk: int) -> HttpResponse:
    agent = queries.agent_of(request.who, pk)
    page = agent_page(agent, below=whole_number(request.GET, "below") or None)
    return render(request, "agents_app/library/library_agent.html", {"page": page, "agent": agent, "spec": page.spec})


@member(Role.VIEWER)
@require_GET
def library_version(request: TeamRequest, pk: int, number: int) -> HttpResponse:
    """What a version of an agent said, and what it changed."""
    agent = queries.agent_of(request.who, pk)
    version = queries.version_of(request.who, agent, number)
    before = agent.versions.filter(number__lt=number).order_by("-number").first()
    context = {
        "agent": agent,
        "version": version,
        "before": before,
        "spec": AgentSpec.from_json(version.spec),
        "diff": version_diff(before, version) if before else None,
    }
    return render(request, "agents_app/library/library_version.html", context)


@member(Role.EDITOR)
@require_POST
def withdraw_agent(request: TeamRequest, pk: int) -> HttpResponse:
    agent = queries.agent_of(request.who, pk)
    try:
        actions.withdraw(request.who, agent, expected_revision=whole_number(request.POST, "revision"))
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return _to_agent(request, agent)
    messages.success(request, f"“{agent.name}” is withdrawn. Crews that use it keep what they have.")
    return redirect("library", team=request.who.team.slug)


@member(Role.EDITOR)
@require_POST
def restore_agent(request: TeamRequest, pk: int, number: int) -> HttpResponse:
    """What an older version said, as the newest one."""
    agent = queries.agent_of(request.who, pk)
    version = queries.version_of(request.who, agent, number)
    revision = whole_number(request.POST, "revision")
    try:
        agent = actions.restore(request.who, agent, version, expected_revision=revision)
        messages.success(request, f"“{agent.name}” says again what v{number} said, as v{agent.number}.")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return _to_agent(request, agent)


def _to_agent(request: TeamRequest, agent: LibraryAgent) -> HttpResponse:
    """To its page, or to the list once it is gone."""
    if LibraryAgent.objects.filter(pk=agent.pk).exists():
        return redirect("library_agent", team=request.who.team.slug, pk=agent.pk)
    return redirect("library", team=request.who.team.slug)
