"""The API's operations on prices. The rules are those of the page."""

from typing import Annotated

from ninja import Query, Router, Status

from runs.models import PriceQuote
from runs.prices.actions import PriceOrder, set_price, take_back
from runs.prices.queries import price_of, prices_of
from runs.prices.schemas import PriceIn, PriceList, QuoteOut
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.models import Role

router = Router(tags=["prices"])


@router.get("", response={200: PriceList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_prices(request: ApiRequest, model: Annotated[str, Query(max_length=200)] = "") -> dict[str, object]:
    """What is in force for the models that the team uses, or for the one that is asked for."""
    found = [price_of(request.auth, model)] if model else prices_of(request.auth)
    return PriceList.of(found)


@router.post("", response={201: QuoteOut, **ERRORS}, auth=Bearer(Role.OWNER))
def create_price(request: ApiRequest, body: PriceIn) -> Status[PriceQuote]:
    """Sets the team's own price of a model, for runs that begin from now on."""
    made = once(request, lambda: {"id": set_price(request.auth, PriceOrder(**body.model_dump())).pk})
    return Status(201, PriceQuote.objects.get(pk=made["id"]))


@router.delete("/{int:price_id}", response={204: None, **ERRORS}, auth=Bearer(Role.OWNER))
def delete_price(request: ApiRequest, price_id: int) -> Status[None]:
    """Takes the team's own price back: from now on the default list's holds. What was booked stays."""
    take_back(request.auth, fetch(PriceQuote, request.auth, Role.OWNER, pk=price_id))
    return Status(204, None)
