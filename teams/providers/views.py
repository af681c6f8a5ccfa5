"""The page of a team's provider keys: fetch through the gate, call one action, render."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from engine.catalogue.model_ids import PROVIDERS
from engine.providers.servers.known import SERVERS
from teams import queries
from teams.access import TeamRequest, fetch, member, require
from teams.actions import add_provider
from teams.actions import remove_provider as remove
from teams.forms import ChangeProviderForm, ProviderForm, show_refusal
from teams.models import ProviderKey, Role
from teams.providers import actions
from teams.refusals import Refusal


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def keys(request: TeamRequest) -> HttpResponse:
    """Everybody sees which keys there are; an owner adds one by POST."""
    if request.method == "GET":
        return _page(request)
    require(request.who, Role.OWNER)
    form = ProviderForm(request.POST)
    if form.is_valid():
        try:
            key = add_provider(request.who, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return _tested(request, key)
    return _page(request, provider_form=form, status=422)


@member(Role.OWNER)
@require_POST
def book_stated(request: TeamRequest, pk: int) -> HttpResponse:
    """Turns round which cost the key's calls are booked at."""
    key = fetch(ProviderKey, request.who, Role.OWNER, pk=pk)
    books_stated = request.POST.get("books_stated") == "yes"
    try:
        actions.change_provider(request.who, key, books_stated=books_stated)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return _back(request)
    whose = "what the provider says" if books_stated else "what the price list makes of them"
    messages.success(request, f"Calls with the key {key} are booked at {whose}, from the next run on.")
    return _back(request)


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
            actions.change_provider(request.who, key, **form.change())
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return _tested(request, key)
    return _page(request, change_forms={key.pk: form}, status=422)


@member(Role.OWNER)
@require_POST
def remove_provider(request: TeamRequest, pk: int) -> HttpResponse:
    key = fetch(ProviderKey, request.who, Role.OWNER, pk=pk)
    remove(request.who, key)
    messages.success(request, f"The key {key} is forgotten.")
    return _back(request)


def _change_form(key: ProviderKey) -> ChangeProviderForm:
    kept = {"base_url": key.base_url, "api_version": key.api_version}
    return ChangeProviderForm(initial=kept, auto_id=f"id_key_{key.pk}_%s")


def _tested(request: TeamRequest, key: ProviderKey) -> HttpResponse:
    """Tests the key, if it is one of a model provider, and says on the page what came of it."""
    if not key.has_models:
        messages.success(request, f"The {key.provider} key is kept.")
        return _back(request)
    actions.test_provider(request.who, key)
    if key.test_fault:
        messages.error(request, f"The key {key} is kept, and failed its test: {key.test_fault}")
    else:
        listed = f"It lists {len(key.model_ids):,} models for chats. " if key.model_ids else ""
        kept = f"The key {key} is kept. Crews on its models now run for real."
        messages.success(request, f"{kept} {listed}{key.test_note}")
    return _back(request)


def _back(request: TeamRequest) -> HttpResponse:
    return redirect("keys", team=request.who.team.slug)


def _page(
    request: TeamRequest,
    *,
    status: int = 200,
    provider_form: ProviderForm | None = None,
    change_forms: Mapping[int, ChangeProviderForm] | None = None,
) -> HttpResponse:
    """``change_forms``: refused ones, by their key."""
    found = queries.provider_keys(request.who)
    context = {
        "keys": [(key, (change_forms or {}).get(key.pk) or _change_form(key)) for key in found],
        "provider_form": provider_form or ProviderForm(),
        "servers": [
            ("Any OpenAI-compatible server" if name == "openai" else PROVIDERS[name], server.example, name)
            for name, server in SERVERS.items()
            if server.example
        ],
    }
    return render(request, "teams/keys.html", context, status=status)
