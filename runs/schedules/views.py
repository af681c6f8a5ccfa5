"""Pages of schedules: fetch through the gate, call one action or query, render."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from agents_app.models import Crew, CrewVersion
from agents_app.queries import own_crew
from runs.batches.kept_inputs import names_of_sets
from runs.models import Schedule
from runs.schedules import actions, queries
from runs.schedules import page as pages
from runs.schedules.forms import ScheduleForm, columns_typed, initial_of
from runs.schedules.order import ScheduleOrder
from runs.schedules.queries import own_schedule
from runs.schedules.times import zones
from runs.schedules.words import OFF
from runs.states import ScheduleOff
from runs.typed_values import whole_number_or_none
from teams.access import Principal, TeamRequest, member
from teams.credentials import TeamCredentials
from teams.forms import show_refusal
from teams.models import Role
from teams.once import form_once
from teams.refusals import Invalid, Refusal

SHOWN = 50
FIELDS = {"dataset": "data_set", "columns": "data_set"}
"""Fields of the form that are called otherwise than those of the API."""
ACTS: Mapping[str, Callable[[Principal, Schedule], object]] = {
    "pause": actions.pause,
    "resume": actions.resume,
}


@member(Role.VIEWER)
@require_GET
def schedules(request: TeamRequest) -> HttpResponse:
    context: dict[str, Any] = {}
    status = 200
    try:
        page = queries.list_schedules(request.who, cursor=request.GET.get("cursor", ""), limit=SHOWN)
        context["page"] = page
        context["lines"] = [_list_line(detail) for detail in page.items]
    except Invalid as refusal:
        context["refusal"], status = refusal, refusal.status
    return render(request, "runs/schedules/schedules.html", context, status=status)


@member(Role.VIEWER)
@require_GET
def schedule(request: TeamRequest, schedule_id: UUID) -> HttpResponse:
    try:
        page = pages.schedule_page(own_schedule(request.who, schedule_id), cursor=request.GET.get("cursor", ""))
    except Invalid:
        return redirect("schedule", team=request.who.team.slug, schedule_id=schedule_id)
    return render(request, "runs/schedules/schedule.html", {"page": page})


@member(Role.VIEWER)
@require_GET
def next_times(request: TeamRequest) -> HttpResponse:
    """A part of the form: the next times of what is typed so far."""
    found = pages.next_times(request.GET.get("cron", ""), request.GET.get("time_zone", ""))
    return render(request, "runs/schedules/_times.html", {"next": found})


@member(Role.RUNNER)
@require_GET
def schedule_columns(request: TeamRequest, slug: str) -> HttpResponse:
    """A part of the form: which column fills which input, of the set and the version that are chosen so far."""
    crew = own_crew(request.who, slug, Role.RUNNER)
    spec = pages.form_page(crew, _version_typed(crew, request.GET)).spec
    part = pages.columns_part(request.who, spec, request.GET.get("data_set", ""), columns_typed(spec, request.GET))
    return render(request, "runs/schedules/_columns.html", {"part": part})


@member(Role.RUNNER)
@form_once()
@require_http_methods(["GET", "POST"])
def new_schedule(request: TeamRequest, slug: str) -> HttpResponse:
    crew = own_crew(request.who, slug, Role.RUNNER)
    usual = {"simulated": "no" if TeamCredentials(request.who.team).any_model_key else "yes", "name": crew.name[:120]}
    initial = usual | {"data_set": request.GET.get("dataset", "")}

    def save(order: ScheduleOrder) -> Schedule:
        return actions.make_schedule(request.who, order)

    return _form_page(request, crew, None, initial, save)


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def edit_schedule(request: TeamRequest, schedule_id: UUID) -> HttpResponse:
    found = own_schedule(request.who, schedule_id, Role.RUNNER)

    def save(order: ScheduleOrder) -> Schedule:
        return actions.change_schedule(request.who, found, order)

    return _form_page(request, found.crew, found, initial_of(found), save)


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def change_schedule(request: TeamRequest, schedule_id: UUID) -> HttpResponse:
    """Turns it on or off, launches it now or removes it, as ``do`` says."""
    found = own_schedule(request.who, schedule_id, Role.RUNNER)
    do = request.POST.get("do", "")
    if request.method == "POST" and do == "remove":
        actions.remove(request.who, found)
        messages.success(request, "The schedule was removed. Its runs and batches stay.")
        return redirect("schedules", team=request.who.team.slug)
    if request.method == "POST":
        if do != "run" and do not in ACTS:
            raise Http404("A schedule can be turned on or off, launched or removed.")
        try:
            if do == "run":
                actions.run_now(request.who, found, after=request.POST.get("after", ""))
            else:
                ACTS[do](request.who, found)
        except Refusal as refusal:
            messages.error(request, " ".join([refusal.message, *refusal.fields.values()])[:1000])
    return redirect("schedule", team=request.who.team.slug, schedule_id=schedule_id)


def _form_page(
    request: TeamRequest,
    crew: Crew,
    found: Schedule | None,
    initial: dict[str, Any],
    save: Callable[[ScheduleOrder], Schedule],
) -> HttpResponse:
    shown = found.version if found is not None and request.method == "GET" else _version_typed(crew, request.POST)
    page = pages.form_page(crew, shown or _newest(crew))
    form = ScheduleForm(request.POST or None, initial=initial, spec=page.spec, team=request.who.team, crew=crew)
    if request.method == "POST" and form.is_valid():
        try:
            saved = save(form.schedule_order(request.who, crew))
            return redirect("schedule", team=request.who.team.slug, schedule_id=saved.pk)
        except Refusal as refusal:
            show_refusal(form, _as_typed(refusal))
    chosen = columns_typed(page.spec, request.POST) if request.POST else initial.get("columns", {})
    context = {
        "page": page,
        "part": pages.columns_part(request.who, page.spec, str(form["data_set"].value() or ""), chosen),
        "form": form,
        "schedule": found,
        "next": pages.next_times(str(form["cron"].value() or ""), str(form["time_zone"].value() or "")),
        "zones": sorted(zones()),
        "data_sets": names_of_sets(request.who),
    }
    return render(request, "runs/schedules/form.html", context, status=422 if form.errors else 200)


def _version_typed(crew: Crew, sent: QueryDict) -> CrewVersion | None:
    """The version that is chosen; where none is, the newest, if the crew has one."""
    number = whole_number_or_none(sent.get("version", ""), max_digits=9)
    return (crew.versions.filter(number=number).first() if number else None) or _newest(crew)


def _newest(crew: Crew) -> CrewVersion | None:
    return crew.versions.order_by("-number").first()


def _as_typed(refusal: Refusal) -> Refusal:
    """With its fields as the form calls them."""
    fields = {FIELDS.get(name, name): said for name, said in refusal.fields.items()}
    return Invalid(refusal.message, fields=fields)


def _list_line(detail: queries.ScheduleDetail) -> pages.ScheduleLine:
    one = detail.schedule
    return pages.ScheduleLine(
        one,
        detail.next_in_words[0] if detail.next_times else "",
        None if detail.last is None else pages.line(detail.last, detail.table),
        OFF[ScheduleOff(one.off_for)] if one.off_for else "",
    )
