"""The form of an agent of the library: a new one, or another version of one that is there."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agents_app.editor import page
from agents_app.editor.forms.agent import LibraryAgentForm
from agents_app.library import actions
from agents_app.library.queries import agent_of, uses_of
from agents_app.models import LibraryAgent
from engine.spec.crew_spec import AgentSpec
from engine.text import counted
from teams.access import TeamRequest, member
from teams.models import Role


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def new_agent(request: TeamRequest) -> HttpResponse:
    form = LibraryAgentForm(request.POST or None, agent=None, revision=0, new_key="agent")

    def kept(name: str, note: str) -> LibraryAgent:
        return actions.keep(request.who, name=name, note=note, spec=form.spec(None))

    return _page(request, form, kept, None)


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def change_agent(request: TeamRequest, pk: int) -> HttpResponse:
    agent = agent_of(request.who, pk, Role.EDITOR)
    spec = AgentSpec.from_json(agent.spec)
    form = LibraryAgentForm(request.POST or None, agent=spec, revision=agent.revision, name=agent.name)

    def changed(name: str, note: str) -> LibraryAgent:
        revision = form.cleaned_data["revision"]
        return actions.change(
            request.who, agent, expected_revision=revision, name=name, note=note, spec=form.spec(spec)
        )

    return _page(request, form, changed, agent)


def _page(
    request: TeamRequest, form: LibraryAgentForm, save: Callable[[str, str], LibraryAgent], agent: LibraryAgent | None
) -> HttpResponse:
    """The form; sent, it is saved, or shown again with what was refused."""
    saved: list[LibraryAgent] = []
    if form.is_valid():
        typed = form.cleaned_data
        if page.done(
            form,
            lambda: saved.append(save(typed["name"], typed["note"])),
            revision=agent.revision if agent else 0,
        ):
            messages.success(request, _told(saved[0], agent))
            return redirect("library_agent", team=request.who.team.slug, pk=saved[0].pk)
        page.explain(form, ())
    context = {"form": form, "agent": agent, "models": page.suggested_models(request.who.team)}
    return render(request, "agents_app/library/edit.html", context, status=422 if form.errors else 200)


def _told(saved: LibraryAgent, before: LibraryAgent | None) -> str:
    if before is None:
        return f"“{saved.name}” is in the team’s library. Add it to crews from their pages."
    if saved.number == before.number:
        return f"“{saved.name}” is saved. It says what it said before."
    behind = uses_of(saved).behind
    offered = f" It is offered to {counted(behind, 'agent')} of crews." if behind else ""
    return f"“{saved.name}” is saved as v{saved.number}.{offered}"
