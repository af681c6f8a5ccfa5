"""Passkeys, authenticator apps and recovery codes: how allauth keeps them here, and how often they may be tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms as by_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn import forms as by_passkey
from django import forms
from django.core.exceptions import ValidationError
from fido2.webauthn import AuthenticationResponse

from engine.text import is_storable
from teams.guessing import tries
from teams.guessing.tries import Tally, TooManyTries, count_wrong_secret
from teams.models import User
from teams.secrets import seal, unseal
from teams.signin.limits import SECOND_FACTORS, USED_CODE, WRONG_PASSKEYS, tallies_of

MAX_CODE_CHARS = 40
MAX_NAME_CHARS = 60
MAX_CREDENTIAL_CHARS = 20_000
NO_FIT = "This code does not fit."
NO_PASSKEY = "This passkey could not be used."
BROKEN = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What reading an answer raises that no browser gives."""


class MFAAdapter(DefaultMFAAdapter):
    """Secrets of apps and recovery codes are encrypted as provider keys are."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": NO_FIT}

    def encrypt(self, text: str) -> str:
        return seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text.encode())

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002 - allauth's name
        return f"Passkey {Authenticator.objects.filter(user=user, type=type).count() + 1}"

    def get_totp_issuer(self) -> str:
        return "Crewsite"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys are bound to the host's name, as the browser has it."""
        return {"id": context.request.get_host().partition(":")[0], "name": "Crewsite"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return entity | {"name": user.email, "display_name": str(user)}


class CodeForm(by_code.AuthenticateForm):
    """A code of the app or a recovery code. Each works once, whichever process is asked. ``is_valid``
    raises ``TooManyTries``."""

    code = forms.CharField(
        label="Code of the app, or a recovery code",
        max_length=MAX_CODE_CHARS,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "text"}),
    )

    def clean_code(self) -> str:
        return counted(self.user, super().clean_code)


class AgainCodeForm(by_code.ReauthenticateForm):
    """The same for who is signed in."""

    code = CodeForm.base_fields["code"]

    def clean_code(self) -> str:
        return counted(self.user, super().clean_code)


def counted(user: User, clean: Callable[[], str]) -> str:
    """What ``clean`` returns, as one counted try, which is taken back if the code fits and is not used up. Of two who
    bring one at the same moment one gets in."""
    tallies = tallies_of(context.request, user.email, SECOND_FACTORS)
    tries.count(*tallies)
    code = clean()
    try:
        used = "".join(filter(str.isalnum, code)).lower()  # it fits however it is spaced
        tries.count(Tally(USED_CODE, f"{user.pk}\n{used}"))
    except TooManyTries:
        raise ValidationError(NO_FIT) from None
    tries.take_back(*tallies)
    return code


class AppForm(ActivateTOTPForm):
    """Adds an authenticator app, by the first code that it shows."""

    code = forms.CharField(
        label="The code that the app shows",
        max_length=MAX_CODE_CHARS,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class CredentialField(forms.JSONField):
    """What a browser answers about a passkey, as JSON: bounded, and refused in words however deep or long it is."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_CREDENTIAL_CHARS:
            raise ValidationError(NO_PASSKEY)
        try:
            return super().to_python(value)
        except BROKEN as error:  # JSON that is nested too deeply, or a number of thousands of digits
            raise ValidationError(NO_PASSKEY) from error


class PasskeyForm(by_passkey.AuthenticateWebAuthnForm):
    """A passkey as the second factor. What is no answer of a browser is refused in words, whatever it is."""

    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        return fitting_passkey(super().clean_credential)


class AgainPasskeyForm(by_passkey.ReauthenticateWebAuthnForm):
    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        return fitting_passkey(super().clean_credential)


class SignInPasskeyForm(by_passkey.LoginWebAuthnForm):
    """A passkey in place of a password and a second factor: so the device has to have asked for its own lock."""

    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        typed = self.cleaned_data["credential"]
        authenticator = fitting_passkey(super().clean_credential)
        if not AuthenticationResponse.from_dict(typed).response.authenticator_data.is_user_verified():
            raise ValidationError("This passkey was used without its PIN, face or finger. It cannot sign you in alone.")
        return authenticator


def fitting_passkey(clean: Callable[[], Authenticator]) -> Authenticator:
    """What ``clean`` returns. A wrong one counts for its address. Raises ``TooManyTries``, ``ValidationError``."""
    try:
        authenticator = clean()
    except (ValidationError, *BROKEN) as error:
        count_wrong_secret(context.request, WRONG_PASSKEYS)
        raise ValidationError(NO_PASSKEY) from error
    return authenticator


class AddPasskeyForm(by_passkey.AddWebAuthnForm):
    """A new passkey, by a name that its person knows it by."""

    credential = CredentialField()
    name = forms.CharField(label="Name", max_length=MAX_NAME_CHARS, required=False, help_text="Such as the device.")

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except BROKEN as error:
            raise ValidationError(NO_PASSKEY) from error
        return cleaned


class PasskeyNameForm(by_passkey.EditWebAuthnForm):
    """Another name of a passkey."""

    name = forms.CharField(label="Name", max_length=MAX_NAME_CHARS, help_text="Such as the device.")

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not is_storable(name):
            raise ValidationError("This name has characters that cannot be kept.")
        return name
