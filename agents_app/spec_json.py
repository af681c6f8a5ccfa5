"""A crew's JSON as somebody typed it: what is wrong with it, in words."""

from __future__ import annotations

import json

from pydantic import ValidationError


def json_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:10])
        return "This is not a crew yet. " + "; ".join(faults) + "."
    return f"This is not JSON: {error}." if isinstance(error, json.JSONDecodeError) else str(error)
