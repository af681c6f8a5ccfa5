"""Types of fields in the API's answers, which take what a row holds and write it as the API does, and of parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from runs.money import usd_text
from teams.texts.times import time_text

TimeText = Annotated[str, BeforeValidator(time_text)]
"""A datetime, written as ISO 8601 in UTC."""
TimeTextOrNull = Annotated[str | None, BeforeValidator(time_text)]

UsdText = Annotated[str, BeforeValidator(usd_text)]
"""An amount in 1e-9 USD, written as a decimal text in USD."""
UsdTextOrNull = Annotated[str | None, BeforeValidator(usd_text)]


def null_for_empty(text: str) -> str | None:
    return text or None


TextOrNull = Annotated[str | None, BeforeValidator(null_for_empty)]
"""A text column, in which "" means that there is none."""

YesOrNo = Literal["yes", "no"]
"""What is asked of an address, as ``simulated=yes``."""
