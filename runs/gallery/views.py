"""Pages of templates: the gallery, one template, share a version, withdraw, copy, take one in, and what a copy takes
over from its original."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents_app.crews.views import to_crew
from agents_app.gallery import actions, queries, template_file
from agents_app.gallery.origin import Origin, origin_of
from agents_app.graph.layout import graphs, layout
from agents_app.models import Crew, CrewVersion, Template
from agents_app.queries import own_crew
from engine.spec.crew_spec import CrewSpec
from engine.text import latin
from runs.gallery.asked import ORDERS, TemplatesAsked, asked
from runs.gallery.forms import ShareForm, TakeInForm
from runs.gallery.page import gallery, origin_page, proposed, template_page
from runs.gallery.saving import saving_of
from runs.typed_values import whole_number_or_none
from teams.access import Principal, TeamRequest, fetch, member, principal
from teams.forms import show_refusal
from teams.models import Role
from teams.once import form_once, not_done
from teams.refusals import Conflict, Invalid, Refusal

THUMBNAIL_WIDTH = 300
CHOICE = "choice."


@member(Role.VIEWER)
@require_GET
def templates(request: TeamRequest) -> HttpResponse:
    narrowed, wrong = asked(request.GET), ""
    try:
        page = gallery(request.who, narrowed)
    except Invalid as refusal:
        page, wrong = gallery(request.who, TemplatesAsked()), refusal.message
    wrong = wrong or narrowed.wrong
    cards = [(card, layout(card.spec, width=THUMBNAIL_WIDTH, compact=True)) for card in page.cards]
    context = {"page": page, "asked": narrowed, "cards": cards, "orders": ORDERS.items(), "wrong": wrong}
    return render(request, "runs/gallery/templates.html", context, status=422 if wrong else 200)


@member(Role.VIEWER)
@require_GET
def template(request: TeamRequest, pk: int) -> HttpResponse:
    page = template_page(request.who, queries.template_of(request.who, pk))
    context: dict[str, Any] = {"page": page, "card": page.card, "template": page.card.template, "spec": page.card.spec}
    if request.who.can_own:
        context["other_teams"] = queries.other_teams(request.who)
    return render(request, "runs/gallery/template.html", context | graphs(page.card.spec))


@member(Role.VIEWER)
@require_GET
def template_json(request: TeamRequest, pk: int) -> HttpResponse:
    """The template as a file."""
    found = queries.template_of(request.who, pk)
    response = HttpResponse(template_file.written(found, found.version), content_type="application/json")
    name = slugify(latin(found.title))[:60].strip("-") or "template"
    response["Content-Disposition"] = f'attachment; filename="{name}.template.json"'
    return response


@member(Role.EDITOR)
@form_once()
@require_POST
def copy_template(request: TeamRequest, pk: int) -> HttpResponse:
    found = queries.template_of(request.who, pk)
    try:
        crew = actions.copy_template(request.who, found, _version_of(request, found))
    except Conflict as withdrawn:  # its page is gone
        messages.error(request, withdrawn.message)
        return not_done(redirect("templates", team=request.who.team.slug))
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return not_done(redirect("template", team=request.who.team.slug, pk=pk))
    return redirect("launch" if "try" in request.POST else "crew", team=request.who.team.slug, slug=crew.slug)


@member(Role.EDITOR)
@require_POST
def withdraw_template(request: TeamRequest, pk: int) -> HttpResponse:
    found = queries.template_of(request.who, pk)
    revision = whole_number_or_none(request.POST.get("revision", ""), max_digits=9)
    try:
        actions.withdraw(request.who, found, expected_revision=revision)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("template", team=request.who.team.slug, pk=pk)
    messages.success(request, f"“{found.title}” is withdrawn. Its link leads nowhere any more; copies of it stay.")
    return redirect("templates", team=request.who.team.slug)


@member(Role.OWNER)
@form_once()
@require_POST
def give_template(request: TeamRequest, pk: int) -> HttpResponse:
    """Shares it in another team, which the person owns too: strangers to that team get 404, others of it 403."""
    found = queries.template_of(request.who, pk)
    receiver = principal(request.who.user, request.POST.get("to", ""), request.who.origin)
    try:
        given = actions.give(request.who, found, receiver)
        messages.success(
            request, f"“{given.title}” is a template of {receiver.team.name} now, and a crew of its own there."
        )
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return not_done(redirect("template", team=request.who.team.slug, pk=pk))
    return redirect("template", team=request.who.team.slug, pk=pk)


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def share_version(request: TeamRequest, slug: str, number: int) -> HttpResponse:
    """Shares a version as the template of its crew, or changes what is said of it."""
    crew = own_crew(request.who, slug, Role.EDITOR)
    version = fetch(CrewVersion, request.who, Role.EDITOR, crew=crew, number=number)
    present, spec = queries.template_of_crew(crew), CrewSpec.from_json(version.spec)
    begin, revision = proposed(crew, version, present), present.revision if present else 0
    form = ShareForm(_sent(request), spec=spec, begin=begin, revision=revision)
    if form.is_valid():
        try:
            shared = actions.share(request.who, version, form.texts(), expected_revision=form.cleaned_data["revision"])
            messages.success(request, f"“{shared.title}” is shared with the team as version {number} of the crew.")
            return redirect("template", team=request.who.team.slug, pk=shared.pk)
        except Refusal as refusal:
            show_refusal(form, refusal)
    context = {"crew": crew, "version": version, "present": present, "form": form, "spec": spec, **graphs(spec)}
    return render(request, "runs/gallery/share.html", context, status=422 if form.errors else 200)


@member(Role.EDITOR)
@form_once()
@require_http_methods(["GET", "POST"])
def take_in_template(request: TeamRequest) -> HttpResponse:
    """A template from a file or a text: a crew of the team, shared at once."""
    form = TakeInForm(_sent(request), request.FILES or None)
    if form.is_valid():
        try:
            taken = actions.take_in(request.who, form.text())
            messages.success(request, f"“{taken.title}” is a template of the team now, and a crew of its own.")
            return redirect("template", team=request.who.team.slug, pk=taken.pk)
        except Refusal as refusal:
            show_refusal(form, refusal)
    return render(request, "runs/gallery/take_in.html", {"form": form}, status=422 if form.errors else 200)


@member(Role.VIEWER)
@require_GET
def original_news(request: TeamRequest, slug: str) -> HttpResponse:
    """A part of a copy's page: what its original shares by now, and what that costs against the copy."""
    crew = own_crew(request.who, slug)
    origin = origin_of(crew)
    context = {
        "crew": crew,
        "origin": origin,
        "saving": origin and saving_of(request.who, origin),
        "is_clean": origin is not None and request.who.can_edit and not origin.merged({}).conflicts,
    }
    return render(request, "runs/gallery/_original.html", context)


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def original(request: TeamRequest, slug: str) -> HttpResponse:
    """What changed in a copy's original; by POST the copy takes it over."""
    crew = own_crew(request.who, slug, Role.VIEWER if request.method == "GET" else Role.EDITOR)
    origin = origin_of(crew)
    if origin is None:
        return _nothing_newer(request, crew)
    if request.method == "GET":
        return _original_page(request, origin, {})
    choices = {name.removeprefix(CHOICE): str(side) for name, side in request.POST.items() if name.startswith(CHOICE)}
    try:
        taken = actions.take_over(
            request.who,
            crew,
            expected_revision=whole_number_or_none(request.POST.get("revision", ""), max_digits=9) or 0,
            version=_looked_at(request, origin),
            choices=choices,
        )
    except Refusal as refusal:
        return _original_page(request, origin, choices, refusal)
    messages.success(request, _said(taken, origin))
    return to_crew(request.who, taken.crew)


def _original_page(
    request: TeamRequest, origin: Origin, choices: Mapping[str, str], refusal: Refusal | None = None
) -> HttpResponse:
    page = origin_page(origin, choices)
    context = {
        "page": page,
        "origin": origin,
        "crew": origin.crew,
        "diff": page.diff,
        "saving": saving_of(request.who, origin),
        "refusal": refusal,
    }
    return render(request, "runs/gallery/original.html", context, status=refusal.status if refusal else 200)


def _sent(request: TeamRequest) -> Mapping[str, Any] | None:
    """What a form is bound to: nothing at all was sent where it is only looked at."""
    return request.POST if request.method == "POST" else None


def _nothing_newer(request: TeamRequest, crew: Crew) -> HttpResponse:
    if crew.copied_from_id is None:
        raise Http404("It is no copy.")
    messages.info(request, actions.NOTHING_NEWER)
    return to_crew(request.who, crew)


def _looked_at(request: TeamRequest, origin: Origin) -> CrewVersion | None:
    """The version that the page showed; the present one stands for a page that names none."""
    number = whole_number_or_none(request.POST.get("version", ""), max_digits=9)
    return None if number is None else fetch(CrewVersion, request.who, crew=origin.template.crew, number=number)


def _version_of(request: TeamRequest, found: Template) -> CrewVersion | None:
    number = whole_number_or_none(request.POST.get("version", ""), max_digits=9)
    return None if number is None else _shared(request.who, found, number)


def _shared(who: Principal, found: Template, number: int) -> CrewVersion:
    return fetch(CrewVersion, who, crew=found.crew, number=number, shared_at__isnull=False)


def _said(taken: actions.TakenOver, origin: Origin) -> str:
    kept = ""
    if taken.kept:
        kept = f" What it was before is kept as version {taken.kept.number}."
    elif taken.copy:
        kept = f" What it was before could not run yet, so it is kept as a crew of its own: “{taken.copy.name}”."
    return f"The draft has what version {origin.newer.number} of the original changed.{kept}"
