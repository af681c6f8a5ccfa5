"""What is wrong with a crew's JSON as somebody typed it, in words."""

from __future__ import annotations

import json

from pydantic import ValidationError


def json_fault(error: Exception) -> str:
    """A sentence for what reading or saving the JSON raised."""
    if isinstance(error, ValidationError):
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:10])
        return "This is not a crew yet. " + "; ".join(faults) + "."
    return f"This is not JSON: {error}." if isinstance(error, json.JSONDecodeError) else str(error)
