"""The whole API, as schemathesis reads its description: what it says is what it takes and answers, whoever asks.

``HOSTILE_EXAMPLES`` is the number of random examples for each operation; ``make hostile`` runs many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from crewsite.api import api
from teams.actions import issue_token
from teams.models import Scope
from tests.hostile.rows import Rows, make_rows
from tests.made_once import made_once

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "3"))
IS_LONG = "HOSTILE_EXAMPLES" in os.environ
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
LARGE = {"post_crew", "put_crew"}
"""Operations whose bodies have a thousand boundaries: of those the short run sends one in ``ONE_IN``."""
ONE_IN = 12
SETTINGS = settings(
    max_examples=EXAMPLES,
    phases=(Phase.explicit, Phase.generate),  # what fails is short enough without shrinking, which takes long
    deadline=None,
    derandomize=not IS_LONG,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def described() -> Any:
    document = schemathesis.openapi.from_dict(deepcopy(dict(api.get_openapi_schema(path_prefix="/api/v1/"))))
    document.app = get_wsgi_application()
    document = document.exclude(operation_id="run_events")  # its answer does not end by itself
    document.config.generation.update(max_examples=EXAMPLES, with_security_parameters=False)
    return document


turn = count()
owners, others = described(), described()
others.config.phases.coverage.enabled = IS_LONG  # each boundary once: who asks makes no difference to what fits


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """A request must not close the connection when it ends: the test's rows are in a transaction of it."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


rows = made_once(make_rows)


@owners.parametrize()
@SETTINGS
def test_owners_get_what_the_document_says(case: Case, rows: Rows, tokens: dict[str, dict[str, str]]) -> None:
    send(case, rows, tokens["owner"])


@pytest.mark.parametrize("who", ["reader", "nobody"])
@others.parametrize()
@SETTINGS
def test_so_do_readers_and_who_has_no_token(
    case: Case, rows: Rows, tokens: dict[str, dict[str, str]], who: str
) -> None:
    send(case, rows, tokens[who])


@pytest.fixture
def tokens(rows: Rows) -> dict[str, dict[str, str]]:
    secrets = {
        "owner": issue_token(rows.cast.owner, scope=Scope.ADMIN),
        "reader": issue_token(rows.cast.viewer, scope=Scope.READ),
    }
    return {who: {"Authorization": f"Bearer {secret}"} for who, (_, secret) in secrets.items()} | {"nobody": {}}


def send(case: Case, rows: Rows, headers: dict[str, str]) -> None:
    """Sends the case, to rows that are there, and looks at the answer. What the request changed is undone."""
    view = case.operation.definition.raw["operationId"]
    if view in LARGE and not IS_LONG and next(turn) % ONE_IN:
        return
    names = set(case.path_parameters or ())
    case.path_parameters = {name: str(value) for name, value in rows.parameters(names, view, case.method).items()}
    with transaction.atomic():
        response = case.call(headers=headers)
        transaction.set_rollback(True)
    case.validate_response(response, checks=CHECKS)
