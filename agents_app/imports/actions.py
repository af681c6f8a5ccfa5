"""Keeps imported crews: all that were chosen, or none of them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from agents_app.actions import create_crew
from agents_app.models import Crew
from engine.spec.crew_spec import CrewSpec
from teams.access import Principal


@transaction.atomic
def keep_crews(who: Principal, chosen: Sequence[tuple[str, CrewSpec]]) -> list[Crew]:
    """A crew of each spec, under its name. Raises ``Invalid`` if no draft can hold one of them; then none is made."""
    return [create_crew(who, name=name, spec=spec) for name, spec in chosen]
