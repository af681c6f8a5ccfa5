"""Pages of what a crew has from the library: add one of its agents, keep one there, and what changed there since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from agents_app.crews.views import to_crew
from agents_app.form_fields import whole_number
from agents_app.library import queries
from agents_app.library.forms import KeepForm, LinkForm
from agents_app.library.in_crews import actions
from agents_app.library.in_crews.page import linked_page
from agents_app.library.linked import Linked
from agents_app.library.texts import usual_name
from agents_app.models import Crew
from agents_app.queries import own_crew
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import AgentSpec
from teams.access import TeamRequest, member
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Refusal

CHOICE = "choice."


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def crew_library(request: TeamRequest, slug: str) -> HttpResponse:
    """The library, to add one of its agents to a crew."""
    crew = own_crew(request.who, slug, Role.EDITOR)
    if request.method == "POST":
        kept = queries.agent_of(request.who, whole_number(request.POST, "agent"))
        try:
            revision = whole_number(request.POST, "revision")
            crew, key = actions.add_to_crew(request.who, crew, kept, expected_revision=revision)
            messages.success(request, f"“{kept.name}” is an agent of this crew now, as the library has it.")
            return to_crew(request.who, crew, f"agent-{key}")
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return redirect("crew_library", team=request.who.team.slug, slug=slug)
    search, wrong = request.GET.get("q", "").strip(), ""
    page = queries.AgentPage([], 0, None, search)
    try:
        page = queries.agents(request.who, search, offset=whole_number(request.GET, "from"))
    except Refusal as refusal:
        wrong = refusal.message
    return render(request, "agents_app/library/add.html", {"crew": crew, "page": page, "wrong": wrong})


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def agent_library(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    """Where an agent of a crew comes from, what of it is the crew's own, and what is offered; by POST that is taken
    over. For one that comes from nowhere: how to keep it in the library."""
    crew = own_crew(request.who, slug, Role.VIEWER if request.method == "GET" else Role.EDITOR)
    agent = _agent(crew, key)
    linked = queries.links_of(crew).get(key)
    if request.method == "GET":
        return _page(request, crew, linked, {}) if linked else _not_kept(request, crew, agent)
    choices = {name.removeprefix(CHOICE): str(side) for name, side in request.POST.items() if name.startswith(CHOICE)}
    revision, number = whole_number(request.POST, "revision"), whole_number(request.POST, "version")
    try:
        taken = actions.take_over(request.who, crew, key, expected_revision=revision, number=number, choices=choices)
    except Refusal as refusal:
        crew = own_crew(request.who, slug)
        linked = queries.links_of(crew).get(key)
        if linked is None:
            return _back(request, crew, key, refusal)
        return _page(request, crew, linked, choices, refusal)
    messages.success(request, f"The crew’s agent has what v{taken.number} of the library’s changed.")
    return to_crew(request.who, taken.crew, f"agent-{key}")


@member(Role.EDITOR)
@require_POST
def keep_agent(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    """Keeps an agent of the crew in the library."""
    crew = own_crew(request.who, slug, Role.EDITOR)
    agent = _agent(crew, key)
    form = KeepForm(request.POST, revision=crew.revision, name=usual_name(agent))
    if form.is_valid():
        typed = form.cleaned_data
        try:
            kept = actions.keep_from_crew(
                request.who,
                crew,
                key,
                name=typed["name"],
                note=typed["note"],
                expected_revision=typed["revision"],
            )
            messages.success(
                request, f"“{kept.name}” is in the team’s library now, and this crew’s agent comes from it."
            )
            return redirect("library_agent", team=request.who.team.slug, pk=kept.pk)
        except Refusal as refusal:
            show_refusal(form, refusal)
    return _not_kept(request, crew, agent, keep=form)


@member(Role.EDITOR)
@require_POST
def link_agent(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    """Says that an agent of the crew comes from one that the library has already."""
    crew = own_crew(request.who, slug, Role.EDITOR)
    agent = _agent(crew, key)
    kept = queries.agent_of(request.who, whole_number(request.POST, "agent"))
    revision = whole_number(request.POST, "revision")
    return _done(
        request,
        crew,
        agent.key,
        lambda: actions.link(request.who, crew, key, kept, expected_revision=revision),
        f"It comes from “{kept.name}” of the library now. What it says differently is the crew’s own.",
    )


@member(Role.EDITOR)
@require_POST
def keep_own(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    """Declines what changed in the library."""
    crew, edit = _edit(request, slug)
    return _done(
        request,
        crew,
        key,
        lambda: actions.keep_own(request.who, crew, key, **edit),
        "The crew keeps what it says. It is offered what changes in the library after this.",
    )


@member(Role.EDITOR)
@require_POST
def use_as_kept(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    """Gives up what the crew says differently."""
    crew, edit = _edit(request, slug)
    return _done(
        request,
        crew,
        key,
        lambda: actions.use_as_kept(request.who, crew, key, **edit),
        "The crew’s agent says what the library’s says.",
    )


@member(Role.EDITOR)
@require_POST
def give_back(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    """Makes what the crew says the library's next version."""
    crew, edit = _edit(request, slug)
    note = request.POST.get("note", "")
    return _done(
        request,
        crew,
        key,
        lambda: actions.give_back(request.who, crew, key, note=note, **edit),
        "The library’s agent says what this crew says. Other crews that use it are offered that.",
    )


@member(Role.EDITOR)
@require_POST
def unlink_agent(request: TeamRequest, slug: str, key: str) -> HttpResponse:
    crew = own_crew(request.who, slug, Role.EDITOR)
    revision = whole_number(request.POST, "revision")
    return _done(
        request,
        crew,
        key,
        lambda: actions.unlink(request.who, crew, key, expected_revision=revision),
        "This agent is the crew’s alone now.",
    )


def _page(
    request: TeamRequest, crew: Crew, linked: Linked, choices: Mapping[str, str], refusal: Refusal | None = None
) -> HttpResponse:
    context = {"crew": crew, "linked": linked, "page": linked_page(linked, choices), "refusal": refusal}
    status = refusal.status if refusal else 200
    return render(request, "agents_app/library/in_crew.html", context, status=status)


def _not_kept(request: TeamRequest, crew: Crew, agent: AgentSpec, *, keep: KeepForm | None = None) -> HttpResponse:
    context: dict[str, Any] = {"crew": crew, "agent": agent}
    if request.who.can_edit:
        kept = list(queries.library(request.who).defer("spec")[: LinkForm.MAX_CHOICES])
        context["keep"] = keep or KeepForm(revision=crew.revision, name=usual_name(agent))
        context["link"] = LinkForm(revision=crew.revision, agents=kept) if kept else None
    return render(request, "agents_app/library/keep.html", context, status=422 if keep else 200)


def _edit(request: TeamRequest, slug: str) -> tuple[Crew, dict[str, int]]:
    """The crew, and what an edit starts from: the draft's revision, and the library's version that was looked at."""
    numbers = {
        "expected_revision": whole_number(request.POST, "revision"),
        "number": whole_number(request.POST, "version"),
    }
    return own_crew(request.who, slug, Role.EDITOR), numbers


def _done(request: TeamRequest, crew: Crew, key: str, action: Callable[[], object], told: str) -> HttpResponse:
    try:
        action()
    except Refusal as refusal:
        return _back(request, crew, key, refusal)
    messages.success(request, told)
    return redirect("agent_library", team=request.who.team.slug, slug=crew.slug, key=key)


def _back(request: TeamRequest, crew: Crew, key: str, refusal: Refusal) -> HttpResponse:
    """To the page that the refused edit came from, which says why; to the crew's where that agent is gone."""
    messages.error(request, refusal.message)
    if spec_of(crew).agent(key) is None:
        return to_crew(request.who, crew)
    return redirect("agent_library", team=request.who.team.slug, slug=crew.slug, key=key)


def _agent(crew: Crew, key: str) -> AgentSpec:
    agent = spec_of(crew).agent(key)
    if agent is None:
        raise Http404("No such agent.")
    return agent
