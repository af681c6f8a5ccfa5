"""Every public function of every ``actions`` module writes the log, or stands here with the reason why not."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
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
    "runs.inbox.actions.read": "a person's own inbox, which nobody else sees",
    "runs.inbox.actions.read_all": "a person's own inbox, which nobody else sees",
    "runs.inbox.actions.choose": "of what a person is told; nobody else sees it",
    "teams.webhooks.actions.announce": "tells programs what happened; nobody did it",
    "agents_app.actions.cut_version": "a step of saving, restoring and launching; the version says whose it is",
    "agents_app.gallery.actions.load_builtin": "an update of the installation brings them, and no person",
    "runs.demo.actions.remove_example": "the made-up team goes, and its log with it",
    "runs.demo.actions.remove_history": "the made-up team goes, and its log with it",
    "runs.launch.actions.launch": "a run says itself who launched it, when and by which token; thousands bury the rest",
    "runs.limits.actions.fill_places": "follows from limits that were set, and logged",
    "runs.limits.actions.wake": "follows from limits that were set, and logged",
    "runs.reports.actions.stop": "a person's own mail, stopped by the link in it",
}
READS = {
    "teams.account.actions.leaving",
    "teams.actions.person_of_signin_link",
    "teams.actions.principal_of_token",
    "teams.actions.provider_complaints",
    "teams.invitations.actions.invitation_of",
    "teams.invitations.actions.still_open",
    "teams.providers.actions.revision_of",
    "agents_app.actions.refuse_complaints",
    "agents_app.library.actions.locked",
    "agents_app.library.actions.same",
    "agents_app.knowledge.actions.patience_for_reading",
    "agents_app.knowledge.actions.read_upload",
    "runs.limits.actions.limits_of",
    "runs.named.actions.name_for",
    "runs.ratings.actions.own_rating",
    "runs.reconciliation.actions.read_exports",
    "runs.reconciliation.actions.refuse_unknown",
}
"""They change nothing that anybody sees."""
EVENTS = {"webhook.test"}
"""Names of the same shape that are told to programs."""


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
    called = [_value(node.func, function.__globals__) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = [inspect.unwrap(value) for value in called if callable(value)]
    return log.record in found or any(writes(one, seen | {function}) for one in found if inspect.isfunction(one))


def _value(named: ast.expr, names: Mapping[str, object]) -> object:
    """What is called, by its own name or by that of its module."""
    if isinstance(named, ast.Attribute) and isinstance(named.value, ast.Name):
        module = names.get(named.value.id)
        return getattr(module, named.attr, None) if inspect.ismodule(module) else None
    return names.get(named.id) if isinstance(named, ast.Name) else None


def test_every_action_writes_the_log_or_says_why_not() -> None:
    functions = dict(public_functions())
    assert len(functions) > 90
    silent = {name for name, function in functions.items() if not writes(function)}
    assert silent == WHY_NOT.keys() | READS


def test_every_action_that_is_written_has_words_and_no_word_is_left_over() -> None:
    named = {
        node.value
        for module in modules()
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[a-z]+\.[a-z_]+", node.value)
    }
    assert named - EVENTS == set(log.NAMES)


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_written_in_a_transaction_alone(cast: Cast) -> None:
    with pytest.raises(RuntimeError):
        log.record(cast.owner, "team.renamed", cast.team)
    with transaction.atomic(), pytest.raises(ValueError, match="no words"):
        log.record(cast.owner, "team.exploded", cast.team)
