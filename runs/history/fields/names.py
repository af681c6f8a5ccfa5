"""Fields of names and texts: crew, by, batch, tag, error, and plain words.

Part of a name is enough, in small or large letters; ``=`` in front means the whole name. Commas stand between several
of which one is enough.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db.models import Q

from agents_app.models import Crew
from runs.history.fields.asked import Asked
from runs.history.fields.conditions import NOBODY, any_of, refers_to
from runs.history.fields.figures import the_run
from runs.history.fields.values import exactly, listed, one_of
from runs.history.fields.words import Misread, Quotable
from runs.models import Batch
from runs.typed_values import uuid_or_none
from teams.models import User

NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
CONSTANTS = {"true": True, "false": False, "null": None}
FAILED = ~Q(error="")
ME = "me"
NO_BATCH = UUID(int=0)


def crew(value: Quotable, asked: Asked) -> Q:
    """By name or address; behind ``=`` the address."""
    named = one_of(value, lambda name: Q(slug=name), lambda part: Q(slug__icontains=part) | Q(name__icontains=part))
    return _of_crews(named, asked)


def by(value: Quotable, asked: Asked) -> Q:
    """By name or e-mail of whoever launched it; ``by:me``."""
    names = [exactly(part) for part in listed(value)]
    people = User.objects.filter(any_of([_person(is_exact, name, asked) for is_exact, name in names]))
    if all(is_exact or name.lower() == ME for is_exact, name in names):
        return Q(created_by__in=list(people.values_list("pk", flat=True)) or [NOBODY])
    return refers_to("created_by_id", people)


def _person(is_exact: bool, name: str, asked: Asked) -> Q:
    if is_exact:
        return Q(email=name.lower()) | Q(name__iexact=name)
    if name.lower() != ME:
        return Q(email__icontains=name) | Q(name__icontains=name)
    if asked.who is None:
        raise Misread("Nobody in particular asks here, so there is no me: write a name or an e-mail")
    return Q(pk=asked.who.user.pk)


def batch(value: Quotable, asked: Asked) -> Q:
    """Runs of the batch with that id, or with that in its name."""
    batches = Batch.objects.filter(any_of([_batch(is_exact, name) for is_exact, name in map(exactly, listed(value))]))
    if asked.who is not None:
        batches = batches.filter(team=asked.who.team)
    return Q(batch__in=list(batches.values_list("pk", flat=True)) or [NO_BATCH])


def _batch(is_exact: bool, name: str) -> Q:
    if pk := uuid_or_none(name):
        return Q(pk=pk)
    return Q(name__iexact=name) if is_exact else Q(name__icontains=name)


def tag(value: Quotable, asked: Asked) -> Q:
    """Runs whose launch was labelled so: with the key, or with the key and the value."""
    at = value.find("=")
    key = value.text if at < 0 else value.text[:at]
    if not key:
        raise Misread("The label has no name: write tag:customer or tag:customer=acme")
    if at < 0:
        return Q(metadata__has_key=key)
    return any_of([Q(metadata__contains={key: each}) for each in _as_json(value.text[at + 1 :])])


def error(value: Quotable, asked: Asked) -> Q:
    """By code or by words of it."""
    is_exact, text = exactly(value)
    if is_exact:
        return FAILED & Q(error_code=text.lower())
    return FAILED & (Q(error_code__icontains=text) | Q(error__icontains=text))


def plain_word(value: Quotable, asked: Asked) -> Q:
    """Part of a crew's name or of an error, or a run's id."""
    found = _of_crews(Q(name__icontains=value.text), asked) | FAILED & Q(error__icontains=value.text)
    the_one = the_run(value.text)
    return found if the_one is None else found | the_one


def _as_json(text: str) -> list[Any]:
    """What was written as it may stand in the labels: a text, and a number or a constant if it looks like one."""
    found: list[Any] = [text]
    if NUMBER.fullmatch(text):
        found.append(float(text) if "." in text else int(text))
    elif text in CONSTANTS:
        found.append(CONSTANTS[text])
    return found


def _of_crews(condition: Q, asked: Asked) -> Q:
    """Crews are looked up first: PostgreSQL knows by their ids how many runs each has, and reads them accordingly."""
    crews = Crew.objects.filter(condition)
    if asked.who is not None:
        crews = crews.filter(team=asked.who.team)
    return Q(crew__in=list(crews.values_list("pk", flat=True)) or [NOBODY])
