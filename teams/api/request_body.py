"""How API requests are read: bodies, the fields beside uploads and query strings; strictly, each fault at its field."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser
from pydantic import BaseModel, ConfigDict, ValidationError

from engine import strict_json
from engine.strict_json import JsonFault
from engine.text import is_storable
from teams.refusals import Invalid, Refusal


class Strict(BaseModel):
    """A request body: fields it does not know are refused, not ignored.

    No ninja ``Schema``, which reads attributes of whatever it gets: to it a list is an object without fields.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


Body = TypeVar("Body", bound=Strict)


class Unreadable(Refusal):
    """The body is not what its content type says."""

    status = 400
    code = "unreadable"


class StrictParser(Parser):
    """Reads what Ninja's operations declare. Nothing may be given twice."""

    def parse_body(self, request: HttpRequest) -> Any:
        return strict_json.read(request.body)

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        _refuse_doubled({name: values for name, values in data.lists() if name not in list_fields})
        parsed: dict[str, Any] = super().parse_querydict(data, list_fields, request)
        return parsed


def is_upload(request: HttpRequest) -> bool:
    """Whether the request says that it brings files, whether or not it brings any."""
    return request.content_type == "multipart/form-data"


def read_body(request: HttpRequest, model: type[Body]) -> Body:
    """The JSON body of an operation that also takes uploads, which Ninja therefore does not parse.

    Raises ``Unreadable`` for what is not JSON, and ``Invalid`` for what does not fit the model.
    """
    try:
        return _validated(model, strict_json.read(request.body))
    except JsonFault as fault:
        raise unreadable_json(fault) from fault


def read_fields(request: HttpRequest, model: type[Body], *, files: str, lists: Collection[str] = ()) -> Body:
    """The text fields beside the files of an upload, which come under the name ``files``. Raises ``Invalid``.

    ``lists``: fields that may come several times.
    """
    given = {name: [str(value) for value in values] for name, values in request.POST.lists()}
    _refuse_doubled({name: values for name, values in given.items() if name not in lists})
    fields: dict[str, Any] = {name: values if name in lists else values[0] for name, values in given.items()}
    unstorable = {
        name: "It holds a NUL character." for name, values in given.items() if not all(map(is_storable, values))
    }
    unknown = {name: f"There is no such field; files come as {files!r}." for name in request.FILES if name != files}
    if faults := unstorable | unknown:
        raise Invalid("The request's fields are not as they should be.", fields=faults)
    return _validated(model, fields)


def unreadable_json(fault: JsonFault) -> Unreadable:
    """The refusal of a body for that fault, with its place."""
    return Unreadable(f"The body is not readable JSON: {fault}.", fields={fault.path or "body": f"{fault.reason}."})


def _validated(model: type[Body], data: Any) -> Body:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fields = {".".join(str(part) for part in item["loc"]) or "body": item["msg"] for item in error.errors()}
        raise Invalid("The request's body is not as it should be.", fields=fields) from error


def _refuse_doubled(given: Mapping[str, list[Any]]) -> None:
    doubled = {name: "It is given more than once." for name, values in given.items() if len(values) > 1}
    if doubled:
        raise Invalid("A field is given more than once.", fields=doubled)
