"""Nothing that a page does is missing in the API, but for what is left out on purpose."""

from __future__ import annotations

import pytest

from crewsite.api import api
from tests.crewsite.page_operations import NOT_BY_API, NOT_BY_API_BELOW, NOT_READ_BY_API, OPERATIONS, READS
from tests.hostile.addresses import Address, addresses
from tests.hostile.rows import Rows, make_rows
from tests.made_once import made_once
from tests.pages import just_proven

pytestmark = pytest.mark.django_db

rows = made_once(make_rows)


def takes_post(rows: Rows, address: Address) -> bool:
    """Whether it says so when it is asked for what it does not do."""
    path = address.path(rows.parameters(address.names, address.view, "POST"))
    answer = just_proven(rows.cast.owner).delete(path)
    return "POST" in answer.get("Allow", "")


def test_each_page_that_takes_a_post_has_its_operation_or_a_reason(rows: Rows) -> None:
    pages = [one for one in addresses() if not one.view.startswith("api:")]
    posts = {one.view for one in pages if not one.pattern.startswith(tuple(NOT_BY_API_BELOW)) and takes_post(rows, one)}
    assert len(posts) > 80
    assert posts - OPERATIONS.keys() - NOT_BY_API.keys() == set(), "say which operation does it, or why none does"
    assert (OPERATIONS.keys() | NOT_BY_API.keys()) - posts == set(), "there are no such pages, or they take no POST"
    assert OPERATIONS.keys() & NOT_BY_API.keys() == set()
    for below in NOT_BY_API_BELOW:
        assert any(one.pattern.startswith(below) for one in pages)


def test_each_page_that_only_shows_something_has_its_operation_or_a_reason(rows: Rows) -> None:
    below = tuple(NOT_BY_API_BELOW)
    pages = {one.view for one in addresses() if not (one.view.startswith("api:") or one.pattern.startswith(below))}
    shows = pages - OPERATIONS.keys() - NOT_BY_API.keys()
    assert len(shows) > 60
    assert shows - READS.keys() - NOT_READ_BY_API.keys() == set(), "say which operation tells it, or why none does"
    assert (READS.keys() | NOT_READ_BY_API.keys()) - shows == set(), "there are no such pages, or they take a POST"
    assert READS.keys() & NOT_READ_BY_API.keys() == set()


def test_the_operations_are_there() -> None:
    there = {
        operation["operationId"] for path in api.get_openapi_schema()["paths"].values() for operation in path.values()
    }
    assert {name for names in (*OPERATIONS.values(), *READS.values()) for name in names} - there == set()
