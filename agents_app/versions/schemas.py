"""What the API takes and answers about versions."""

from __future__ import annotations

from typing import Literal

from ninja import Schema
from pydantic import Field

from agents_app.crews.api import CrewOut
from agents_app.versions.spec_diff import FieldChange
from teams.api.request_body import Strict


class NoteIn(Strict):
    note: str = Field("", description="what changed and why, at most 200 characters on one line")


class VersionOut(Schema):
    number: int
    note: str
    revision: str = Field(description="of the note; nothing else of a version ever changes")
    content_hash: str
    created_at: str
    created_by: str | None = Field(description="who made it; null for a built-in template or a person who is gone")
    spec: dict[str, object]


class VersionList(Schema):
    items: list[VersionOut]
    next: str | None = None


class Words(Schema):
    kind: Literal["same", "added", "removed"]
    text: str


class ChangeOut(Schema):
    path: str = Field(description="by keys: tasks.summary.description; an agent or task alone was added or removed")
    label: str
    old: str | None = Field(description="null where nothing is set")
    new: str | None = Field(description="null where nothing is set")
    words: list[Words] = Field(description="both texts in parts, in order")
    note: str = Field(description="how they were compared, where too much changed to do it by word")

    @staticmethod
    def of(change: FieldChange) -> ChangeOut:
        return ChangeOut(
            path=change.path,
            label=change.label,
            old=change.old,
            new=change.new,
            words=[Words(kind=kind, text=text) for kind, text in change.words],
            note=change.note,
        )


class DiffOut(Schema):
    old: int
    new: int
    changes: list[ChangeOut] = Field(description="none if both hold the same crew")
    same_fields: int = Field(description="fields that are the same, without defaults that neither states")


class RestoredOut(Schema):
    crew: CrewOut
    kept_version: int | None = Field(description="the version that holds what the draft was before, if one was made")
    kept_crew: str | None = Field(description="the crew that holds it, if it could not run")
