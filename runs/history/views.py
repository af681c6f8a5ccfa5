"""Pages that list runs: the history and the short lists on other pages."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlencode

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from agents_app.models import Crew
from runs.history import columns, queries
from runs.history.completion import completion
from runs.history.filters import MAX_CHARS, RunFilter
from runs.history.page import address_query, history, narrowed
from runs.history.rows import rating
from runs.history.version_figures import MAX_RUNS, version_figures
from runs.typed_values import whole_number_or_none
from teams.access import TeamRequest, member, visible_to
from teams.models import Role
from teams.refusals import Refusal

A_YEAR_S = 365 * 24 * 3600
MAX_CREWS = 500
MAX_VERSIONS = 50


@member(Role.VIEWER)
@require_GET
def runs(request: TeamRequest) -> HttpResponse:
    """Choices of the form beside the filter are written into the filter, so that one address holds all of them."""
    if "narrow" in request.GET:
        return redirect(f"{request.path}?{narrowed(request.who, request.GET)}")
    page = history(request.who, request.GET, remembered=request.COOKIES.get(columns.COOKIE, ""))
    return render(request, "runs/history/runs.html", {"page": page}, status=422 if page.error else 200)


@member(Role.VIEWER)
@require_GET
def choose_columns(request: TeamRequest) -> HttpResponse:
    """The list with the columns that the form names, which is remembered. A column that moves leaves the form open."""
    chosen, _ = columns.read_columns("" if "usual" in request.GET else ",".join(request.GET.getlist("column")))
    for way, by in (("up", -1), ("down", 1)):
        chosen = tuple(columns.moved(chosen, request.GET.get(way, ""), by))
    names = columns.written(chosen)
    kept = {name: request.GET.get(name, "") for name in ("q", "sort")} | {"columns": names}
    query = urlencode({name: value for name, value in kept.items() if value})
    place = "#columns" if {"up", "down"} & set(request.GET) else ""
    response = redirect(f"{reverse('runs', kwargs={'team': request.who.team.slug})}?{query}{place}")
    response.set_cookie(
        columns.COOKIE, names, max_age=A_YEAR_S, samesite="Lax", httponly=True, secure=request.is_secure()
    )
    return response


@member(Role.VIEWER)
@require_GET
def newer(request: TeamRequest) -> HttpResponse:
    """How many runs came since the list was read, and the ratings that changed: these are shown in their places. Else
    the list stays, so that it does not jump under the pointer."""
    q, sort = request.GET.get("q", ""), request.GET.get("sort", "")
    try:
        count = queries.count_newer(request.who, RunFilter.parse(q, request.who), than=request.GET.get("than", ""))
    except Refusal:
        count = 0
    query = address_query(q, sort, request.GET.get("columns", ""))
    changed = queries.rated_anew(request.who, request.GET.get("rated", ""))
    ratings = SafeString("".join(rating(str(pk), stars, count, replaces=True) for pk, stars, count in changed))
    context = {"count": count, "is_more": count == queries.MAX_NEWER, "query": query, "ratings": ratings}
    return render(request, "runs/history/_newer.html", context)


@member(Role.VIEWER)
@require_GET
def filter_completion(request: TeamRequest) -> JsonResponse:
    """What can be written at the character ``at`` of the filter ``q``: the word's place, and what it can become."""
    at = whole_number_or_none(request.GET.get("at", ""), max_digits=4)
    found = completion(request.who, request.GET.get("q", ""), MAX_CHARS if at is None else at)
    return JsonResponse(asdict(found))


@member(Role.VIEWER)
@require_GET
def last_runs(request: TeamRequest) -> HttpResponse:
    """The last runs of the named crews, for the crews' pages: those come from an app that knows nothing of runs."""
    crews = list(visible_to(request.who, Crew).filter(slug__in=request.GET.getlist("crew")[:MAX_CREWS]))
    last = queries.last_runs(request.who, [crew.pk for crew in crews], each=5 if "only" in request.GET else 3)
    context = {"last": [(crew, last[crew.pk]) for crew in crews], "only": "only" in request.GET}
    return render(request, "runs/history/_last_runs.html", context)


@member(Role.VIEWER)
@require_GET
def version_runs(request: TeamRequest) -> HttpResponse:
    """What the runs of the named versions of a crew cost and took, for the page of its versions."""
    crew, asked = request.GET.get("crew", ""), request.GET.getlist("version")[:MAX_VERSIONS]
    numbers = [number for text in asked if (number := whole_number_or_none(text, max_digits=9)) is not None]
    figures = version_figures(request.who, crew, list(dict.fromkeys(numbers)))
    context = {"crew": crew, "figures": figures.items(), "most": MAX_RUNS}
    return render(request, "runs/history/_version_runs.html", context)


@member(Role.VIEWER)
@require_GET
def running_now(request: TeamRequest) -> HttpResponse:
    return render(request, "runs/history/_running_now.html", {"runs": queries.live_runs(request.who)})
