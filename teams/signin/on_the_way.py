"""A sign-in that was begun ends with the sessions: who knows the password of yesterday, or a code that was mailed then,
gets no further once the password is another one or all sessions were ended.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from teams.models import User

SECOND_STEP, CODE, RESET = "second step", "code", "new password"
_KEY = "on the way to: {}"


def begun(request: HttpRequest, what: str, user: User | None) -> None:
    """Notes in the session as what the account was begun on; of an address without an account nothing."""
    request.session[_KEY.format(what)] = None if user is None else [user.pk, user.get_session_auth_hash()]


def still_as_begun(request: HttpRequest, what: str, user: User) -> bool:
    """Whether ``begun`` was for this person, and neither the password nor the epoch is another one since."""
    kept = request.session.get(_KEY.format(what))
    if not kept or kept[0] != user.pk:
        return False
    return constant_time_compare(kept[1], user.get_session_auth_hash())
