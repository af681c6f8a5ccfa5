"""Home, and the pages of a team's settings: fetch through the gate, call one action, render."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from teams import actions, queries
from teams.access import TeamRequest, fetch, member, signed_in
from teams.forms import ProviderForm, TokenForm, WebhookForm, show_refusal
from teams.models import ApiToken, ProviderKey, Role
from teams.refusals import Refusal


@signed_in
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    team = queries.teams_of(request.user).first()  # type: ignore[arg-type]
    if team is None:
        return render(request, "teams/no_team.html", status=404)
    return redirect("first_page", team=team.slug)


@member(Role.VIEWER)
@require_GET
def settings_page(request: TeamRequest) -> HttpResponse:
    return show_settings(request)


@member(Role.OWNER)
@require_POST
def add_provider(request: TeamRequest) -> HttpResponse:
    form = ProviderForm(request.POST)
    if form.is_valid():
        try:
            key = actions.add_provider(request.who, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, f"The {key.provider} key is kept. Crews on its models now run for real.")
            return redirect("settings", team=request.who.team.slug)
    return show_settings(request, provider_form=form, status=422)


@member(Role.OWNER)
@require_POST
def book_stated(request: TeamRequest, pk: int) -> HttpResponse:
    """Turns round which cost the key's calls are booked at."""
    key = fetch(ProviderKey, request.who, Role.OWNER, pk=pk)
    books_stated = request.POST.get("books_stated") == "yes"
    actions.book_stated(request.who, key, books_stated=books_stated)
    whose = "what the provider says" if books_stated else "what the price list makes of them"
    messages.success(request, f"Calls with the key {key} are booked at {whose}, from the next run on.")
    return redirect("settings", team=request.who.team.slug)


@member(Role.OWNER)
@require_POST
def remove_provider(request: TeamRequest, pk: int) -> HttpResponse:
    key = fetch(ProviderKey, request.who, Role.OWNER, pk=pk)
    actions.remove_provider(request.who, key)
    messages.success(request, f"The key {key} is forgotten.")
    return redirect("settings", team=request.who.team.slug)


@member(Role.VIEWER)
@require_POST
def issue_token(request: TeamRequest) -> HttpResponse:
    form = TokenForm(request.POST, role=request.who.role)
    if not form.is_valid():
        return show_settings(request, token_form=form, status=422)
    _, secret = actions.issue_token(request.who, **form.cleaned_data)
    return show_settings(request, new_token=secret)


@member(Role.VIEWER)
@require_POST
def revoke_token(request: TeamRequest, pk: int) -> HttpResponse:
    actions.revoke_token(request.who, fetch(ApiToken, request.who, pk=pk))
    messages.success(request, "The token no longer works.")
    return redirect("settings", team=request.who.team.slug)


def show_settings(request: TeamRequest, *, status: int = 200, **extra: object) -> HttpResponse:
    """The settings page. ``extra`` adds to its context or replaces parts of it, such as a form that was refused."""
    context = {
        "keys": queries.provider_keys(request.who),
        "tokens": queries.live_tokens(request.who),
        "members": queries.members(request.who),
        "provider_form": ProviderForm(),
        "token_form": TokenForm(role=request.who.role),
        "webhook_form": WebhookForm(),
        "hooks": queries.webhooks(request.who) if request.who.can_own else [],
        "deliveries": queries.last_deliveries(request.who) if request.who.can_own else [],
    }
    return render(request, "teams/settings.html", context | extra, status=status)
