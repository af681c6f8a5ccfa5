"""JSON columns that keep what was written as it was written."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.fields.json import DataContains, HasKey
from psycopg.types.json import Json, Jsonb


class KeptJSON(models.JSONField):
    """JSON as it was written, in a column of the type ``json``: its keys keep their order, as ``jsonb``'s would not.

    It can be looked for by ``contains`` and ``has_key``, which an index on ``column::jsonb`` serves. Values are not
    equal to one another for PostgreSQL, so neither ``=`` nor DISTINCT take them.
    """

    def db_type(self, connection: Any) -> str:
        return "json"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return f"{sql}::text", params  # a column of ``json`` would come parsed, and then be parsed once more

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return Json(value)

    def get_lookup(self, lookup_name: str) -> Any:
        return {"contains": _Contains, "has_key": _HasKey}.get(lookup_name) or super().get_lookup(lookup_name)


class _AsJsonb:
    def process_lhs(self, *args: Any) -> tuple[str, Any]:
        sql, params = super().process_lhs(*args)  # type: ignore[misc]
        return f"{sql}::jsonb", params


class _Contains(_AsJsonb, DataContains):
    def get_db_prep_lookup(self, value: Any, connection: Any) -> Any:
        return "%s", [Jsonb(value)]


class _HasKey(_AsJsonb, HasKey):
    pass
