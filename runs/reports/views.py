"""The page on which a member chooses reports, and the way out that each mail has."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from runs.reports import actions
from runs.reports.forms import ReportsForm
from runs.reports.links import stop_of
from runs.reports.page import reports_page
from runs.reports.texts import KIND_WORDS
from teams.access import TeamRequest, member, public
from teams.models import Role, Team


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def reports(request: TeamRequest) -> HttpResponse:
    """Each member chooses for themselves."""
    if request.method == "POST":
        form = ReportsForm(request.POST)
        if form.is_valid():
            actions.choose(request.who, form.kinds())
            chosen = " and ".join(KIND_WORDS[kind] for kind in form.kinds())
            said = f"From now on you get a report {chosen}." if chosen else "You get no reports of this team."
            messages.success(request, said)
            return redirect("reports", team=request.who.team.slug)
    found = reports_page(request.who)
    return render(request, "runs/reports/reports.html", {"found": found, "form": ReportsForm(wish=found.wish)})


@public("the link itself is the proof, and mail programs follow it without signing in")
@csrf_exempt
@require_http_methods(["GET", "POST"])
def stop_report(request: HttpRequest, secret: str) -> HttpResponse:
    """GET asks and changes nothing, since mail programs fetch links ahead; POST stops at once and answers without a
    redirect, as RFC 8058 wants it. The body is not looked at: whoever has the link may stop the mails.
    """
    stop = stop_of(secret)
    team = None if stop is None else Team.objects.filter(pk=stop.team_id).first()
    if stop is None or team is None:
        return render(request, "runs/reports/stop.html", {"state": "unknown"}, status=404)
    state = "asked"
    if request.method == "POST":
        actions.stop(stop)
        state = "stopped"
    context = {"state": state, "team": team, "when": KIND_WORDS[stop.kind]}
    return render(request, "runs/reports/stop.html", context)
