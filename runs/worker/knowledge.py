"""Searches a team's documents for its runs' tools. The engine's loop must not wait for the database, so threads do."""

from __future__ import annotations

import logging

from django.db import DatabaseError, InterfaceError

from agents_app.knowledge.search import search_passages
from engine.tools.knowledge_search import FoundPassage
from engine.tools.tool import ToolFailed
from runs.worker.reading import Reading
from teams.models import Team
from teams.refusals import Refusal

log = logging.getLogger(__name__)


class TeamKnowledge:
    """Searches in one team's documents and in no other's. ``reading``: the run's share of the threads."""

    def __init__(self, team: Team, reading: Reading) -> None:
        self._team = team
        self._reading = reading

    async def search(self, query: str, *, collections: tuple[str, ...], limit: int) -> list[FoundPassage]:
        """Raises ``ToolFailed``, without the database's own words, if the documents cannot be read now or the search
        takes too long.
        """
        return await self._reading.do(lambda: self._search(query, collections, limit))

    def _search(self, query: str, collections: tuple[str, ...], limit: int) -> list[FoundPassage]:
        try:
            passages = search_passages(self._team, query, collections=collections, limit=limit)
        except Refusal as refusal:
            raise ToolFailed(refusal.message) from refusal
        except (DatabaseError, InterfaceError) as error:
            log.warning("Could not search the documents of team %s", self._team.pk, exc_info=error)
            raise ToolFailed("The documents cannot be read at the moment. Try once more, or answer without.") from error
        return [FoundPassage(passage.document.title, passage.text, f"part {passage.position}") for passage in passages]
