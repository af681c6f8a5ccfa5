"""Fields of figures, times and states: cost, duration, rating, tokens, since, until, status, simulated, version, id."""

from __future__ import annotations

import re
from uuid import UUID

from django.db.models import F, Q

from agents_app.models import CrewVersion
from runs.history.fields.asked import Asked
from runs.history.fields.conditions import NOBODY
from runs.history.fields.values import Between, between, listed, milliseconds, moment, nusd, whole_number
from runs.history.fields.words import Misread, Quotable
from runs.ratings.filter import rating_condition
from runs.states import RUN_LIVE, RunState
from teams.refusals import Invalid

HEX = re.compile(r"[0-9a-f]{1,32}")
_TOKENS = whole_number("tokens:>5000 or tokens:1000..5000")
_VERSION = whole_number("version:3, version:1,2 or version:2..4")


def cost(value: Quotable, asked: Asked) -> Q:
    """What was spent so far counts for runs that have not ended."""
    wanted = between(value.text, nusd)
    return _ended(wanted, "ended_nusd") | Q(state__in=RUN_LIVE) & wanted.of("spent_nusd")


def duration(value: Quotable, asked: Asked) -> Q:
    """Of runs that have begun and ended."""
    return _ended(between(value.text, milliseconds), "ended_ms")


def rating(value: Quotable, asked: Asked) -> Q:
    try:
        return rating_condition(value.text)
    except Invalid as refusal:
        raise Misread(refusal.message.rstrip(".")) from refusal


def tokens(value: Quotable, asked: Asked) -> Q:
    wanted = between(value.text, _TOKENS)
    live = Q(state__in=RUN_LIVE)
    if wanted.low is not None:
        live &= Q(prompt_tokens__gte=wanted.low - F("completion_tokens"))
    if wanted.high is not None:
        live &= Q(prompt_tokens__lte=wanted.high - F("completion_tokens"))
    return _ended(wanted, "ended_tokens") | live


def _ended(wanted: Between, column: str) -> Q:
    """Of runs that have not ended the column is -1."""
    return Between(max(0, wanted.low or 0), wanted.high).of(column)


def since(value: Quotable, asked: Asked) -> Q:
    return Q(created_at__gte=moment(value.text, asked.now))


def until(value: Quotable, asked: Asked) -> Q:
    return Q(created_at__lt=moment(value.text, asked.now))


def status(value: Quotable, asked: Asked) -> Q:
    states = [part.text.lower() for part in listed(value)]
    if unknown := [state for state in states if state not in RunState.values]:
        raise Misread(f"There is no status {unknown[0]!r}: there are {', '.join(RunState.values)}")
    return Q(state__in=states)


def simulated(value: Quotable, asked: Asked) -> Q:
    word = value.text.lower()
    if word not in ("yes", "no"):
        raise Misread(f"{value.text!r} is neither yes nor no: write simulated:yes or simulated:no")
    return Q(simulated=word == "yes")


def version(value: Quotable, asked: Asked) -> Q:
    """Versions are looked up first, as crews are."""
    parts = listed(value)
    if len(parts) > 1:
        numbered = Q(number__in=[int(_VERSION(part.text)) for part in parts])
    else:
        numbered = between(value.text, _VERSION, without_sign="=").of("number")
    versions = CrewVersion.objects.filter(numbered)
    if asked.who is not None:
        versions = versions.filter(crew__team=asked.who.team)
    return Q(version__in=list(versions.values_list("pk", flat=True)) or [NOBODY])


def run_id(value: Quotable, asked: Asked) -> Q:
    """A run's id or its beginning."""
    begins = value.text.lower().replace("-", "")
    if not HEX.fullmatch(begins):
        raise Misread(f"{value.text!r} begins no id: write the first of its digits and letters from a to f")
    return Q(pk__gte=UUID(begins.ljust(32, "0")), pk__lte=UUID(begins.ljust(32, "f")))


def the_run(text: str) -> Q | None:
    """The run with just this id, None if it is none."""
    begins = text.lower().replace("-", "")
    return Q(pk=UUID(begins)) if len(begins) == 32 and HEX.fullmatch(begins) else None
