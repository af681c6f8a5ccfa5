"""Pages of mailed codes: to sign in, and to choose a new password. They say and do the same for addresses without an
account, but for the mail.
"""

from __future__ import annotations

from typing import Any

from allauth.account.views import (
    CompletePasswordResetView,
    ConfirmLoginCodeView,
    ConfirmPasswordResetCodeView,
    PasswordResetView,
    RequestLoginCodeView,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy

from teams.access import public
from teams.signin.code_forms import AskCodeForm, ChoosePasswordForm, EnterCodeForm, EnterResetCodeForm, ForgotForm
from teams.signin.limited import limited, needs_mail
from teams.signin.on_the_way import CODE, RESET, begun, still_as_begun

BY_MAIL = public("who is not signed in must be able to")


class AskCode(RequestLoginCodeView):
    template_name = "teams/signin/ask_code.html"

    def get_form_class(self) -> type[AskCodeForm]:
        return AskCodeForm

    def form_valid(self, form: Any) -> HttpResponse:
        begun(self.request, CODE, form._user)
        response: HttpResponse = super().form_valid(form)
        return response


class OfOneAddress:
    """A code goes for the account that has the address now, whoever had it when the code was mailed, and no longer once
    all its sessions were ended."""

    request: HttpRequest
    what: str
    _process: Any

    def fits(self) -> bool:
        person, email = self._process.user, self._process.state["email"]
        if person is None or not person.may_sign_in or person.email != email.lower():
            return False
        return still_as_begun(self.request, self.what, person)


class CodeOfOneAddress(OfOneAddress):
    def get_form_kwargs(self) -> dict[str, Any]:
        options: dict[str, Any] = super().get_form_kwargs()  # type: ignore[misc]
        return options | {"code": self._process.code if self.fits() else "", "email": self._process.state["email"]}


class EnterCode(CodeOfOneAddress, ConfirmLoginCodeView):
    template_name = "teams/signin/enter_code.html"
    what = CODE

    def get_form_class(self) -> type[EnterCodeForm]:
        return EnterCodeForm

    @property
    def _action(self) -> str:
        return "verify"


class Forgot(PasswordResetView):
    template_name = "teams/signin/forgot.html"

    def get_form_class(self) -> type[ForgotForm]:
        return ForgotForm

    def form_valid(self, form: Any) -> HttpResponse:
        begun(self.request, RESET, next(iter(form.users), None))
        response: HttpResponse = super().form_valid(form)
        return response


class EnterResetCode(CodeOfOneAddress, ConfirmPasswordResetCodeView):
    template_name = "teams/signin/enter_code.html"
    extra_context = {"go": "Go on"}
    what = RESET

    def get_form_class(self) -> type[EnterResetCodeForm]:
        return EnterResetCodeForm


class ChoosePassword(OfOneAddress, CompletePasswordResetView):
    template_name = "teams/signin/choose_password.html"
    what = RESET
    success_url = reverse_lazy("signin")

    def get_form_class(self) -> type[ChoosePasswordForm]:
        return ChoosePasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        """Not for an account that has another address or password by now, or was closed."""
        if not self.fits():
            self._process.abort()
            return redirect("account_reset_password")
        response: HttpResponse = super().form_valid(form)
        return response


ask_code = BY_MAIL(needs_mail(limited(AskCode.as_view())))
enter_code = public("a session knows for which address a code was asked")(needs_mail(limited(EnterCode.as_view())))
forgot = BY_MAIL(needs_mail(limited(Forgot.as_view())))
enter_reset_code = public("a session knows for which address a code was asked")(
    needs_mail(limited(EnterResetCode.as_view()))
)
choose_password = public("a session knows that its code was entered")(needs_mail(limited(ChoosePassword.as_view())))
