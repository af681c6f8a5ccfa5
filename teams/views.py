"""Home, and the pages of a team's settings: fetch through the gate, call one action, render."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from engine.catalogue.model_ids import PROVIDERS
from engine.providers.servers.known import SERVERS
from teams import actions, queries
from teams.access import TeamRequest, fetch, member, signed_in
from teams.forms import ChangeProviderForm, ProviderForm, TokenForm, WebhookForm, show_refusal
from teams.models import ApiToken, ProviderKey, Role
from teams.providers import actions as provider_actions
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
            return _tested(request, key)
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
def test_provider(request: TeamRequest, pk: int) -> HttpResponse:
    return _tested(request, fetch(ProviderKey, request.who, Role.OWNER, pk=pk))


@member(Role.OWNER)
@require_POST
def change_provider(request: TeamRequest, pk: int) -> HttpResponse:
    key = fetch(ProviderKey, request.who, Role.OWNER, pk=pk)
    form = ChangeProviderForm(request.POST, auto_id=f"id_key_{key.pk}_%s")
    if form.is_valid():
        try:
            provider_actions.change_provider(request.who, key, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return _tested(request, key)
    return show_settings(request, change_forms={key.pk: form}, status=422)


def _change_form(key: ProviderKey) -> ChangeProviderForm:
    kept = {"base_url": key.base_url, "api_version": key.api_version}
    return ChangeProviderForm(initial=kept, auto_id=f"id_key_{key.pk}_%s")


def _tested(request: TeamRequest, key: ProviderKey) -> HttpResponse:
    """Tests the key, if it is one of a model provider, and says on the settings page what came of it."""
    if not key.has_models:
        messages.success(request, f"The {key.provider} key is kept.")
        return redirect("settings", team=request.who.team.slug)
    provider_actions.test_provider(request.who, key)
    if key.test_fault:
        messages.error(request, f"The key {key} is kept, and failed its test: {key.test_fault}")
    else:
        listed = f"It lists {len(key.model_ids):,} models for chats. " if key.model_ids else ""
        kept = f"The key {key} is kept. Crews on its models now run for real."
        messages.success(request, f"{kept} {listed}{key.test_note}")
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


def show_settings(
    request: TeamRequest,
    *,
    status: int = 200,
    change_forms: Mapping[int, ChangeProviderForm] | None = None,
    **extra: object,
) -> HttpResponse:
    """The settings page. ``extra`` adds to its context or replaces parts of it, such as a form that was refused.

    ``change_forms``: refused ones, by their key.
    """
    keys = list(queries.provider_keys(request.who))
    context = {
        "keys": [(key, (change_forms or {}).get(key.pk) or _change_form(key)) for key in keys],
        "tokens": queries.live_tokens(request.who),
        "members": queries.members(request.who),
        "provider_form": ProviderForm(),
        "servers": [
            ("Any OpenAI-compatible server" if name == "openai" else PROVIDERS[name], server.example, name)
            for name, server in SERVERS.items()
            if server.example
        ],
        "token_form": TokenForm(role=request.who.role),
        "webhook_form": WebhookForm(),
        "hooks": queries.webhooks(request.who) if request.who.can_own else [],
        "deliveries": queries.last_deliveries(request.who) if request.who.can_own else [],
    }
    return render(request, "teams/settings.html", context | extra, status=status)
