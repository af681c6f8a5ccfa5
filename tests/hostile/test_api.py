"""The whole API, as schemathesis reads its description: what it says is what it takes and answers, whoever asks.

``HOSTILE_EXAMPLES`` is the number of random examples for each operation; ``make hostile`` runs many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from teams.actions import issue_token
from teams.models import Scope
from tests.hostile.rows import Rows, make_rows
from tests.made_once import made_once

pytestmark = pytest.mark.django_db

IS_LONG = "HOSTILE_EXAMPLES" in os.environ
Headers = dict[str, str]


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


@pytest.fixture
def headers(rows: Rows) -> dict[str, Headers]:
    """What each of those who ask sends along."""
    secrets = {
        "owner": issue_token(rows.cast.owner, scope=Scope.ADMIN),
        "runner": issue_token(rows.cast.owner, scope=Scope.RUN),
        "reader": issue_token(rows.cast.viewer, scope=Scope.READ),
    }
    return {who: {"Authorization": f"Bearer {secret}"} for who, (_, secret) in secrets.items()} | {"nobody": {}}


@pytest.mark.parametrize("who", ["owner", "reader", "nobody"])
def test_everybody_gets_what_the_document_says(
    rows: Rows, headers: dict[str, Headers], subtests: pytest.Subtests, who: str
) -> None:
    """Each boundary once: who asks makes no difference to what fits."""
    from tests.hostile.api_cases import send_all  # late, see there

    send_all(rows, headers[who], subtests, boundaries=who == "owner" or IS_LONG)


@pytest.mark.parametrize("who", ["owner", "runner", "reader"])
def test_what_an_answer_leads_to_is_as_the_document_says(rows: Rows, headers: dict[str, Headers], who: str) -> None:
    """Stories of several requests: make a crew, launch it, read the run, cancel it. A reader gets to few of them."""
    from tests.hostile.api_cases import tell_stories  # late, see there

    assert tell_stories(rows, headers[who]) > 0
