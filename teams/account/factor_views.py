"""Pages on which passkeys, the app, recovery codes and accounts elsewhere are added and removed."""

from __future__ import annotations

from typing import Any

from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse_lazy
from django.views.decorators.http import require_POST, require_safe

from teams.guessing.address import counted_address
from teams.signin import mail
from teams.signin.fresh import fresh
from teams.signin.limited import limited
from teams.signin.second_factor import AddPasskeyForm
from teams.signin.social import name_of

OWN = reverse_lazy("mfa_index")


class AddPasskey(AddWebAuthnView):
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


class AddApp(ActivateTOTPView):
    template_name = "teams/account/app.html"


class RemoveApp(DeactivateTOTPView):
    success_url = OWN


class RecoveryCodes(ViewRecoveryCodesView):
    template_name = "teams/account/codes.html"


add_passkey = fresh(limited(AddPasskey.as_view()))
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
