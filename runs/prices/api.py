"""The API's operations on prices. The rules are those of the pages."""

from typing import Annotated, Any

from ninja import Query, Router, Status

from runs.api_csv import AS_CSV, csv_response, wants_csv
from runs.models import PriceQuote
from runs.paging import MAX_PAGE
from runs.prices.actions import MAX_MODEL_CHARS, book_unpriced, set_price, take_back
from runs.prices.month import month_by_list
from runs.prices.queries import history_of, listed, price_of, prices_of
from runs.prices.schemas import BookedOut, History, PricedMonthOut, PriceIn, PriceList, QuoteOut, UnpricedIn
from runs.prices.tables import csv_of, csv_of_history, csv_of_month
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.models import Role

router = Router(tags=["prices"])

ModelQuery = Annotated[str, Query(max_length=MAX_MODEL_CHARS)]


@router.get("", response={200: PriceList, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def list_prices(request: ApiRequest, model: ModelQuery = "") -> Any:
    """What is in force for the models that the team uses, or for the one that is asked for. `Accept: text/csv`: CSV."""
    found = [price_of(request.auth, model)] if model else prices_of(request.auth)
    return csv_response(csv_of(found)) if wants_csv(request) else PriceList.of(found)


@router.get("/list", response={200: PriceList, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def list_default_prices(
    request: ApiRequest,
    q: Annotated[str, Query(max_length=200, description="words that all are in a model's name")] = "",
    cursor: Annotated[str, Query(max_length=MAX_MODEL_CHARS)] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> Any:
    """The default list as it is in force, in pages by name. `Accept: text/csv` for a page as CSV."""
    page = listed(request.auth, q, after=cursor, limit=limit)
    return csv_response(csv_of(page.items)) if wants_csv(request) else PriceList.of_page(page)


@router.get("/history", response={200: History, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def list_price_history(request: ApiRequest, model: ModelQuery) -> Any:
    """What the default list and the team said of a model's price, the newest first. `Accept: text/csv`: CSV."""
    past = history_of(request.auth, model)
    return csv_response(csv_of_history(model, past)) if wants_csv(request) else History.of(model, past)


@router.get("/month", response={200: PricedMonthOut, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def reckon_month_by_list(request: ApiRequest) -> Any:
    """What this month's calls would cost by the default list as it is now, against what was booked. `Accept: text/csv`:
    CSV."""
    found = month_by_list(request.auth)
    return csv_response(csv_of_month(found)) if wants_csv(request) else found


@router.post("", response={201: QuoteOut, **ERRORS}, auth=Bearer(Role.OWNER))
def create_price(request: ApiRequest, body: PriceIn) -> Status[dict[str, object]]:
    """Sets the team's own price of a model, for runs that begin from now or a later time on."""
    made = once(request, lambda: {"id": set_price(request.auth, body.order()).pk})
    return Status(201, QuoteOut.of(fetch(PriceQuote, request.auth, Role.OWNER, pk=made["id"])))


@router.post("/unpriced", response={200: BookedOut, **ERRORS}, auth=Bearer(Role.OWNER))
def book_unpriced_calls(request: ApiRequest, body: UnpricedIn) -> dict[str, object]:
    """Books the open months' calls of a model that had no price, as corrections, at the one that holds now: at most
    1,000 at once."""
    return BookedOut.of(book_unpriced(request.auth, body.model))


@router.delete("/{int:price_id}", response={204: None, **ERRORS}, auth=Bearer(Role.OWNER))
def delete_price(request: ApiRequest, price_id: int) -> Status[None]:
    """Takes the team's own price back: from now on the default list's holds. What was booked stays."""
    take_back(request.auth, fetch(PriceQuote, request.auth, Role.OWNER, pk=price_id))
    return Status(204, None)
