"""Every public function of every ``actions`` module writes the log, or stands here with the reason why not."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from django.db import transaction

from teams.audit import record as log
from tests.cast import Cast

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("teams", "agents_app", "runs")

WHY_NOT = {
    "teams.actions.set_operator": "a person's place in the installation, set by a command; it belongs to no team",
    "teams.actions.issue_signin_link": "lets a person in, who may be in several teams or none",
    "teams.actions.use_signin_link": "signing in belongs to no team",
    "teams.account.actions.open_account": "lets a person in, who may be in several teams or none",
    "teams.account.actions.set_password": "a person's own password, whichever teams they are in",
    "teams.people.actions.rename_person": "a person's own name, whichever teams they are in",
    "teams.invitations.actions.not_mailed": "narrows the invitation that was made, and logged, by the same request",
    "agents_app.gallery.actions.load_builtin": "brings what comes with Crewsite to every team, by a command",
    "runs.inbox.actions.read": "a person's own inbox, which nobody else sees",
    "runs.inbox.actions.read_all": "a person's own inbox, which nobody else sees",
    "runs.inbox.actions.choose": "of what a person is told; nobody else sees it",
    "teams.webhooks.actions.announce": "tells programs what happened; nobody did it",
}
READS = {
    "teams.account.actions.leaving",
    "teams.actions.person_of_signin_link",
    "teams.actions.principal_of_token",
    "teams.actions.provider_complaints",
    "teams.invitations.actions.invitation_of",
    "teams.invitations.actions.still_open",
    "agents_app.actions.refuse_complaints",
    "agents_app.knowledge.actions.patience_for_reading",
    "agents_app.knowledge.actions.read_upload",
    "runs.limits.actions.limits_of",
    "runs.named.actions.name_for",
    "runs.ratings.actions.own_rating",
    "runs.reconciliation.actions.read_exports",
    "runs.reconciliation.actions.refuse_unknown",
}
"""They change nothing that anybody sees."""
NOT_YET = {
    "agents_app.actions": {
        "archive_crew",
        "copy_crew",
        "create_crew",
        "cut_version",
        "delete_agent",
        "delete_task",
        "move_task",
        "replace_spec",
        "save_agent",
        "save_crew",
        "save_task",
    },
    "agents_app.knowledge.actions": {"delete_document", "keep_upload", "upload_document"},
    "agents_app.versions.actions": {"describe", "keep_draft", "restore", "save_version"},
    "runs.closing.actions": {"close_month"},  # it has a log of its own
    "runs.demo.actions": {"make_history", "open_example", "remove_example", "remove_history"},
    "runs.launch.actions": {"launch"},
    "runs.limits.actions": {"fill_places", "resume", "set_limits", "wake"},
    "runs.named.actions": {"keep", "remove", "rename"},
    "runs.prices.actions": {"book_unpriced", "set_price", "take_back"},
    "runs.ratings.actions": {"rate", "take_back"},
    "runs.reconciliation.actions": {"compare_again", "keep", "remove", "say_keys"},
    "runs.reports.actions": {"choose", "stop"},
    "runs.retention.actions": {"keep_texts"},
    "runs.run.actions": {"decide", "pin", "request_cancel", "unpin"},
    "runs.saved_views.actions": {"remove_view", "rename_view", "save_view"},
    "runs.scenarios.actions": {"remove_scenario", "rename_scenario", "save_scenario"},
}
"""Whoever makes one of them write the log takes it off this list."""


def modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("actions.py")):
            yield importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def public_functions() -> Iterator[tuple[str, FunctionType]]:
    for module in modules():
        for name, value in vars(module).items():
            function = inspect.unwrap(value) if callable(value) else None
            if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{module.__name__}.{name}", function


def writes(function: FunctionType, seen: frozenset[Callable[..., object]] = frozenset()) -> bool:
    """Whether it calls ``record``, or a function of an ``actions`` module that does."""
    if function in seen or not function.__module__.endswith("actions"):
        return False
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    found = [inspect.unwrap(value) for name in called if callable(value := function.__globals__.get(name))]
    return log.record in found or any(writes(one, seen | {function}) for one in found if inspect.isfunction(one))


def test_every_action_writes_the_log_or_says_why_not() -> None:
    functions = dict(public_functions())
    assert len(functions) > 60
    not_yet = {f"{module}.{name}" for module, names in NOT_YET.items() for name in names}
    silent = {name for name, function in functions.items() if not writes(function)}
    assert silent == WHY_NOT.keys() | READS | not_yet


def test_none_of_the_teams_own_is_put_off() -> None:
    assert not any(module.startswith("teams") for module in NOT_YET)


def test_every_action_that_is_written_has_words_and_no_word_is_left_over() -> None:
    named = {
        node.args[1].value if isinstance(node.args[1], ast.Constant) else "member.left"
        for module in modules()
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record"
    }
    assert named | {"member.removed"} == set(log.NAMES)


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_written_in_a_transaction_alone(cast: Cast) -> None:
    with pytest.raises(RuntimeError):
        log.record(cast.owner, "team.renamed", cast.team)
    with transaction.atomic(), pytest.raises(ValueError, match="no words"):
        log.record(cast.owner, "team.exploded", cast.team)
