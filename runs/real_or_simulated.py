"""Which money a page of figures shows: real runs or simulated ones, which are never added up.

The address says it, else a cookie remembers what was chosen last, else real runs are shown if there are any.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse

from runs.models import Bill, BillSum, Run
from teams.access import Principal, visible_to

REAL, SIMULATED = "real", "simulated"
MONEY = "money"
"""The parameter that chooses, and the cookie that remembers it."""
A_YEAR_S = 365 * 24 * 3600


def money_of(query: Mapping[str, str]) -> str:
    """``REAL``, ``SIMULATED``, or "" where the address does not say."""
    money = query.get(MONEY, "")
    return money if money in (REAL, SIMULATED) else ""


def chosen(request: HttpRequest) -> str:
    """By the address, else what is remembered; "" for neither."""
    return money_of(request.GET) or money_of(request.COOKIES)


def is_simulated(who: Principal, choice: str) -> bool:
    """As chosen; else real money if there is any, or nothing at all."""
    if choice:
        return choice == SIMULATED
    sums = visible_to(who, BillSum)
    real = sums.filter(simulated=False).exists() or visible_to(who, Bill).exists()
    return not real and (sums.filter(simulated=True).exists() or visible_to(who, Run).filter(simulated=True).exists())


def remembered(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response, which remembers what the address chooses."""
    if money := money_of(request.GET):
        response.set_cookie(MONEY, money, max_age=A_YEAR_S, samesite="Lax", httponly=True, secure=request.is_secure())
    return response
