"""What people type about teams, and how a refusal is shown at a form. ``actions`` decides what may be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from engine.catalogue.model_ids import PROVIDERS
from engine.providers.servers.known import AZURE_API_VERSION
from teams.actions import SCOPE_ROLE
from teams.models import Role, Scope, WebhookEvent
from teams.refusals import Refusal

LIVES = [("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "without an end")]
"""How long a new token works."""
BOOKS = [
    ("", "As usual for the provider"),
    ("yes", "What the provider says, where it says so"),
    ("no", "What the price list makes of it"),
]


class ProviderForm(forms.Form):
    """A provider key."""

    provider = forms.ChoiceField(choices=list(PROVIDERS.items()))
    name = forms.SlugField(
        initial="default", max_length=60, help_text="Agents name another key than “default” by their credential."
    )
    api_key = forms.CharField(
        label="API key",
        max_length=4000,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Kept encrypted and never shown again. May be left out for a local server.",
    )
    base_url = forms.CharField(
        label="Base URL",
        max_length=500,
        required=False,
        help_text="Empty: the provider's own. For a server of yours as in the table below.",
    )
    books_stated = forms.TypedChoiceField(
        label="Booked cost",
        choices=BOOKS,
        coerce={"": None, "yes": True, "no": False}.get,
        empty_value=None,
        required=False,
        help_text="OpenRouter, Perplexity and xAI say what they take for each request; theirs is usually booked.",
    )
    api_version = forms.CharField(
        label="API version", max_length=40, required=False, help_text=f"Only of Azure. Empty: {AZURE_API_VERSION}."
    )


class ChangeProviderForm(forms.Form):
    """What may change at a provider key that there is."""

    api_key = forms.CharField(
        label="New API key",
        max_length=4000,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Empty: the one that is kept. A new one takes its place at once; runs under way end on the old one.",
    )
    base_url = forms.CharField(label="Base URL", max_length=500, required=False, help_text="Empty: the provider's own.")
    no_key = forms.BooleanField(label="The server needs no key", required=False)
    api_version = forms.CharField(label="API version", max_length=40, required=False, help_text="Only of Azure.")

    def change(self) -> dict[str, Any]:
        """Of a form that was found valid: what is left empty stays, and so does a key of which nothing is said."""
        typed = dict(self.cleaned_data)
        no_key = typed.pop("no_key")
        return typed | {"api_key": typed["api_key"] or ("" if no_key else None)}


class TokenForm(forms.Form):
    """A new API token; offers the scopes that the person's role covers."""

    name = forms.CharField(max_length=80, required=False, help_text="What it is for.")
    scope = forms.ChoiceField()
    days = forms.TypedChoiceField(
        label="Works for", choices=LIVES, coerce=int, empty_value=None, required=False, initial=90
    )

    def __init__(self, *args: Any, role: Role, **options: Any) -> None:
        super().__init__(*args, **options)
        offered = [scope for scope in Scope if SCOPE_ROLE[scope] <= role]
        self.fields["scope"].choices = [(scope.value, scope.label) for scope in offered]  # type: ignore[attr-defined]
        self.fields["scope"].initial = Scope.RUN if Scope.RUN in offered else Scope.READ

    def order(self) -> dict[str, Any]:
        """Of a form that was found valid: what ``issue_token`` takes."""
        typed = dict(self.cleaned_data)
        days = typed.pop("days")
        return typed | {"life": timedelta(days=days) if days else None}


class WebhookForm(forms.Form):
    """An address, and the events that it is told of."""

    url = forms.CharField(
        label="Address",
        max_length=500,
        widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://example.com/hooks/crewsite"}),
    )
    events = forms.MultipleChoiceField(
        choices=WebhookEvent.choices,
        widget=forms.CheckboxSelectMultiple,
        label="Tell it when",
        error_messages={"required": "Choose at least one."},
    )


def show_refusal(form: forms.Form, refusal: Refusal) -> None:
    """Puts a refusal's complaints at the form's fields, and those that belong to none of them above the form."""
    for field, message in refusal.fields.items():
        form.add_error(field if field in form.fields else None, message)
    if not refusal.fields:
        form.add_error(None, refusal.message)
