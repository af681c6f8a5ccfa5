"""Cases of all operations, as schemathesis makes them from the API's description, sent and looked at.

To load schemathesis and make the cases takes as long as to find all other tests, which each process does: so this is
loaded, and they are made, when the test begins.
"""

from __future__ import annotations

import os
from collections import Counter
from copy import deepcopy
from itertools import count
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from crewsite.api import api
from crewsite.description.links import LINKS
from tests.hostile.rows import Rows

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
_turn = count()
STORIES = settings(SETTINGS, max_examples=int(os.environ.get("HOSTILE_EXAMPLES", "24")), stateful_step_count=8)


def tell_stories(rows: Rows, headers: dict[str, str]) -> int:
    """Goes from answers to what they lead to, as the description's links say, and looks at each answer. Nothing that a
    story changed stays. Returns how many steps came by a link."""
    document = _document().include(operation_id=sorted(_linked()))
    document.config.phases.stateful.inference.algorithms = []  # what it guesses leads astray: the links are ours
    machine: Any = document.as_state_machine()
    steps = Counter[bool]()

    class Story(machine):  # type: ignore[misc]
        def setup(self) -> None:
            self.block = transaction.atomic()
            self.block.__enter__()

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

        def step(self, made: Any) -> Any:
            steps[made.transition is not None] += 1
            if made.transition is None:
                _lead_to_rows(made.case, rows)
            return super().step(made)

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {"headers": headers}

        def validate_response(self, response: Any, case: Case, **more: Any) -> None:
            case.validate_response(response, checks=CHECKS[:-2])  # the others know of one request at a time

    Story.run(settings=STORIES)
    return steps[True]


def _linked() -> set[str]:
    return {name for source, answers in LINKS.items() for links in answers.values() for name in (source, *links)}


def _document() -> Any:
    document = schemathesis.openapi.from_dict(deepcopy(dict(api.get_openapi_schema(path_prefix="/api/v1/"))))
    document.app = get_wsgi_application()
    document.config.generation.update(max_examples=EXAMPLES, with_security_parameters=False)
    return document


def _lead_to_rows(case: Case, rows: Rows) -> bool:
    """Puts ids of rows that are there into the case's path; whether it has any."""
    names = set(case.path_parameters or ())
    view = case.operation.definition.raw["operationId"]
    case.path_parameters = {name: str(value) for name, value in rows.parameters(names, view, case.method).items()}
    return bool(names)


def send_all(rows: Rows, headers: dict[str, str], subtests: pytest.Subtests, *, boundaries: bool) -> None:
    """``boundaries``: also each boundary of each field once, beside random examples."""
    # Answers that do not end by themselves, and one that is written while it is sent, by a connection of its own.
    document = _document().exclude(operation_id=["run_events", "batch_events", "get_batch_results"])
    document.config.phases.coverage.enabled = boundaries

    def one(case: Case) -> None:
        _send(case, rows, headers)

    asked = 0
    for made in get_all_tests(schema=document, test_func=one, settings=SETTINGS, given_kwargs={}):
        operation, ask = made.ok()
        with subtests.test(operation.label):
            ask()
        asked += 1
    assert asked > 60


def _send(case: Case, rows: Rows, headers: dict[str, str]) -> None:
    """Sends the case, to rows that are there, and looks at the answer. What the request changed is undone."""
    view = case.operation.definition.raw["operationId"]
    if view in LARGE and not IS_LONG and next(_turn) % ONE_IN:
        return
    is_wrong = _is_wrong_in_path(case)
    is_mended = _lead_to_rows(case, rows) and is_wrong
    with transaction.atomic():
        response = case.call(headers=headers)
        transaction.set_rollback(True)
    case.validate_response(
        response, checks=[check for check in CHECKS if not (is_mended and check is negative_data_rejection)]
    )


def _is_wrong_in_path(case: Case) -> bool:
    """Whether what was to be wrong about it stood in its path, and so goes as the path is replaced."""
    if case.meta is None:
        return False
    wrong = getattr(case.meta.phase.data, "mutations", ())
    return any(one.parameter_location is ParameterLocation.PATH for one in wrong)
