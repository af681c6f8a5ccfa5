"""How large the body of a request may be, by its address. Nothing that is larger is read."""

from __future__ import annotations

from types import MappingProxyType

from django.conf import settings
from django.urls import Resolver404, resolve

from agents_app.imports.uploads import MAX_UPLOAD_BYTES
from agents_app.knowledge.actions import MAX_DOCUMENT_BYTES
from agents_app.knowledge.forms import MAX_BYTES_AT_ONCE
from runs.batches.table import MAX_BYTES as MAX_TABLE_BYTES
from runs.reconciliation.actions import MAX_BYTES_AT_ONCE as MAX_EXPORTS_AT_ONCE

SMALL = 64_000
"""From anybody, wherever it goes."""
ORDINARY = 1_000_000
"""From people who are signed in, and from accepted tokens, where ``LARGE`` has no entry."""
TEXTS: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
"""As much as Django reads of a form's texts or of JSON."""
MAX_TEMPLATE_FILES = 2_000_000
AROUND_FILES = 200_000
"""What multipart adds to files: their names, and the other fields."""

LARGE = MappingProxyType(
    {
        "t/<slug:team>/crews/import/": TEXTS + MAX_UPLOAD_BYTES + AROUND_FILES,
        "t/<slug:team>/crews/import/save/": TEXTS + AROUND_FILES,
        "t/<slug:team>/crews/<slug:slug>/json/": TEXTS,
        "t/<slug:team>/crews/<slug:slug>/launch/": TEXTS,
        "t/<slug:team>/templates/add/": TEXTS + MAX_TEMPLATE_FILES + AROUND_FILES,
        "t/<slug:team>/crews/<slug:slug>/launch/batch/": TEXTS + MAX_TABLE_BYTES + AROUND_FILES,
        "t/<slug:team>/batches/<uuid:batch_id>/rows/": TEXTS + MAX_TABLE_BYTES + AROUND_FILES,
        "t/<slug:team>/crews/<slug:slug>/launch/schedule/": TEXTS,
        "t/<slug:team>/schedules/<uuid:schedule_id>/edit/": TEXTS,
        "t/<slug:team>/data-sets/new/": TEXTS + MAX_TABLE_BYTES + AROUND_FILES,
        "t/<slug:team>/data-sets/<slug:name>/add/": TEXTS + MAX_TABLE_BYTES + AROUND_FILES,
        "t/<slug:team>/knowledge/add/": MAX_BYTES_AT_ONCE + AROUND_FILES,
        "t/<slug:team>/reconciliations/": MAX_EXPORTS_AT_ONCE + AROUND_FILES,
        "api/v1/crews/import": MAX_UPLOAD_BYTES + AROUND_FILES,
        "api/v1/templates/import": TEXTS,
        "api/v1/crews": TEXTS,
        "api/v1/crews/<slug:slug>": TEXTS,
        "api/v1/crews/<slug:slug>/runs": TEXTS,
        "api/v1/crews/<slug:slug>/analyze": TEXTS,
        "api/v1/crews/<slug:slug>/batches": TEXTS,
        "api/v1/crews/<slug:slug>/batches/estimate": TEXTS,
        "api/v1/batches/<uuidstr:batch_id>/rows": TEXTS,
        "api/v1/datasets": TEXTS,
        "api/v1/datasets/<slug:name>/versions": TEXTS,
        "api/v1/datasets/<slug:name>/rows": TEXTS,
        "api/v1/schedules": TEXTS,
        "api/v1/schedules/<uuidstr:schedule_id>": TEXTS,
        "api/v1/reconciliations": MAX_EXPORTS_AT_ONCE + AROUND_FILES,
        "api/v1/documents": MAX_DOCUMENT_BYTES + AROUND_FILES,
    }
)
"""By route, as it stands in the URL configuration."""


def most_bytes(path: str) -> int | None:
    """The most that an address takes, from people who are signed in; None if there is no such address."""
    try:
        route = resolve(path).route
    except Resolver404:
        return None
    return LARGE.get(route, ORDINARY)
