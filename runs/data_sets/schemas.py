"""What the API takes and answers about data sets. Docstrings of schemas are shown to users of the API."""

from __future__ import annotations

from typing import Any

from ninja import Schema
from pydantic import Field, StrictBool

from runs.addresses import data_set_url
from runs.api_fields import TextOrNull, TimeText
from runs.batches.order import MAX_ROWS
from runs.data_sets.columns import CellKind
from runs.data_sets.preview import RowsPreview
from runs.data_sets.queries import DataSetDetail
from teams.api.request_body import Strict

ROWS = f"by the names of inputs, at most {MAX_ROWS:,}; what is null is not given"


class DataSetIn(Strict):
    name: str = Field(description="small letters, digits and hyphens")
    inputs: list[dict[str, Any]] = Field(description=f"the rows, {ROWS}")


class DataSetRowsIn(Strict):
    inputs: list[dict[str, Any]] = Field(description=f"rows, {ROWS}")


class DataSetPatch(Strict):
    """What is null stays as it is."""

    name: str | None = None
    archived: StrictBool | None = Field(None, description="an archived set is offered no more; its versions stay")


class DataSetOut(Schema):
    name: str = Field(validation_alias="data_set.name")
    revision: int = Field(validation_alias="data_set.revision", description="grows with every change of the set")
    archived: bool
    version: int = Field(validation_alias="version.number", description="the newest; a version never changes")
    rows: int = Field(validation_alias="version.row_count", description="of that version")
    columns: list[str] = Field(validation_alias="version.columns")
    created_at: TimeText = Field(validation_alias="data_set.created_at")
    changed_at: TimeText = Field(validation_alias="version.created_at", description="when its version was made")
    url: str

    @staticmethod
    def resolve_archived(detail: DataSetDetail) -> bool:
        return detail.data_set.archived_at is not None

    @staticmethod
    def resolve_url(detail: DataSetDetail) -> str:
        return data_set_url(detail.data_set)


class DataSetList(Schema):
    items: list[DataSetOut]
    next: TextOrNull


class DataSetVersionOut(Schema):
    version: int = Field(validation_alias="number")
    rows: int = Field(validation_alias="row_count")
    columns: list[str]
    created_at: TimeText
    created_by: str | None = Field(description="null where they are gone")

    @staticmethod
    def resolve_created_by(version: Any) -> str | None:
        return None if version.created_by is None else str(version.created_by)


class DataSetVersionList(Schema):
    items: list[DataSetVersionOut] = Field(description="the newest first")
    next: TextOrNull


class DataSetRowOut(Schema):
    row: int = Field(validation_alias="position", description="from 1")
    inputs: dict[str, Any] = Field(validation_alias="cells")


class DataSetRowList(Schema):
    version: int
    items: list[DataSetRowOut]
    next: TextOrNull


class DataSetColumnOut(Schema):
    name: str
    kind: CellKind = Field(description="what all its filled cells can be read as; every cell is a text")
    filled: int
    empty: int
    different: int = Field(description="filled cells, each text once")
    longest: int = Field(description="characters")


class DataSetColumnList(Schema):
    version: int
    rows: int
    looked_at: int = Field(description="the first so many rows")
    items: list[DataSetColumnOut]


class DataSetChanges(Schema):
    """Rows are the same word for word, wherever they stand."""

    same: int
    added: int
    removed: int
    repeated: int = Field(description="of the added, those that the newest version has already")
    columns_added: list[str]
    columns_removed: list[str]
    refused: TextOrNull = Field(description="why there can be no such version")


class DataSetPreview(Schema):
    rows: int
    columns: list[DataSetColumnOut]
    behind: DataSetChanges = Field(description="if they are added behind the rows that there are")
    alone: DataSetChanges = Field(description="if they are a version alone")

    @staticmethod
    def resolve_rows(preview: RowsPreview) -> int:
        return len(preview.rows.rows)
