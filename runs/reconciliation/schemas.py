"""What the API takes and answers about checks against providers. Amounts are decimal texts in USD."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

from ninja import Schema
from pydantic import Field, StrictInt

from runs.api_fields import TextOrNull, TimeText, UsdText, UsdTextOrNull
from runs.money import usd_text
from runs.reconciliation.actions import MAX_EXPORT_BYTES, ExportChoice
from runs.reconciliation.matching.causes import Part
from runs.reconciliation.matching.comparison import Line, Sum
from runs.reconciliation.page import Check
from teams.api.request_body import Strict

Columns = Literal["day", "model", "key", "cost", "prompt", "cached", "cache_write", "completion", "requests"]


class ChoiceIn(Strict):
    """What may be said of an export; what is left out is told by the file."""

    provider: str = Field("", max_length=40, description="whose bill it is, as openai; of a CSV of another program")
    mark: Literal["", ".", ","] = Field("", description="what stands before decimals")
    order: Literal["", "dmy", "mdy"] = Field("", description="whether the day or the month comes first")
    doubled: Literal["", "once", "twice"] = Field(
        "", description="what rows mean that stand twice word for word; empty: the file is refused"
    )
    amounts_in: Literal["", "usd", "cents"] = ""
    cached_tokens: Literal["", "apart"] = Field("", description="apart: the prompt's count does not include them")

    def choice(self, columns: Mapping[str, int]) -> ExportChoice:
        names = ("provider", "mark", "order", "doubled", "amounts_in", "cached_tokens")
        return ExportChoice(columns=columns, **{name: getattr(self, name) for name in names})


class ExportIn(ChoiceIn):
    """An export as text."""

    name: str = Field("", max_length=200, description="of the file")
    text: str = Field(max_length=MAX_EXPORT_BYTES, description="CSV or JSON")
    columns: dict[Columns, StrictInt] = Field(
        default_factory=dict,
        description="of a CSV of another program: the place of the column that says this, from 0. Remembered",
    )


class ExportFilesIn(ChoiceIn):
    """The fields beside the files. Columns of other programs are chosen in JSON or on the page."""


class KeysIn(Strict):
    """To which of the team's keys the provider's belong."""

    provider: str = Field(max_length=40)
    keys: dict[str, str] = Field(
        description='by their id or name: a key of yours, as "openai/default"; "-" for none of yours; "" forgets',
        max_length=500,
    )


class KeysOut(Schema):
    provider: str
    keys: dict[str, str]


class SideOut(Schema):
    usd: UsdTextOrNull
    prompt_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    completion_tokens: int | None


class PartOut(Schema):
    cause: str
    certainty: str = Field(description="certain, likely, possible or unknown")
    why: str
    difference_usd: str | None
    difference_tokens: int | None
    ratio: str | None = Field(description="of their cost to ours, where a price explains it")


class CheckLineOut(Schema):
    day: dt.date = Field(description="in UTC, by a call's start")
    model: TextOrNull
    key: TextOrNull = Field(description="null where keys are not told apart")
    item: TextOrNull = Field(description="what is billed besides tokens")
    in_batch: bool
    calls: int = Field(description="of ours")
    theirs: SideOut
    ours: SideOut
    difference_usd: str | None
    difference_tokens: int | None
    parts: list[PartOut] = Field(description="they sum to the difference")


class CheckTotalOut(Schema):
    theirs: str | int
    ours: str | int
    difference: str | int = Field(description="theirs less ours")
    theirs_alone: str | int
    ours_alone: str | int


class CheckOut(Schema):
    id: int
    provider: TextOrNull
    name: str
    since: dt.date
    until: dt.date = Field(description="the last day")
    made_at: TimeText
    made_by: str | None
    theirs_usd: UsdTextOrNull = Field(description="null where the export tells no cost")
    ours_usd: UsdText

    @staticmethod
    def of(row: Any) -> dict[str, Any]:
        return {
            "id": row.pk,
            **{name: getattr(row, name) for name in ("provider", "name", "since", "until", "made_at")},
            "made_by": row.made_by.email if row.made_by else None,
            "theirs_usd": row.theirs_nusd,
            "ours_usd": row.ours_nusd,
        }


class CheckList(Schema):
    items: list[CheckOut]
    next: str | None = None


class CheckDetail(CheckOut):
    answer: str
    formats: list[str]
    tells: list[str] = Field(description="of model, key, tokens and cost what the export tells")
    notes: list[str] = Field(description="what was guessed or not understood")
    measure: Literal["usd", "tokens"] = Field(description="what is compared")
    total: CheckTotalOut
    unassigned_keys: list[str] = Field(description="of theirs, about which nobody has said anything")
    lines: list[CheckLineOut]

    @staticmethod
    def of(check: Any) -> dict[str, Any]:
        found: Check = check
        return CheckOut.of(found.row) | {
            "answer": found.answer,
            "formats": list(found.theirs.formats),
            "tells": list(found.theirs.tells),
            "notes": found.row.notes,
            "measure": "usd" if found.in_dollars else "tokens",
            "total": _total(found.total, in_dollars=found.in_dollars),
            "unassigned_keys": list(found.found.unassigned),
            "lines": [_line(found, line) for line in found.found.lines],
        }


def _total(total: Sum, *, in_dollars: bool) -> dict[str, str | int | None]:
    names = ("theirs", "ours", "difference", "theirs_alone", "ours_alone")
    return {name: usd_text(getattr(total, name)) if in_dollars else getattr(total, name) for name in names}


def _line(check: Check, line: Line) -> dict[str, Any]:
    where, tells = line.where, check.tells_tokens
    return {
        "day": where.day,
        "model": where.model,
        "key": where.key,
        "item": ", ".join(sorted(line.items)) or where.item,
        "in_batch": where.in_batch,
        "calls": line.ours.calls,
        "theirs": _side(line.theirs, usd=check.in_dollars, tokens=tells),
        "ours": _side(line.ours, usd=True, tokens=True),
        "difference_usd": usd_text(line.difference("nusd")) if check.in_dollars else None,
        "difference_tokens": line.difference("tokens") if tells else None,
        "parts": [_part(check, part) for part in check.parts.get(where, ())],
    }


def _side(side: Any, *, usd: bool, tokens: bool) -> dict[str, int | None]:
    kinds = ("prompt", "cached", "cache_write", "completion")
    counts = {f"{kind}_tokens": getattr(side, kind) if tokens else None for kind in kinds}
    return {"usd": side.nusd if usd else None, **counts}


def _part(check: Check, part: Part) -> dict[str, Any]:
    return {
        "cause": part.cause,
        "certainty": part.certainty,
        "why": part.why,
        "difference_usd": usd_text(part.amount) if check.in_dollars else None,
        "difference_tokens": None if check.in_dollars else part.amount,
        "ratio": None if part.ratio is None else f"{float(part.ratio):.6g}",
    }
