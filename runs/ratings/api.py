"""The API's operations on a run's ratings. A token that may only read writes none."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from runs.models import Run
from runs.ratings import actions, queries
from runs.ratings.schemas import RatingIn, RatingMean, RatingsOut
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


def _locked_ratings(run: Run) -> str:
    Run.objects.select_for_update().get(pk=run.pk)  # whoever rates it locks it
    return str(_ratings(run)["revision"])


def _ratings(run: Run) -> dict[str, Any]:
    mean, ratings = RatingMean.of(run.rating_sum, run.rating_count), queries.ratings_of(run)
    revision = digest(*((rating.pk, rating.stars, rating.word) for rating in ratings))
    return {"rating": mean, "revision": revision, "items": ratings}
