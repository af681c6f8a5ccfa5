"""Reads of saved scenarios."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404

from runs.models import Scenario
from runs.scenarios.answer import Answer, answer
from runs.scenarios.asked import Asked, of_json
from teams.access import Principal
from teams.refusals import Busy, Refusal


@dataclass(frozen=True, slots=True)
class Reopened:
    """A saved scenario, what it asks, and its figures now; None, with a word, where they cannot be reckoned now."""

    scenario: Scenario
    asked: Asked
    now: Answer | None
    why_not: str = ""


def reopened(who: Principal, scenario: Scenario) -> Reopened:
    """Raises ``Busy``: that passes. A price that is gone, or a filter that takes too long, is said instead."""
    asked = of_json(scenario.asked)
    try:
        return Reopened(scenario, asked, answer(who, asked))
    except Http404:
        return Reopened(scenario, asked, None, "Its crew is there no longer.")
    except Refusal as refusal:
        if refusal.status == Busy.status:
            raise
        return Reopened(scenario, asked, None, refusal.message)
