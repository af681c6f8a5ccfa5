"""Searches a team's documents for its runs' tools. The engine's loop must not wait for the database, so threads do."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, InterfaceError, connection

from agents_app.knowledge.search import search_passages
from engine.tools.knowledge_search import FoundPassage
from engine.tools.tool import ToolFailed
from runs.worker.one_per_process import one_per_process
from teams.models import Team

log = logging.getLogger(__name__)

MAX_SEARCHES = 4
"""Searches at once in one process, each on a thread with a connection; more wait their turn."""


class TeamKnowledge:
    """Searches in one team's documents and in no other's."""

    def __init__(self, team: Team) -> None:
        self._team = team

    async def search(self, query: str, *, collections: tuple[str, ...], limit: int) -> list[FoundPassage]:
        """Raises ``ToolFailed``, without the database's own words, if the documents cannot be read now."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(reading_threads(), self._search, query, collections, limit)

    def _search(self, query: str, collections: tuple[str, ...], limit: int) -> list[FoundPassage]:
        try:
            passages = search_passages(self._team, query, collections=collections, limit=limit)
        except (DatabaseError, InterfaceError) as error:
            log.warning("Could not search the documents of team %s", self._team.pk, exc_info=error)
            raise ToolFailed("The documents cannot be read at the moment. Try once more, or answer without.") from error
        finally:
            connection.close()  # the threads idle between runs, and a kept connection would idle with them
        return [FoundPassage(passage.document.title, passage.text, f"part {passage.position}") for passage in passages]


@one_per_process
def reading_threads() -> ThreadPoolExecutor:
    """This process's own, made at first use and so never before a fork."""
    return ThreadPoolExecutor(MAX_SEARCHES, thread_name_prefix="knowledge")
