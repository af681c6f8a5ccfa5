"""Rows that are made once for all tests of a module, instead of for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from django.db import connection, transaction

T = TypeVar("T")


def made_once(make: Callable[[], T]) -> Any:
    """A fixture of the module with what ``make`` makes, in a transaction that is rolled back when the module ends.

    What a test changes in the database is undone with the test's own transaction, inside this one: it is for modules
    marked ``django_db``, without ``transaction=True``. The database's ``now()`` stands still for all of the module.
    The objects are the same ones for all tests: none may change them but in the database.
    """

    @pytest.fixture(scope="module")
    def rows(django_db_setup: None, django_db_blocker: Any) -> Iterator[T]:
        block = transaction.atomic()
        block._from_testcase = True  # else nothing below could ask to be outermost
        with django_db_blocker.unblock():
            block.__enter__()
        try:
            with django_db_blocker.unblock():
                made = make()
                connection.check_constraints()  # once: what waits to be checked here is checked after each test
            yield made
        finally:
            with django_db_blocker.unblock():
                transaction.set_rollback(True)
                block.__exit__(None, None, None)

    return rows


@contextmanager
def undone() -> Iterator[None]:
    """What is changed within is taken back: for cases that are tried one after the other on the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
