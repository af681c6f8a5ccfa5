"""A crew's memory in the database: each agent's notes, searched like knowledge documents and on the same threads."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.postgres.search import SearchRank
from django.db import DatabaseError, InterfaceError
from django.db.models import F, QuerySet

from agents_app.knowledge.folding import fold
from agents_app.knowledge.search import AnyWord
from engine.text import storable
from engine.tools.tool import ToolFailed
from runs.models import Note, Run
from runs.worker.reading import Reading

log = logging.getLogger(__name__)

MAX_NOTES = 1_000
"""Kept of one agent; the oldest go first."""

T = TypeVar("T")


class CrewMemory:
    """The notes of one crew's agents. Those of simulated runs are kept apart.

    ``reading``: the run's share of the threads.
    """

    def __init__(self, run: Run, reading: Reading) -> None:
        self._reading = reading
        self._crew_id = run.crew_id
        self._simulated = run.simulated

    async def note(self, agent: str, text: str) -> None:
        await self._on_thread(self._keep, agent, storable(text, nul=" "))

    async def recall(self, agent: str, query: str, *, limit: int) -> list[str]:
        return await self._on_thread(self._find, agent, fold(storable(query, nul=" ")[:500]), limit)

    async def _on_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Raises ``ToolFailed``, without the database's own words, if the notes cannot be reached now."""

        def guarded() -> T:
            try:
                return work(*arguments)
            except (DatabaseError, InterfaceError) as error:
                log.warning("Could not reach the notes of crew %s", self._crew_id, exc_info=error)
                raise ToolFailed("The notes cannot be reached at the moment. Go on without them.") from error

        return await self._reading.do(guarded)

    def _keep(self, agent: str, text: str) -> None:
        digest = hashlib.sha256(text.encode()).hexdigest()
        note = Note(
            crew_id=self._crew_id, agent=agent, simulated=self._simulated, text=text, folded=fold(text), digest=digest
        )
        Note.objects.bulk_create([note], ignore_conflicts=True)
        kept = self._notes(agent).order_by("-pk").values("pk")[:MAX_NOTES]
        self._notes(agent).exclude(pk__in=kept).delete()

    def _find(self, agent: str, query: str, limit: int) -> list[str]:
        any_word = AnyWord(query, config="english", search_type="plain")
        matches = self._notes(agent).filter(search=any_word).annotate(rank=SearchRank(F("search"), any_word))
        return list(matches.order_by("-rank", "-pk").values_list("text", flat=True)[:limit])

    def _notes(self, agent: str) -> QuerySet[Note]:
        return Note.objects.filter(crew_id=self._crew_id, agent=agent, simulated=self._simulated)
