"""Addresses of scenarios, and how their API is asked."""

from __future__ import annotations

from typing import Any

from django.test import Client

from runs.models import Run
from teams.access import Principal
from teams.actions import issue_token
from teams.models import Role, Scope

PAGE = "/t/acme/scenarios/"
WHAT_IF = f"{PAGE}what-if/"
API = "/api/v1/scenarios"
# A call of 100 + 50 tokens on gpt-4o costs $0.00075, on gpt-4o-mini $0.000045.
THEN_NUSD = 45_000


def month_of(run: Run) -> str:
    return f"{run.calls.first().billed_month:%Y-%m}"  # type: ignore[union-attr]


def api(who: Principal, method: str, path: str = "", body: Any = None, **headers: str) -> Any:
    scopes = {Role.VIEWER: Scope.READ, Role.RUNNER: Scope.RUN, Role.EDITOR: Scope.EDIT, Role.OWNER: Scope.ADMIN}
    _, secret = issue_token(who, scope=scopes[who.role])
    given = {"Authorization": f"Bearer {secret}"} | headers
    send = getattr(Client(headers=given), method)
    return send(f"{API}{path}") if body is None else send(f"{API}{path}", body, content_type="application/json")
