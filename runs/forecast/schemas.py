"""What the API answers about forecasts, made of ``page.MonthForecast``."""

from datetime import date

from ninja import Schema
from pydantic import Field

from runs.api_fields import UsdText, UsdTextOrNull
from runs.forecast.month import Forecast
from runs.forecast.page import CrewForecast, MemberForecast, MonthForecast


class ForecastOut(Schema):
    """Null while something was spent on less than three days."""

    low_usd: UsdTextOrNull = Field(validation_alias="low_nusd")
    high_usd: UsdTextOrNull = Field(validation_alias="high_nusd")
    confidence: int = Field(description="in percent: so many of a hundred totals lie in their ranges; 100: it is over")


class BudgetEndOut(Schema):
    """The budget is used up on one of these days. Null is "not this month"."""

    budget_usd: UsdText = Field(validation_alias="budget_nusd")
    earliest: date | None
    latest: date | None


class TotalOut(Schema):
    spent_usd: UsdText = Field(validation_alias="spent_nusd", description="in the month so far")
    forecast: ForecastOut
    budget_ends: BudgetEndOut | None = Field(
        validation_alias="end", description="null without a budget, or with one that is used up, or without a forecast"
    )

    @staticmethod
    def resolve_forecast(found: Forecast) -> Forecast:
        return found


class CrewTotalOut(Schema):
    crew: str
    total: TotalOut = Field(validation_alias="forecast")

    @staticmethod
    def resolve_crew(found: CrewForecast) -> str:
        return found.crew.slug


class MemberTotalOut(Schema):
    email: str
    total: TotalOut = Field(validation_alias="forecast")

    @staticmethod
    def resolve_email(found: MemberForecast) -> str:
        return found.user.email


class MonthForecastOut(Schema):
    month: str
    simulated: bool
    team: TotalOut
    crews: list[CrewTotalOut] = Field(description="the dearest first")
    members: list[MemberTotalOut] = Field(description="for an owner all who spent something, for others themselves")

    @staticmethod
    def resolve_month(found: MonthForecast) -> str:
        return f"{found.month:%Y-%m}"
