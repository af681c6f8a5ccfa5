"""How the JSON body of an API request is read: strictly, and with each fault at its field."""

from __future__ import annotations

from typing import TypeVar

from django.http import HttpRequest
from ninja import Schema
from pydantic import ConfigDict, ValidationError

from teams.refusals import Invalid


class Strict(Schema):
    """A request body: fields it does not know are refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


Body = TypeVar("Body", bound=Strict)


def read_body(request: HttpRequest, model: type[Body]) -> Body:
    """The body of an operation that also takes uploads, which Ninja therefore does not parse. Raises ``Invalid``."""
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        fields = {".".join(str(part) for part in item["loc"]) or "body": item["msg"] for item in error.errors()}
        raise Invalid("The request's body is not as it should be.", fields=fields) from error
