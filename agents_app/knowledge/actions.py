"""People's verbs on knowledge documents: upload and delete, within what a team may keep.

The caller decides through ``teams.access`` who may; ``knowledge.text`` decides which files can be read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum

from agents_app.knowledge.folding import fold
from agents_app.knowledge.text import ReadDocument, read_document
from agents_app.models import Document, Passage
from engine.bounded import Patience
from engine.text import storable
from engine.tools.knowledge_search import DEFAULT_COLLECTION
from engine.tools.passages import passages_of
from teams.access import Principal
from teams.audit.record import record
from teams.models import Team
from teams.refusals import Conflict, Invalid
from teams.work_bounds import Places

MAX_DOCUMENT_BYTES = 5_000_000
MAX_DOCUMENTS = 200
MAX_TEAM_BYTES = 50_000_000
MAX_TITLE_CHARS = 200
MAX_COLLECTION_CHARS = 80
MAX_HEADER_CHARS = 300
BATCH_ROWS = 500
READ_SECONDS = 12.0
"""So long the files of one request may wait for what reads HTML, all together."""
UPLOADS_AT_ONCE = 2

UPLOAD_PLACES = Places(
    UPLOADS_AT_ONCE,
    f"{UPLOADS_AT_ONCE} uploads are being read. Nothing of this one was kept; send it again in a minute.",
)
"""For whole requests that upload: other threads of the process are left for pages."""


@dataclass(frozen=True, slots=True)
class ReadUpload:
    """A file that was read and is not kept yet."""

    document: Document
    parts: list[tuple[str, str]]  # its passages, each as it is and folded for searching
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A document that is kept; ``notes`` say what was guessed when the file was read."""

    document: Document
    notes: tuple[str, ...]


def upload_document(who: Principal, **upload: Any) -> Uploaded:
    """Keeps a file for the team's agents to search: ``keep_upload`` of ``read_upload``."""
    return keep_upload(who, read_upload(who, **upload))


def patience_for_reading() -> Patience:
    """For all files of a request, begun with the first."""
    return Patience(READ_SECONDS)


def read_upload(
    who: Principal,
    *,
    title: str,
    data: bytes,
    collection: str = "",
    default_type: str = "",
    patience: Patience | None = None,
) -> ReadUpload:
    """Reads a file and writes nothing. The title's ending tells its kind, or else ``default_type``.

    Raises ``Invalid`` if it cannot be read, and before reading if it could not be kept, as ``keep_upload`` does.
    """
    title = _one_line(title)[:MAX_TITLE_CHARS]
    if not title:
        raise Invalid("Give the document a title.", fields={"title": "Give the document a title."})
    if len(data) > MAX_DOCUMENT_BYTES:
        message = f"“{title}” is larger than {_megabytes(MAX_DOCUMENT_BYTES)}. Split it into smaller files."
        raise Invalid(message, fields={"file": message}, code="too_large")
    document = Document(
        team=who.team,
        title=title,
        collection=_collection(collection),
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        uploaded_by=who.user,
    )
    _refuse_duplicate(document)
    _refuse_over_quota(document)
    patience = patience or patience_for_reading()
    reading = read_document(title, data, patience=patience, default_type=default_type)
    document.media_type = reading.media_type
    return ReadUpload(document, [(part, fold(part)) for part in _parts(reading)], reading.notes)


@transaction.atomic
def keep_upload(who: Principal, upload: ReadUpload) -> Uploaded:
    """Raises ``Invalid`` if it does not fit into what a team may keep, ``Conflict`` if the collection has it."""
    document = _kept(upload.document, upload.parts)
    record(who, "document.added", document, collection=document.collection, bytes=document.size)
    return Uploaded(document, upload.notes)


@transaction.atomic
def delete_document(who: Principal, document: Document) -> None:
    """Deletes a document and its passages. What runs found in it stays in their ledger."""
    record(who, "document.deleted", document, collection=document.collection)
    document.delete()


def _kept(document: Document, parts: list[tuple[str, str]]) -> Document:
    # The team's row is the lock: two uploads at once must not both take the last place.
    Team.objects.select_for_update(no_key=True).get(pk=document.team_id)
    _refuse_duplicate(document)
    _refuse_over_quota(document)
    document.save(force_insert=True)
    title = fold(document.title)
    Passage.objects.bulk_create(
        (
            Passage(document=document, position=number, text=part, folded_title=title, folded_text=folded)
            for number, (part, folded) in enumerate(parts, 1)
        ),
        batch_size=BATCH_ROWS,
    )
    document.refresh_from_db(fields=["created_at"])
    return document


def _refuse_duplicate(document: Document) -> None:
    same = Document.objects.filter(team=document.team, collection=document.collection, sha256=document.sha256).first()
    if same is not None:
        message = f"“{document.title}” is already in the collection “{document.collection}”, as “{same.title}”."
        raise Conflict(message, fields={"file": message}, code="document_exists")


def _refuse_over_quota(document: Document) -> None:
    kept = Document.objects.filter(team=document.team).aggregate(count=Count("pk"), size=Sum("size", default=0))
    if kept["count"] >= MAX_DOCUMENTS:
        message = (
            f"“{document.title}” was not kept: a team keeps at most {MAX_DOCUMENTS} documents. "
            "Delete some that agents no longer need, or join small files into one."
        )
    elif kept["size"] + document.size > MAX_TEAM_BYTES:
        message = (
            f"“{document.title}” was not kept: with it the team's documents would be larger than "
            f"{_megabytes(MAX_TEAM_BYTES)} together. Delete some that agents no longer need."
        )
    else:
        return
    raise Invalid(message, fields={"file": message}, code="quota_reached")


def _parts(reading: ReadDocument) -> list[str]:
    """The passages. Each passage of a table begins with the header line, because rows mean nothing without it."""
    parts = passages_of(reading.text)
    header = reading.text.partition("\n")[0].strip()
    if reading.media_type != "text/csv" or not 0 < len(header) <= MAX_HEADER_CHARS:
        return parts
    return [part if part.startswith(header) else f"{header}\n{part}" for part in parts]


def _collection(typed: str) -> str:
    name = _one_line(typed)
    if len(name) > MAX_COLLECTION_CHARS:
        message = f"A collection's name has at most {MAX_COLLECTION_CHARS} characters."
        raise Invalid(message, fields={"collection": message})
    return name or DEFAULT_COLLECTION


def _one_line(text: str) -> str:
    """White space as single spaces, without what cannot be stored."""
    return " ".join(storable(text, nul=" ").split())


def _megabytes(size: int) -> str:
    return f"{size // 1_000_000} MB"
