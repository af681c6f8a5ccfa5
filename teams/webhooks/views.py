"""Webhooks on the settings page: each view fetches through ``access``, calls one action and redirects back."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from teams.access import TeamRequest, fetch, member
from teams.forms import WebhookForm, show_refusal
from teams.models import Delivery, Role, Webhook
from teams.refusals import Refusal
from teams.views import show_settings
from teams.webhooks import actions


@member(Role.OWNER)
@require_POST
def add_webhook(request: TeamRequest) -> HttpResponse:
    """The answer shows the new webhook's secret. No other page does."""
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            _, secret = actions.add_webhook(request.who, **form.cleaned_data)
            return show_settings(request, new_webhook_secret=secret)
        except Refusal as refusal:
            show_refusal(form, refusal)
    return show_settings(request, webhook_form=form, status=422)


@member(Role.OWNER)
@require_POST
def remove_webhook(request: TeamRequest, pk: int) -> HttpResponse:
    actions.remove_webhook(request.who, fetch(Webhook, request.who, Role.OWNER, pk=pk))
    messages.success(request, "The webhook is forgotten, with all that was to be sent to it.")
    return _back(request)


@member(Role.OWNER)
@require_POST
def set_active(request: TeamRequest, pk: int) -> HttpResponse:
    active = request.POST.get("active") == "yes"
    actions.set_active(request.who, fetch(Webhook, request.who, Role.OWNER, pk=pk), active=active)
    messages.success(request, "The webhook is told again." if active else "The webhook is told nothing for now.")
    return _back(request)


@member(Role.OWNER)
@require_POST
def send_test(request: TeamRequest, pk: int) -> HttpResponse:
    actions.send_test(request.who, fetch(Webhook, request.who, Role.OWNER, pk=pk))
    messages.success(request, "A test is on its way. Reload in a few seconds to see how it went.")
    return _back(request)


@member(Role.OWNER)
@require_POST
def send_again(request: TeamRequest, pk: UUID) -> HttpResponse:
    actions.send_again(request.who, fetch(Delivery, request.who, Role.OWNER, pk=pk))
    messages.success(request, "It is sent again. Reload in a few seconds to see how it went.")
    return _back(request)


def _back(request: TeamRequest) -> HttpResponse:
    return redirect(f"{reverse('settings', kwargs={'team': request.who.team.slug})}#webhooks")
