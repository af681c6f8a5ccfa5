"""How an action says no: one exception that pages show at the form and the API answers with its status."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """``message`` says what happened and what to do; ``fields`` maps a field's path to what is wrong with it."""

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})
        self.code = code or self.code


class Invalid(Refusal):
    """What was asked for cannot be done as it stands."""


class Conflict(Refusal):
    """Somebody else was first, or the row is no longer in the state that was assumed."""

    status = 409
    code = "conflict"


class TooMany(Refusal):
    """More was asked for than a quota gives now; it may be asked for again after ``retry_after_s``."""

    status = 429
    code = "quota_exceeded"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
