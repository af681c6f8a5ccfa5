"""Pages on which passkeys, the app, recovery codes and accounts elsewhere are added and removed."""

from __future__ import annotations

from typing import Any

from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.views import AddWebAuthnView, EditWebAuthnView, RemoveWebAuthnView
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse_lazy
from django.views.decorators.http import require_POST, require_safe

from teams.guessing.address import counted_address
from teams.models import User
from teams.queries import has_second_step, teams_that_want_a_second_step
from teams.signin import mail
from teams.signin.fresh import fresh
from teams.signin.limited import limited
from teams.signin.second_factor import AddPasskeyForm, PasskeyNameForm
from teams.signin.sessions import end_other_sessions
from teams.signin.social import name_of

OWN = reverse_lazy("mfa_index")


class EndsOthers:
    """An account's first second step ends all other sessions: whoever is in one has not shown any."""

    request: HttpRequest

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = self.request.user  # type: ignore[assignment]
        is_first = not has_second_step(user)
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        if is_first:
            end_other_sessions(self.request, user)
        return response


class AddPasskey(EndsOthers, AddWebAuthnView):
    """A passkey that can stand for a password: the device asks for its own lock."""

    form_class = AddPasskeyForm
    template_name = "teams/account/passkey.html"

    def get_form_class(self) -> type[AddPasskeyForm]:
        return AddPasskeyForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["js_data"] = {"creation_options": auth.begin_registration(self.request.user, passwordless=True)}
        return context | {"has_name": not counted_address(self.request.get_host())}


class RemovePasskey(RemoveWebAuthnView):
    success_url = OWN


class RenamePasskey(EditWebAuthnView):
    form_class = PasskeyNameForm
    success_url = OWN
    template_name = "teams/account/passkey_name.html"

    def get_form_class(self) -> type[PasskeyNameForm]:
        return PasskeyNameForm


class AddApp(EndsOthers, ActivateTOTPView):
    template_name = "teams/account/app.html"


class RemoveApp(DeactivateTOTPView):
    success_url = OWN


class RecoveryCodes(ViewRecoveryCodesView):
    template_name = "teams/account/codes.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"wanting": teams_that_want_a_second_step(self.request.user)}


add_passkey = fresh(limited(AddPasskey.as_view()))
rename_passkey = fresh(limited(RenamePasskey.as_view()))
remove_passkey = fresh(require_POST(RemovePasskey.as_view()))
add_app = fresh(limited(AddApp.as_view()))
remove_app = fresh(require_POST(RemoveApp.as_view()))
recovery_codes = fresh(require_safe(RecoveryCodes.as_view()))
new_recovery_codes = fresh(require_POST(GenerateRecoveryCodesView.as_view()))


@fresh
@require_POST
def disconnect(request: HttpRequest, pk: int) -> HttpResponse:
    """An account elsewhere no longer signs its person in. A mailed code or an operator's link still does."""
    account = get_object_or_404(SocialAccount, pk=pk, user=request.user)
    name = name_of(account)
    account.delete()
    mail.tell("socialaccount/email/account_disconnected", account.user.email, provider=name)
    messages.success(request, f"{name} is disconnected.")
    return redirect("mfa_index")
