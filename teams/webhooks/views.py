"""The page of a team's webhooks: each view fetches through ``access``, calls one action and redirects back."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from teams import queries
from teams.access import TeamRequest, fetch, member
from teams.forms import WebhookForm, show_refusal
from teams.models import Delivery, Role, Webhook
from teams.once import form_once
from teams.refusals import Refusal
from teams.webhooks import actions


@member(Role.OWNER)
@form_once(shows_once="webhook", page="webhooks")
@require_http_methods(["GET", "POST"])
def webhooks(request: TeamRequest) -> HttpResponse:
    """The answer to a POST shows the new webhook's secret. No other page does."""
    if request.method == "GET":
        return _page(request, WebhookForm())
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            _, secret = actions.add_webhook(request.who, **form.cleaned_data)
            return _page(request, WebhookForm(), secret=secret)
        except Refusal as refusal:
            show_refusal(form, refusal)
    return _page(request, form, status=422)


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
    return redirect("webhooks", team=request.who.team.slug)


def _page(request: TeamRequest, form: WebhookForm, *, secret: str = "", status: int = 200) -> HttpResponse:
    context = {
        "webhook_form": form,
        "new_webhook_secret": secret,
        "hooks": queries.webhooks(request.who),
        "deliveries": queries.last_deliveries(request.who),
    }
    return render(request, "teams/webhooks.html", context, status=status)
