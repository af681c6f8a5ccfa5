"""What can go wrong, as exceptions. None of them holds the token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CrewsiteError(Exception):
    """The common one. ``str()`` of it is for people."""


class UnsafeAddress(CrewsiteError, ValueError):
    """An address to which no token is sent, or that is none."""


class Unsendable(CrewsiteError, ValueError):
    """What was to be sent is no text, no name or no JSON. Nothing was sent."""


class Unreachable(CrewsiteError):
    """No answer came: no connection, a time limit, or something that is no Crewsite server."""


class TooLarge(Unreachable):
    """An answer has more than this client reads."""


class StillGoing(CrewsiteError):
    """What was waited for had not ended in time. It goes on."""


class Refused(CrewsiteError):
    """The server's answer is an error.

    ``status`` is HTTP's, ``code`` stable and for programs, ``message`` for people, and ``fields`` maps the path of each
    field that is wrong to what is wrong with it. ``retry_after`` is in seconds, where the server says it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Mapping[str, str] | None = None,
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = dict(fields or {})
        self.retry_after = retry_after

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {field}: {fault}" for field, fault in self.fields.items())])

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.status, self.code, self.message, self.fields, self.retry_after)


class NotAllowed(Refused):
    """401 or 403: the token does not work, or may not do this."""


class NotFound(Refused):
    """404: there is none, or it is somebody else's."""


class Conflict(Refused):
    """409: the thing is not in the state that this needs."""


class Changed(Refused):
    """412: somebody else has changed it since."""


class Invalid(Refused):
    """400, 413 or 422: the request is not as it should be; ``fields`` says where."""


class Busy(Refused):
    """429: too many requests, after all tries."""


class ServerFault(Refused):
    """5xx, after all tries."""


OF_STATUS: dict[int, type[Refused]] = {
    400: Invalid,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: Changed,
    413: Invalid,
    422: Invalid,
    429: Busy,
}


def _again(
    kind: type[Refused], status: int, code: str, message: str, fields: Mapping[str, str], after: float | None
) -> Refused:
    return kind(status, code, message, fields, retry_after=after)
