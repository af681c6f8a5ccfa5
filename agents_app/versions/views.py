"""Pages of versions: all of a crew's, one, and what changed between two; save, describe and restore one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from agents_app.crews.views import to_crew
from agents_app.graph.layout import graphs
from agents_app.models import Crew, CrewVersion
from agents_app.queries import own_crew, version_of
from agents_app.versions import actions
from agents_app.versions.forms import NoteForm
from agents_app.versions.page import draft_of, shown_diff, version_list
from agents_app.versions.queries import crew_of, two_versions
from engine.spec.crew_spec import CrewSpec
from teams.access import Principal, TeamRequest, fetch, member
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Refusal

MAX_DIGITS = 9


@member(Role.VIEWER)
@require_GET
def versions(request: TeamRequest, slug: str) -> HttpResponse:
    """``old`` and ``new`` are the two that somebody chose to compare, if they did: their page has one address."""
    crew = crew_of(request.who, slug)
    chosen = [_number(request.GET.get(name, "")) for name in ("old", "new")]
    if all(number is not None and crew.versions.filter(number=number).exists() for number in chosen):
        return redirect("version_diff", team=request.who.team.slug, slug=slug, old=chosen[0], new=chosen[1])
    wrong = "" if {"old", "new"}.isdisjoint(request.GET) else "Choose two versions of this crew to compare."
    return _list_page(request, crew, wrong=wrong)


@member(Role.EDITOR)
@require_POST
def save_version(request: TeamRequest, slug: str) -> HttpResponse:
    crew = own_crew(request.who, slug, Role.EDITOR)
    form = NoteForm(request.POST)
    if form.is_valid():
        try:
            saved = actions.save_version(request.who, crew, note=form.cleaned_data["note"])
        except Refusal as refusal:
            _explain(form, refusal)
        else:
            messages.success(request, _said(saved, form.cleaned_data["note"]))
            return redirect("versions", team=request.who.team.slug, slug=slug)
    return _list_page(request, crew, form=form)


@member(Role.VIEWER)
@require_GET
def version(request: TeamRequest, slug: str, number: int) -> HttpResponse:
    return _version_page(request, version_of(request.who, slug, number))


@member(Role.EDITOR)
@require_POST
def describe_version(request: TeamRequest, slug: str, number: int) -> HttpResponse:
    shown = _own_version(request.who, slug, number)
    form = NoteForm(request.POST)
    if form.is_valid():
        try:
            actions.describe(request.who, shown, note=form.cleaned_data["note"])
            return redirect("version", team=request.who.team.slug, slug=slug, number=number)
        except Refusal as refusal:
            show_refusal(form, refusal)
    return _version_page(request, shown, form)


@member(Role.EDITOR)
@require_POST
def restore_version(request: TeamRequest, slug: str, number: int) -> HttpResponse:
    shown = _own_version(request.who, slug, number)
    try:
        restored = actions.restore(request.who, shown, expected_revision=_number(request.POST.get("revision", "")) or 0)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("version", team=request.who.team.slug, slug=slug, number=number)
    messages.success(request, f"The draft is version {number} again. {_kept(restored)}".strip())
    return to_crew(request.who, restored.crew)


@member(Role.VIEWER)
@require_GET
def version_diff(request: TeamRequest, slug: str, old: int, new: int) -> HttpResponse:
    before, after = two_versions(request.who, slug, old, new)
    context = {"crew": before.crew, "old": before, "new": after, "diff": shown_diff(before.spec, after.spec)}
    return render(request, "agents_app/versions/diff.html", context)


def _list_page(request: TeamRequest, crew: Crew, *, form: NoteForm | None = None, wrong: str = "") -> HttpResponse:
    context = {
        "crew": crew,
        "page": version_list(crew, below=_number(request.GET.get("below", ""))),
        "form": form or NoteForm(),
        "wrong": wrong,
        "is_first": "below" not in request.GET,
    }
    status = 422 if wrong or (form is not None and form.errors) else 200
    return render(request, "agents_app/versions/versions.html", context, status=status)


def _version_page(request: TeamRequest, shown: CrewVersion, form: NoteForm | None = None) -> HttpResponse:
    crew, spec = shown.crew, CrewSpec.from_json(shown.spec)
    is_own = crew.archived_at is None and not crew.builtin_key
    context = {
        "crew": crew,
        "version": shown,
        "spec": spec,
        "form": form or NoteForm(initial={"note": shown.note}),
        "draft": draft_of(crew) if is_own and request.who.can_edit else None,
        "before": crew.versions.filter(number__lt=shown.number).order_by("-number").defer("spec").first(),
        **graphs(spec),
    }
    return render(request, "agents_app/versions/version.html", context, status=422 if form and form.errors else 200)


def _own_version(who: Principal, slug: str, number: int) -> CrewVersion:
    return fetch(CrewVersion, who, Role.EDITOR, crew=own_crew(who, slug), number=number)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None


def _explain(form: NoteForm, refusal: Refusal) -> None:
    """What is wrong with the message at the message. The draft's complaints may be many, and are on its own page."""
    if "note" in refusal.fields:
        show_refusal(form, refusal)
    else:
        form.add_error(None, f"No version was made. {refusal.message} The crew's page says where.")


def _said(saved: actions.Saved, note: str) -> str:
    number = saved.version.number
    if saved.is_new:
        return f"The draft is frozen as version {number}."
    told = " It has your message now." if note else ""
    return f"The draft equals version {number}, so no version was made.{told}"


def _kept(restored: actions.Restored) -> str:
    if restored.kept:
        return f"What it was before is kept as version {restored.kept.number}."
    if restored.copy:
        return f"What it was before could not run yet, so it is kept as a crew of its own: “{restored.copy.name}”."
    return ""
