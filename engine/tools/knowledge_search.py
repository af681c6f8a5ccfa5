"""Search in documents that the team keeps: the tool, the protocol of a document store, and a store in memory.

The store decides which documents may be seen at all. The tool's settings can only narrow that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.tools.passages import passages_of
from engine.tools.tool import ToolFacts, ToolFailed, text_arguments

MAX_PASSAGES = 5
MAX_QUERY_CHARS = 500
"""A store in memory looks at each passage for each word of a query."""
DEFAULT_COLLECTION = "default"
NO_SOURCE = (
    "There are no knowledge documents here. Answer without them, and say so. Whoever runs this crew can give them: "
    "on a team's page Knowledge, or in Python with Crew(knowledge=TextKnowledge(...))."
)
NOTHING_FOUND = "Nothing was found."


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A piece of a document. ``where`` tells people its place, such as "part 3"."""

    title: str
    text: str
    where: str


class KnowledgeSource(Protocol):
    """A store of documents."""

    async def search(self, query: str, *, collections: tuple[str, ...], limit: int) -> list[FoundPassage]:
        """At most ``limit`` passages, the best first. Without ``collections`` all documents are searched."""
        ...


class KnowledgeSearch:
    """Gives passages with title and place. ``config`` may name one ``collection`` or several ``collections``."""

    def __init__(self, source: KnowledgeSource | None, config: Mapping[str, Any] | None = None) -> None:
        self._source = source
        self._collections = _collections(config or {})
        within = f" in: {', '.join(self._collections)}" if self._collections else ""
        self.facts = ToolFacts(
            name="knowledge_search",
            description=f"Search the team's own documents{within}. Gives the passages that fit best.",
            parameters=text_arguments(query="the words to look for"),
        )

    async def run(self, arguments: dict[str, Any]) -> str:
        if self._source is None:
            raise ToolFailed(NO_SOURCE)
        query = str(arguments["query"])
        passages = await self._source.search(query, collections=self._collections, limit=MAX_PASSAGES)
        return "\n\n".join(f"{part.title} ({part.where})\n{part.text}" for part in passages) or NOTHING_FOUND


class TextKnowledge:
    """A store in memory, for programs without a server. ``texts``: the documents of one collection, by title.

    Passages rank by how many of the query's words they hold; rarer words count more.
    """

    def __init__(self, texts: Mapping[str, str], *, collection: str = DEFAULT_COLLECTION) -> None:
        self._collection = collection
        self._passages = [
            (FoundPassage(title, text, f"part {number}"), _words(f"{title} {text}"))
            for title, document in texts.items()
            for number, text in enumerate(passages_of(document), 1)
        ]

    async def search(self, query: str, *, collections: tuple[str, ...], limit: int) -> list[FoundPassage]:
        if collections and self._collection not in collections:
            return []
        wanted = _words(query[:MAX_QUERY_CHARS])
        weights = {word: 1 / (1 + sum(word in words for _, words in self._passages)) for word in wanted}
        scored = [(sum(weights[word] for word in wanted & words), passage) for passage, words in self._passages]
        best = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])
        return [passage for _, passage in best[:limit]]


def _collections(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The collections that the settings name. A wrong value counts as a name: it must not open all documents."""
    values = [config[name] for name in ("collection", "collections") if config.get(name)]
    names = [item for value in values for item in (value if isinstance(value, (list, tuple)) else [value])]
    return tuple(dict.fromkeys(map(str, names)))


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))
