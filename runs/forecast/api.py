"""The API's operation on forecasts. The figures are those of the page."""

from ninja import Router

from runs.api_fields import YesOrNo
from runs.forecast.page import MonthForecast, month_forecast
from runs.forecast.schemas import MonthForecastOut
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["forecast"])


@router.get("", response={200: MonthForecastOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_forecast(request: ApiRequest, simulated: YesOrNo = "no") -> MonthForecast:
    """What the present month will have come to at its end, in UTC: as a range that holds in 80 of 100 cases.

    It is reckoned from the last eight weeks, as if no budget held runs back."""
    return month_forecast(request.auth, simulated=simulated == "yes")
