"""What several schemas of the API share: types of fields, which take what a row holds and write it as the API does, and
who said something."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import BeforeValidator, Field

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


class AuthorOut(Schema):
    """Who said it. Of a token also its name, since a program that judges is not the person whose token it has."""

    person: str | None = Field(description="null for somebody who is gone")
    token: str | None = Field(description="null for what was said on a page")

    @staticmethod
    def of(person: Any, token: Any) -> AuthorOut:
        return AuthorOut(person=person and str(person), token=token and (token.name or str(token)))
