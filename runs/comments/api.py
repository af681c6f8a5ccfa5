"""The API's operations on comments. A token that may only read writes none."""

from typing import Any
from uuid import UUID

from ninja import Router, Status

from runs.comments import actions, queries
from runs.comments.schemas import CommentIn, CommentList, CommentOut
from runs.models import Comment
from runs.telling.subjects import subject_at
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, digest, unchanged
from teams.models import Role

router = Router(tags=["comments"])
LIST: dict[str, Any] = {"response": {200: CommentList, **ERRORS}, "auth": Bearer(Role.VIEWER)}
ADD: dict[str, Any] = {"response": {201: CommentOut, **ERRORS}, "auth": Bearer(Role.RUNNER)}


@router.get("/runs/{uuid:run_id}/comments", **LIST)
def list_comments(request: ApiRequest, run_id: UUID) -> dict[str, Any]:
    """All comments of a run, the oldest first."""
    return _listed(request, run_id=run_id)


@router.post("/runs/{uuid:run_id}/comments", **ADD)
def add_comment(request: ApiRequest, run_id: UUID, body: CommentIn) -> Status[Comment]:
    """Comments a run, in Markdown. Members whom it names, as in "@Ada Lovelace", are told."""
    return _added(request, body, run_id=run_id)


@router.get("/crews/{slug:slug}/comments", **LIST)
def list_crew_comments(request: ApiRequest, slug: str) -> dict[str, Any]:
    """All comments of a crew, the oldest first."""
    return _listed(request, slug=slug)


@router.post("/crews/{slug:slug}/comments", **ADD)
def add_crew_comment(request: ApiRequest, slug: str, body: CommentIn) -> Status[Comment]:
    """Comments a crew."""
    return _added(request, body, slug=slug)


@router.get("/crews/{slug:slug}/versions/{int:number}/comments", **LIST)
def list_version_comments(request: ApiRequest, slug: str, number: int) -> dict[str, Any]:
    """All comments of a version, the oldest first."""
    return _listed(request, slug=slug, number=number)


@router.post("/crews/{slug:slug}/versions/{int:number}/comments", **ADD)
def add_version_comment(request: ApiRequest, slug: str, number: int, body: CommentIn) -> Status[Comment]:
    """Comments a version."""
    return _added(request, body, slug=slug, number=number)


@router.get("/bills/{month}/comments", **LIST)
def list_bill_comments(request: ApiRequest, month: str) -> dict[str, Any]:
    """All comments of a month's bill ("2026-11"), the oldest first."""
    return _listed(request, month=month)


@router.post("/bills/{month}/comments", **ADD)
def add_bill_comment(request: ApiRequest, month: str, body: CommentIn) -> Status[Comment]:
    """Comments the bill of a month."""
    return _added(request, body, month=month)


@router.put(
    "/comments/{int:comment_id}",
    response={200: CommentOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def change_comment(request: ApiRequest, comment_id: int, body: CommentIn) -> Comment:
    """Changes a comment of the token's person."""
    comment = _comment(request, comment_id)
    with unchanged(request, lambda: digest(queries.locked(comment).text)):
        return actions.edit_comment(request.auth, comment, body.text)


@router.delete(
    "/comments/{int:comment_id}",
    response={204: None, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def delete_comment(request: ApiRequest, comment_id: int) -> Status[None]:
    """Removes a comment of the token's person; a token of an owner that may administer removes any."""
    comment = _comment(request, comment_id)
    with unchanged(request, lambda: digest(queries.locked(comment).text)):
        actions.remove_comment(request.auth, comment)
    return Status(204, None)


def _listed(request: ApiRequest, **place: Any) -> dict[str, Any]:
    return {"items": queries.comments_of(subject_at(request.auth, place))}


def _added(request: ApiRequest, body: CommentIn, **place: Any) -> Status[Comment]:
    subject = subject_at(request.auth, place, Role.RUNNER)
    return Status(201, actions.comment(request.auth, subject, body.text, token=request.api_token))


def _comment(request: ApiRequest, comment_id: int) -> Comment:
    return fetch(Comment, request.auth, Role.RUNNER, related=("author", "token"), pk=comment_id)
