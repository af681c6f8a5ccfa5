"""Pages of a team's documents: the list, uploads, and a search that finds what agents would find."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from agents_app.knowledge import queries
from agents_app.knowledge.actions import (
    MAX_DOCUMENT_BYTES,
    UPLOAD_PLACES,
    delete_document,
    patience_for_reading,
    upload_document,
)
from agents_app.knowledge.forms import UploadForm
from agents_app.knowledge.search import SEARCH_PLACES, highlights, search_passages
from agents_app.models import Document
from engine.bounded import Patience
from engine.tools.knowledge_search import MAX_PASSAGES
from teams.access import TeamRequest, fetch, member
from teams.models import Role
from teams.refusals import Busy, Refusal

SHOWN_PARTS = 50


@member(Role.VIEWER)
@require_GET
def documents(request: TeamRequest) -> HttpResponse:
    return _page(request, UploadForm(initial={"collection": request.GET.get("collection", "")}))


@member(Role.EDITOR)
@require_POST
def add_documents(request: TeamRequest) -> HttpResponse:
    """Keeps each file on its own: if one is refused, the others are kept all the same."""
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        titles = _keep_all(request, form)
        if titles:
            messages.success(request, f"Agents can now search {_listed(titles)}.")
        if not form.errors:
            return redirect("knowledge", team=request.who.team.slug)
    return _page(request, form)


@member(Role.VIEWER)
@require_GET
def document(request: TeamRequest, pk: int) -> HttpResponse:
    shown = fetch(Document, request.who, pk=pk)
    passages = shown.passages.defer("search").order_by("position")
    pages = Paginator(passages, SHOWN_PARTS)
    part = request.GET.get("part", "")
    parts = pages.get_page(1 + max(0, int(part) - 1) // SHOWN_PARTS if part.isdecimal() and len(part) < 9 else 1)
    return render(request, "agents_app/knowledge/document.html", {"document": shown, "parts": parts})


@member(Role.EDITOR)
@require_POST
def remove_document(request: TeamRequest, pk: int) -> HttpResponse:
    document = fetch(Document, request.who, Role.EDITOR, pk=pk)
    delete_document(request.who, document)
    messages.success(request, f"“{document.title}” is deleted. Agents no longer find it.")
    return redirect("knowledge", team=request.who.team.slug)


def _page(request: TeamRequest, form: UploadForm) -> HttpResponse:
    documents = list(queries.documents(request.who))
    context: dict[str, Any] = {
        "documents": documents,
        "collections": sorted({document.collection for document in documents}),
        "total_size": sum(document.size for document in documents),
        "form": form,
        **_search(request),
    }
    return render(request, "agents_app/knowledge/knowledge.html", context, status=422 if form.errors else 200)


def _search(request: TeamRequest) -> dict[str, Any]:
    """The context of a search, if one was asked for."""
    query, chosen = (request.GET.get(name, "").strip() for name in ("q", "collection"))
    if not query:
        return {"query": "", "chosen": chosen}
    collections = [chosen] if chosen else ()
    try:
        with SEARCH_PLACES.one():
            passages = search_passages(request.who.team, query, collections=collections, limit=MAX_PASSAGES)
    except Refusal as refusal:
        return {"query": query, "chosen": chosen, "not_searched": refusal.message}
    return {
        "query": query,
        "chosen": chosen,
        "found": [(passage, highlights(passage.text, query)) for passage in passages],
    }


def _keep_all(request: TeamRequest, form: UploadForm) -> list[str]:
    """The titles of those that were kept; the form says of the others why not."""
    patience = patience_for_reading()
    try:
        with UPLOAD_PLACES.one():
            files = form.cleaned_data["uploads"]
            return [title for file in files if (title := _keep(request, form, file, patience))]
    except Busy as busy:
        form.add_error("uploads", busy.message)
        return []


def _keep(request: TeamRequest, form: UploadForm, file: Any, patience: Patience) -> str:
    """Keeps a file; returns its document's title, or "" if it was refused: the form then says why."""
    data = file.read(MAX_DOCUMENT_BYTES + 1)  # one byte too many is enough to be refused
    collection = form.cleaned_data["collection"]
    try:
        uploaded = upload_document(request.who, title=file.name, data=data, collection=collection, patience=patience)
    except Refusal as refusal:
        form.add_error("collection" if "collection" in refusal.fields else "uploads", refusal.message)
        return ""
    for note in uploaded.notes:
        messages.info(request, note)
    return uploaded.document.title


def _listed(titles: list[str]) -> str:
    return f"“{titles[0]}”" if len(titles) == 1 else f"{len(titles)} more documents"
