"""The launch page: fetch through the gate, call one action, render."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agents_app.queries import own_crew
from runs.launch import actions
from runs.launch.forms import LaunchForm
from runs.launch.page import launch_choice, launch_page
from teams.access import TeamRequest, member
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Conflict, Refusal, with_retry_after


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def launch(request: TeamRequest, slug: str) -> HttpResponse:
    crew = own_crew(request.who, slug, Role.RUNNER)
    choice = launch_choice(request.who, crew, request.GET, request.POST)
    if not request.POST:
        return render(request, "runs/launch/launch.html", {"page": launch_page(request.who, crew, choice)})
    form = LaunchForm(request.POST, spec=choice.spec, team=request.who.team, earlier=choice.earlier)
    refused: Refusal | None = None
    if form.is_valid():
        key = form.cleaned_data["key"]
        try:
            run = actions.launch(request.who, crew, form.order(choice.version), idempotency_key=key)
            return redirect("run", team=request.who.team.slug, run_id=run.pk)
        except Conflict:
            form.add_error(None, "This form was launched before, with other inputs. Launch again to make another run.")
            form.take_new_key()
        except Refusal as refusal:
            refused = refusal
            show_refusal(form, refusal)
    page = launch_page(request.who, crew, choice, form)
    status = refused.status if refused else 422
    return with_retry_after(render(request, "runs/launch/launch.html", {"page": page}, status=status), refused)
