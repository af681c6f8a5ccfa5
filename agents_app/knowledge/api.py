"""The API's operations on knowledge documents: list, upload, delete, and search as an agent does."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from pydantic import Field

from agents_app.knowledge.actions import (
    MAX_COLLECTION_CHARS,
    MAX_DOCUMENT_BYTES,
    UPLOAD_PLACES,
    ReadUpload,
    delete_document,
    keep_upload,
    read_upload,
)
from agents_app.knowledge.queries import PARTS_A_PAGE, documents, parts_of
from agents_app.knowledge.search import SEARCH_PLACES, search_passages
from agents_app.models import Document, Passage
from engine.tools.knowledge_search import DEFAULT_COLLECTION, MAX_PASSAGES
from teams.access import Principal, fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once_prepared
from teams.api.request_body import Strict, is_upload, read_body, read_fields
from teams.models import Role
from teams.refusals import Invalid
from teams.texts.times import time_text

router = Router(tags=["documents"])


class DocumentIn(Strict):
    title: str = Field(description="an ending such as .html or .csv says how the text is read", max_length=255)
    collection: str = Field(DEFAULT_COLLECTION, max_length=MAX_COLLECTION_CHARS)
    text: str = Field(max_length=MAX_DOCUMENT_BYTES)


class DocumentFileIn(Strict):
    """The fields beside the file."""

    title: str = Field("", description="the file's name where it is left out", max_length=255)
    collection: str = Field("", max_length=MAX_COLLECTION_CHARS)


class DocumentOut(Schema):
    id: int
    title: str
    collection: str
    media_type: str
    size: int = Field(description="bytes of what was uploaded")
    passages: int
    uploaded_by: str | None
    created_at: str


class UploadOut(DocumentOut):
    notes: list[str] = Field(description="what was guessed when the file was read")


class DocumentList(Schema):
    items: list[DocumentOut]
    next: str | None = None


class PassageOut(Schema):
    document: int
    title: str
    collection: str
    part: int = Field(description="which part of the document this is, from 1")
    text: str


class PassageList(Schema):
    items: list[PassageOut]
    next: str | None = None


class DocumentText(DocumentOut):
    items: list[PassageOut] = Field(description="a page of its parts, in their order")
    next: str | None


UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": DocumentIn.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        **DocumentFileIn.model_json_schema()["properties"],
                    },
                }
            },
        },
    }
}


@router.get("", response={200: DocumentList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_documents(request: ApiRequest) -> dict[str, object]:
    """All documents of the team, by collection and title."""
    return {"items": [_document_json(document) for document in documents(request.auth)], "next": None}


@router.post("", response={201: UploadOut, **ERRORS}, auth=Bearer(Role.EDITOR), openapi_extra=UPLOAD_BODY)
def post_document(request: ApiRequest) -> Status[dict[str, object]]:
    """Keeps one document for the team's agents to search: a file of at most 5 MB, or a text.

    A text, and a file that is sent with an Idempotency-Key, may have 4 MB with everything around it.
    """
    with UPLOAD_PLACES.one():
        return Status(201, once_prepared(request, lambda: _read(request), lambda read: _keep(request.auth, read)))


@router.get("/search", response={200: PassageList, **ERRORS}, auth=Bearer(Role.VIEWER))
def search(request: ApiRequest, q: str, collection: str = "", limit: int = MAX_PASSAGES) -> dict[str, object]:
    """What the tool ``knowledge_search`` finds for a query, the best passage first."""
    collections = [collection] if collection else ()
    with SEARCH_PLACES.one():
        passages = search_passages(request.auth.team, q, collections=collections, limit=limit)
    return {"items": [_passage_json(passage) for passage in passages], "next": None}


@router.get("/{int:pk}", response={200: DocumentText, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_document(request: ApiRequest, pk: int, cursor: str = "", limit: int = PARTS_A_PAGE) -> dict[str, object]:
    """A document with its text, in the parts that agents search."""
    document = get_object_or_404(documents(request.auth), pk=pk)
    page = parts_of(document, cursor=cursor, limit=max(1, min(limit, PARTS_A_PAGE)))
    for passage in page.items:
        passage.document = document
    return _document_json(document) | {"items": list(map(_passage_json, page.items)), "next": page.next}


@router.delete("/{int:pk}", response={204: None, **ERRORS}, auth=Bearer(Role.EDITOR))
def remove_document(request: ApiRequest, pk: int) -> Status[None]:
    """Forgets a document; what runs found in it stays in their ledger."""
    delete_document(request.auth, fetch(Document, request.auth, Role.EDITOR, pk=pk))
    return Status(204, None)


def _read(request: ApiRequest) -> ReadUpload:
    if is_upload(request):
        fields, file = read_fields(request, DocumentFileIn, files="file"), _only_file(request)
        return read_upload(
            request.auth,
            title=fields.title or file.name or "",
            data=file.read(MAX_DOCUMENT_BYTES + 1),
            collection=fields.collection,
        )
    body = read_body(request, DocumentIn)
    return read_upload(
        request.auth,
        title=body.title,
        data=body.text.encode("utf-8", "replace"),
        collection=body.collection,
        default_type="text/plain",
    )


def _keep(who: Principal, upload: ReadUpload) -> dict[str, object]:
    uploaded = keep_upload(who, upload)
    return _document_json(documents(who).get(pk=uploaded.document.pk)) | {"notes": list(uploaded.notes)}


def _only_file(request: ApiRequest) -> "UploadedFile[bytes]":
    files = request.FILES.getlist("file")
    if len(files) != 1:
        raise Invalid("Send one file per request.", fields={"file": f"{len(files)} files were sent."})
    return files[0]


def _document_json(document: Any) -> dict[str, object]:
    """``document`` is one of ``queries.documents``."""
    return {
        "id": document.pk,
        "title": document.title,
        "collection": document.collection,
        "media_type": document.media_type,
        "size": document.size,
        "passages": document.passage_count,
        "uploaded_by": document.uploaded_by.email if document.uploaded_by else None,
        "created_at": time_text(document.created_at),
    }


def _passage_json(passage: Passage) -> dict[str, object]:
    return {
        "document": passage.document_id,
        "title": passage.document.title,
        "collection": passage.document.collection,
        "part": passage.position,
        "text": passage.text,
    }
