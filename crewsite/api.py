"""The one NinjaAPI: which router answers which address, and how each exception becomes an error answer."""

from threading import Lock
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Swagger
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from agents_app.crews.api import router as crews
from agents_app.export.api import crews_router as all_crews
from agents_app.export.api import router as exports
from agents_app.imports.api import router as imports
from agents_app.knowledge.api import router as documents
from agents_app.library.api import router as agents
from agents_app.library.in_crews.api import router as crew_library
from agents_app.versions.api import router as versions
from crewsite.description.described import described
from crewsite.errors import FORBIDDEN, NOT_FOUND
from engine.strict_json import JsonFault
from runs.agent_costs.api import router as agent_costs
from runs.batches.api import crew_router as batch_launches
from runs.batches.api import router as batches
from runs.batches.matched.api import router as matched_rows
from runs.bills.api import router as bills
from runs.bills.api import usage_router as usage
from runs.closing.api import router as closed_bills
from runs.comments.api import router as comments
from runs.compare.api import router as comparisons
from runs.data_sets.api import router as data_sets
from runs.export.api import router as runs_files
from runs.forecast.api import router as forecasts
from runs.gallery.api import crew_router as originals
from runs.gallery.api import router as templates
from runs.history.api import crew_router as version_figures
from runs.history.api import router as history
from runs.inbox.api import router as inbox
from runs.key_use.api import router as key_use
from runs.launch.api import router as launches
from runs.launch.api import runs_router as reruns
from runs.launch.jobs_api import router as jobs
from runs.leaving.api import router as leaving
from runs.limits.alerts_api import router as alerts
from runs.limits.api import router as limits
from runs.operations.api import router as operations
from runs.prices.api import router as prices
from runs.ratings.api import router as ratings
from runs.reconciliation.api import router as reconciliations
from runs.reports.api import router as reports
from runs.retention.api import router as kept_texts
from runs.run.api import router as runs
from runs.saved_views.api import router as views
from runs.scenarios.api import router as scenarios
from runs.schedules.api import router as schedules
from teams.api.error_body import error_body
from teams.api.request_body import StrictParser, unreadable_json
from teams.log.api import router as log
from teams.people.api import invitations_router, members_router, team_router
from teams.programs.api import router as programs
from teams.providers.api import router as providers
from teams.refusals import Refusal, with_retry_after
from teams.tokens.api import router as tokens
from teams.webhooks.deliveries_api import router as deliveries
from teams.webhooks.hooks_api import router as webhooks


class CrewsiteAPI(NinjaAPI):
    """An operation's id is its function's name, so that moving the function to another module does not change it.

    The description of all operations is made once: it takes more than a second of processor time, and anybody may ask
    for it. Who gets it does not change it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._describing = Lock()
        self._described: dict[str, OpenAPISchema] = {}

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        with self._describing:  # who comes meanwhile waits, and does not make it again
            if prefix not in self._described:
                document = super().get_openapi_schema(path_prefix=prefix)
                described(document)
                self._described = {prefix: document}
            return self._described[prefix]

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


api = CrewsiteAPI(
    title="Crewsite",
    version="1",
    description=(
        "Crews, runs, calls and what they cost. Send `Authorization: Bearer <token>`; money is a decimal text in USD, "
        "times are ISO 8601 in UTC, unknown figures are null.\n\n"
        '- **Lists** answer `{"items": [...], "next": "..."}`: send `next` back as `cursor` for the following page, '
        "until it is null. `limit` is the most that a page has.\n"
        '- **Errors** are `{"error": {"code", "message", "fields"}}`: `code` is stable, `fields` says what is '
        "wrong with each field by its path. What belongs to others is answered as what is not there, 404.\n"
        "- **Changes**: what can be changed has a `revision`, and its `ETag` is that in quotes. Send it back as "
        "`If-Match`, and a change that somebody else has overtaken is refused (412).\n"
        "- **Repeats**: with an `Idempotency-Key` a request that is sent again is carried out once.\n"
        "- **Limits**: each answer says in `RateLimit` what the token has left; 429 says in `Retry-After` when to come "
        "back.\n\n"
        "To try it here, sign in: what is only read is then read as yourself, with a viewer's rights in the team that "
        "is chosen on top. For everything else make a token on the page Tokens of your team, or by `make token`, and "
        "give it to *Authorize*: it stays in this page. *Execute* also shows the request as curl, which needs a token."
    ),
    docs=Swagger(
        settings={
            # A link to each operation would stand inside the button that opens it, which no screen reader tells apart.
            "deepLinking": False,
            "defaultModelsExpandDepth": 0,
            "docExpansion": "none",
            "filter": True,  # of sections
            "tryItOutEnabled": True,
            "displayRequestDuration": True,
        }
    ),
    urls_namespace="api",
    parser=StrictParser(),
)
api.add_router("/crews", imports)  # first: to crews, "import" is a slug
api.add_router("/crews", crews)
api.add_router("/crews", exports)
api.add_router("", all_crews)
api.add_router("/crews", version_figures)
api.add_router("/crews", versions)
api.add_router("/crews", originals)
api.add_router("/crews", crew_library)
api.add_router("/agents", agents)
api.add_router("/agents", agent_costs)
api.add_router("/crews", launches)
api.add_router("/runs", reruns)
api.add_router("/crews", jobs)
api.add_router("/crews", batch_launches)
api.add_router("/batches", batches)
api.add_router("/datasets", data_sets)
api.add_router("/schedules", schedules)
api.add_router("/runs", history)
api.add_router("/runs", runs_files)
api.add_router("/runs", runs)
api.add_router("/views", views)
api.add_router("/runs", ratings)
api.add_router("", comments)
api.add_router("/inbox", inbox)
api.add_router("/compare", comparisons)
api.add_router("/compare", matched_rows)
api.add_router("/operations", operations)
api.add_router("/templates", templates)
api.add_router("/documents", documents)
api.add_router("/providers", providers)
api.add_router("/providers", key_use)
api.add_router("/team", team_router)
api.add_router("/members", members_router)
api.add_router("/members", leaving)
api.add_router("/invitations", invitations_router)
api.add_router("/programs", programs)
api.add_router("/webhooks", deliveries)
api.add_router("/tokens", tokens)
api.add_router("/webhooks", webhooks)
api.add_router("/log", log)
api.add_router("/bills", closed_bills)  # first: to bills, "closed" would be a month
api.add_router("/bills", bills)
api.add_router("/usage", usage)
api.add_router("/limits", limits)
api.add_router("/limits", kept_texts)
api.add_router("/alerts", alerts)
api.add_router("/reports", reports)
api.add_router("/forecast", forecasts)
api.add_router("/prices", prices)
api.add_router("/scenarios", scenarios)
api.add_router("/reconciliations", reconciliations)


OUR_WORDS = {"extra_forbidden": "There is no such field.", "missing": "This field is missing."}
"""For pydantic's kinds of error: its own "Extra inputs" would be read as inputs of a crew."""


def error_response(
    request: HttpRequest, status: int, message: str, *, code: str = "", fields: dict[str, str] | None = None
) -> HttpResponse:
    return api.create_response(request, error_body(status, message, code=code, fields=fields), status=status)


@api.exception_handler(Refusal)
def on_refusal(request: HttpRequest, refusal: Any) -> HttpResponse:
    response = error_response(request, refusal.status, refusal.message, code=refusal.code, fields=refusal.fields)
    return with_retry_after(response, refusal)


@api.exception_handler(ValidationError)
def on_invalid(request: HttpRequest, error: Any) -> HttpResponse:
    fields = {_path(item["loc"]): OUR_WORDS.get(item["type"], str(item["msg"])) for item in error.errors}
    return error_response(request, 422, "The request is not as it should be.", code="invalid", fields=fields)


@api.exception_handler(AuthenticationError)
def on_unauthenticated(request: HttpRequest, error: Any) -> HttpResponse:
    message = "Send a valid token as 'Authorization: Bearer <token>'. It may have been revoked or have expired."
    response = error_response(request, 401, message)
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(PermissionDenied)
def on_forbidden(request: HttpRequest, error: Any) -> HttpResponse:
    return error_response(request, 403, str(error) or FORBIDDEN)


@api.exception_handler(Http404)
def on_missing(request: HttpRequest, error: Any) -> HttpResponse:
    return error_response(request, 404, NOT_FOUND)


@api.exception_handler(RequestDataTooBig)
@api.exception_handler(TooManyFilesSent)
def on_too_large(request: HttpRequest, error: Any) -> HttpResponse:
    return error_response(request, 413, "The request is too large.")


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: Any) -> HttpResponse:
    if isinstance(error.__cause__, JsonFault):
        return on_refusal(request, unreadable_json(error.__cause__))
    return error_response(request, error.status_code, error.message)


def _path(loc: tuple[Any, ...]) -> str:
    """``("body", "body", "inputs", "x")`` becomes ``inputs.x``: the caller's path, without our parameters' names."""
    parts = [str(part) for part in loc if part not in ("body", "query", "path")]
    return ".".join(parts) or "body"
