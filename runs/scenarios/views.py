"""Pages of scenarios: the list, a question that is not saved, and one that is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from runs.models import Scenario
from runs.named.forms import NameForm
from runs.named.queries import seen_by
from runs.scenarios import actions
from runs.scenarios.answer import answer
from runs.scenarios.asked import PRICES, of_json, of_query, with_typed
from runs.scenarios.csv_table import csv_text
from runs.scenarios.forms import SaveForm
from runs.scenarios.own_texts import SAMPLE_CALLS, SAMPLE_CHARS, measured
from runs.scenarios.page import months_to_choose, page_of, saved_lines, which_words
from runs.scenarios.page import what_if as what_if_page
from runs.scenarios.queries import Reopened, reopened
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Busy, Conflict, Refusal, with_retry_after

MAX_QUERY = 60_000


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def scenarios(request: TeamRequest) -> HttpResponse:
    """All that the person sees; by POST a question is saved under a name."""
    if request.method == "GET":
        return _list(request)
    form, is_taken = SaveForm(request.POST, for_team=request.who.can_edit), False
    if form.is_valid():
        name, for_team = form.cleaned_data["name"], form.is_for_team
        try:
            asked = of_query(QueryDict(form.cleaned_data["asked"][:MAX_QUERY]))
            scenario = actions.save_scenario(
                request.who, name, asked, for_team=for_team, replace_it="replace" in request.POST
            )
        except Refusal as refusal:
            form.explain(refusal)
            is_taken = isinstance(refusal, Conflict)
        else:
            messages.success(request, f"Saved as “{scenario.name}”. Nothing of it was spent.")
            return redirect("scenario", team=request.who.team.slug, pk=scenario.pk)
    return _list(request, status=409 if is_taken else 422, save=form, is_taken=is_taken)


@member(Role.VIEWER)
@require_GET
def what_if(request: TeamRequest) -> HttpResponse:
    """One question by its address. What the form has typed is written into the address first."""
    if (query := with_typed(request.GET)) is not None:
        return redirect(f"{reverse('what_if', kwargs={'team': request.who.team.slug})}?{query}")
    context: dict[str, Any] = {"prices": PRICES.items(), "months": _months()}
    refused: Refusal | None = None
    if request.GET:
        try:
            asked = of_query(request.GET)
            context["which"] = which_words(asked)
            context["page"] = what_if_page(request.who, asked)
        except Refusal as refusal:
            refused = context["refusal"] = refusal
            context["kept"] = request.GET
            context["back"] = _without_changes(request.GET)
    status = refused.status if refused else 200
    return with_retry_after(render(request, "runs/scenarios/what_if.html", context, status=status), refused)


@member(Role.VIEWER)
@require_GET
def what_if_csv(request: TeamRequest) -> HttpResponse:
    try:
        text = csv_text(answer(request.who, of_query(request.GET)))
    except Refusal as refusal:
        refused = HttpResponse(refusal.message, status=refusal.status, content_type="text/plain; charset=utf-8")
        return with_retry_after(refused, refusal)
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="what-if.csv"'
    return response


@member(Role.VIEWER)
@require_GET
def tokenizers(request: TeamRequest) -> HttpResponse:
    """How differently the tokenizers count the runs' own prompts: a part of the page that it asks for by itself."""
    context: dict[str, Any] = {"most_calls": SAMPLE_CALLS, "most_chars": SAMPLE_CHARS}
    try:
        context["pairs"] = measured(request.who, answer(request.who, of_query(request.GET)))
    except Refusal as refusal:
        context["why_not"] = refusal.message
    return render(request, "runs/scenarios/_tokenizers.html", context)


@member(Role.VIEWER)
@require_GET
def scenario(request: TeamRequest, pk: int) -> HttpResponse:
    """A saved one, with the figures of then and of now."""
    saved, refused = _scenario(request, pk), None
    try:
        found = reopened(request.who, saved)
    except Busy as busy:
        found, refused = Reopened(saved, of_json(saved.asked), None, busy.message), busy
    page = None if found.now is None else page_of(request.who, found.now)
    context = {
        "scenario": found.scenario,
        "found": found,
        "page": page,
        "which": which_words(found.asked),
        "prices": PRICES.items(),
        "saved_difference": found.scenario.changed_nusd - found.scenario.real_nusd,
    }
    status = refused.status if refused else 200
    return with_retry_after(render(request, "runs/scenarios/scenario.html", context, status=status), refused)


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def rename_scenario(request: TeamRequest, pk: int) -> HttpResponse:
    scenario = _scenario(request, pk)
    form = NameForm(request.POST)
    if request.method == "POST" and form.is_valid():
        try:
            actions.rename_scenario(request.who, scenario, form.cleaned_data["name"])
        except Refusal as refusal:
            form.explain(refusal)
    if request.method == "GET" or form.is_valid():  # GET: somebody opens the address of a refused form anew
        return redirect("scenarios", team=request.who.team.slug)
    return _list(request, status=422, renamed=pk, rename=form)


@member(Role.VIEWER)
@require_POST
def remove_scenario(request: TeamRequest, pk: int) -> HttpResponse:
    scenario = _scenario(request, pk)
    name = scenario.name
    actions.remove_scenario(request.who, scenario)
    messages.success(request, f"“{name}” is removed. The runs stay.")
    return redirect("scenarios", team=request.who.team.slug)


def _scenario(request: TeamRequest, pk: int) -> Scenario:
    """Raises ``Http404`` also for another person's own."""
    scenario = seen_by(request.who, Scenario).filter(pk=pk).first()
    if scenario is None:
        raise Http404("No such scenario.")
    return scenario


def _without_changes(query: QueryDict) -> str:
    """The address's query that asks for the same calls, and changes nothing."""
    kept = query.copy()
    for name in ("agent", "model", "prices", "at", "hit"):
        kept.pop(name, None)
    return kept.urlencode()


def _months() -> list[Any]:
    return months_to_choose(datetime.now(UTC).date())


def _list(request: TeamRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    context = {"lines": saved_lines(request.who), "months": _months(), **forms}
    return render(request, "runs/scenarios/scenarios.html", context, status=status)
