"""The API's operations on a run's ratings and comments. A token that may only read writes none."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router, Status

from runs.models import Comment, Run
from runs.ratings import actions, queries
from runs.ratings.schemas import CommentIn, CommentList, CommentOut, RatingIn, RatingMean, RatingsOut
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, digest, tagged, unchanged
from teams.models import Role

router = Router(tags=["ratings"])


@router.get("/{uuid:run_id}/rating", response={200: RatingsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_ratings(request: ApiRequest, response: HttpResponse, run_id: UUID) -> dict[str, Any]:
    """The mean of a run's ratings, and the ratings."""
    ratings = _ratings(fetch(Run, request.auth, pk=run_id))
    tagged(response, ratings["revision"])
    return ratings


@router.post(
    "/{uuid:run_id}/rating",
    response={200: RatingsOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def rate_run(request: ApiRequest, run_id: UUID, body: RatingIn) -> dict[str, Any]:
    """Rates an ended run, or changes the rating. It is the token's own: a run has one of each person, who rate on
    pages, and one of each token, so that a program that judges does not overwrite what its person thinks."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    with unchanged(request, lambda: _locked_ratings(run)):
        rated = actions.rate(request.auth, run, stars=body.stars, word=body.comment, token=request.api_token)
    return _ratings(rated)


@router.delete(
    "/{uuid:run_id}/rating",
    response={200: RatingsOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def unrate_run(request: ApiRequest, run_id: UUID) -> dict[str, Any]:
    """Takes the token's own rating of the run back, if there is one."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    with unchanged(request, lambda: _locked_ratings(run)):
        return _ratings(actions.take_back(request.auth, run, token=request.api_token))


@router.get("/{uuid:run_id}/comments", response={200: CommentList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_comments(request: ApiRequest, run_id: UUID) -> dict[str, Any]:
    """All comments of a run, the oldest first."""
    return {"items": queries.comments_of(fetch(Run, request.auth, pk=run_id))}


@router.post("/{uuid:run_id}/comments", response={201: CommentOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def add_comment(request: ApiRequest, run_id: UUID, body: CommentIn) -> Status[Comment]:
    """Comments a run, in plain text."""
    run = fetch(Run, request.auth, Role.RUNNER, pk=run_id)
    return Status(201, actions.comment(request.auth, run, body.text, token=request.api_token))


@router.put(
    "/{uuid:run_id}/comments/{int:comment_id}",
    response={200: CommentOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def change_comment(request: ApiRequest, run_id: UUID, comment_id: int, body: CommentIn) -> Comment:
    """Changes a comment of the token's person."""
    comment = _comment(request, run_id, comment_id)
    with unchanged(request, lambda: _locked_comment(comment)):
        return actions.edit_comment(request.auth, comment, body.text)


@router.delete(
    "/{uuid:run_id}/comments/{int:comment_id}",
    response={204: None, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def delete_comment(request: ApiRequest, run_id: UUID, comment_id: int) -> Status[None]:
    """Removes a comment of the token's person; a token of an owner that may administer removes any."""
    comment = _comment(request, run_id, comment_id)
    with unchanged(request, lambda: _locked_comment(comment)):
        actions.remove_comment(request.auth, comment)
    return Status(204, None)


def _comment(request: ApiRequest, run_id: UUID, comment_id: int) -> Comment:
    related = ("author", "token")
    return fetch(Comment, request.auth, Role.RUNNER, related=related, pk=comment_id, run_id=run_id)


def _locked_comment(comment: Comment) -> str:
    return digest(Comment.objects.select_for_update().get(pk=comment.pk).text)


def _locked_ratings(run: Run) -> str:
    Run.objects.select_for_update().get(pk=run.pk)  # whoever rates it locks it
    return str(_ratings(run)["revision"])


def _ratings(run: Run) -> dict[str, Any]:
    mean, ratings = RatingMean.of(run.rating_sum, run.rating_count), queries.ratings_of(run)
    revision = digest(*((rating.pk, rating.stars, rating.word) for rating in ratings))
    return {"rating": mean, "revision": revision, "items": ratings}
