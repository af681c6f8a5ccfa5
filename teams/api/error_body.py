"""The one shape of an error under ``/api/``, ``{"error": {"code", "message", "fields"}}``, and each status's code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ninja import Schema
from ninja.operation import Operation
from pydantic import Field

CODE_OF_STATUS = {
    400: "unreadable",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    429: "busy",
    500: "internal_error",
    503: "unavailable",
}
"""For errors that bring no code of their own, as a ``Refusal`` does."""


class ErrorBody(Schema):
    code: str = Field(description="stable and machine-readable")
    message: str = Field(description="what happened and what to do, for people")
    fields: dict[str, str] = Field(default_factory=dict, description="path of a field to what is wrong with it")


class ErrorAnswer(Schema):
    error: ErrorBody


ERRORS: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 503), ErrorAnswer)
"""The error answers that any operation may give, for its ``response=``."""


def _one_model_for_all_that_answer_alike() -> None:
    """Ninja makes a model for each status of each operation, 11 of them for errors: a quarter of what loading takes."""
    operation: Any = Operation
    make = operation._create_response_model
    shared = cache(lambda answer: make(None, answer))
    operation._create_response_model = lambda _, answer: shared(answer)


_one_model_for_all_that_answer_alike()


def error_body(
    status: int, message: str, *, code: str = "", fields: Mapping[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """The answer's JSON; ``fields`` maps a field's path to what is wrong with it."""
    return {
        "error": {
            "code": code or CODE_OF_STATUS.get(status, "error"),
            "message": message,
            "fields": dict(fields or {}),
        }
    }
