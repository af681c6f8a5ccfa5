"""A crew's JSON as somebody typed it, and in words what is wrong with it."""

from __future__ import annotations

from pydantic import ValidationError

from engine import strict_json
from engine.spec.crew_spec import CrewSpec
from engine.strict_json import JsonFault

MAX_FAULTS = 10


def typed_spec(text: str) -> CrewSpec:
    """Raises ``JsonFault`` for what is not JSON, pydantic's ``ValidationError`` for what is not a crew."""
    return CrewSpec.from_json(strict_json.read(text))


def json_fault(error: Exception) -> str:
    """A sentence for what reading or saving the JSON raised."""
    if isinstance(error, ValidationError):
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:MAX_FAULTS])
        return "This is not a crew yet. " + "; ".join(faults) + "."
    return f"This JSON cannot be read: {error}." if isinstance(error, JsonFault) else str(error)
