"""Cutting into passages, the knowledge tool, and the in-memory source of the Python API."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.crewai.blueprints import LLM, Agent, Task
from engine.crewai.kickoff import Crew
from engine.providers.simulator import Simulator, invent
from engine.tools.knowledge_search import FoundPassage, KnowledgeSearch, TextKnowledge
from engine.tools.passages import MAX_CHARS, OVERLAP_CHARS, passages_of, spans
from engine.tools.registry import ToolRegistry
from engine.tools.tool import ToolFailed

PARTS = ("word ", "longer-word ", "end. ", "\n", "\n\n", "W" * 700, "漢字", "\u202e", "é", "  ", "a,b,c\n")


def texts() -> list[str]:
    rng = random.Random(7)  # the same texts every time
    made = ["".join(rng.choices(PARTS, k=rng.randint(0, 900))) for _ in range(60)]
    return [*made, "", " ", "x", "W" * 10_000, "\n" * 5_000, "a " * MAX_CHARS, "x" * MAX_CHARS, "x" * (MAX_CHARS + 1)]


@pytest.mark.parametrize("text", texts())
def test_nothing_of_a_text_is_lost_in_its_passages(text: str) -> None:
    rebuilt, end = "", 0
    for start, stop in spans(text):
        assert start <= end < stop
        assert end - start <= OVERLAP_CHARS
        assert stop - start <= MAX_CHARS
        rebuilt += text[end:stop]
        end = stop
    assert rebuilt == text
    assert all(passage.strip() for passage in passages_of(text))


def test_passages_end_with_paragraphs_where_they_can() -> None:
    paragraph = "One sentence of the paragraph. " * 12
    parts = passages_of("\n\n".join([paragraph.strip()] * 9))
    assert len(parts) > 2
    assert all(part.endswith("paragraph.") for part in parts)


def test_five_megabytes_are_cut_into_passages() -> None:
    assert len(passages_of("Some words that go on and on. " * 170_000)) > 4_000


async def test_the_tool_gives_passages_with_title_and_place() -> None:
    tool = KnowledgeSearch(
        TextKnowledge({"Holidays": "Everybody has 30 days of leave.", "Prices": "A lamp is 20 EUR."})
    )
    found = await tool.run({"query": "how many days of leave"})
    assert found == "Holidays (part 1)\nEverybody has 30 days of leave."
    assert await tool.run({"query": "zebra"}) == "Nothing was found."


async def test_without_documents_the_tool_says_what_to_do() -> None:
    for registry in (ToolRegistry.standard(), ToolRegistry.simulated()):
        tool = registry._factories["knowledge_search"]({})
        with pytest.raises(ToolFailed, match="Knowledge"):
            await tool.run({"query": "x"})


class Asked:
    """A source that remembers what it was asked."""

    async def search(self, query: str, *, collections: tuple[str, ...], limit: int) -> list[FoundPassage]:
        self.collections = collections
        return []


@pytest.mark.parametrize(
    ("config", "collections"),
    [
        ({}, ()),
        ({"collection": "legal"}, ("legal",)),
        ({"collections": ["legal", "prices", "legal"]}, ("legal", "prices")),
        ({"collection": "a", "collections": "b"}, ("a", "b")),
        ({"collections": 5}, ("5",)),
    ],
)
async def test_settings_narrow_to_collections(config: dict[str, Any], collections: tuple[str, ...]) -> None:
    source = Asked()
    tool = KnowledgeSearch(source, config)
    await tool.run({"query": "x"})
    assert source.collections == collections
    assert all(name in tool.facts.description for name in collections)


async def test_rarer_words_count_more() -> None:
    source = TextKnowledge({"a": "the the the cat", "b": "the quokka", "c": "the dog"})
    assert [one.title for one in await source.search("the quokka", collections=(), limit=9)] == ["b", "a", "c"]
    assert await source.search("the", collections=("other",), limit=9) == []
    assert len(await source.search("the", collections=("default",), limit=2)) == 2


def test_a_crew_in_python_searches_its_own_texts() -> None:
    seen: list[str] = []

    def script(request: Any) -> Any:
        seen.extend(str(message["content"]) for message in request.messages if message["role"] == "tool")
        return invent(request)

    agent = Agent(role="Clerk", goal="Answer", backstory="", llm=LLM("gpt-4o-mini"), tools=["knowledge_search"])
    task = Task(description="How many days of leave are there", expected_output="A number", agent=agent)
    crew = Crew(
        agents=[agent],
        tasks=[task],
        llm_client=Simulator(script=script),
        knowledge=TextKnowledge({"Handbook": "There are 30 days of leave."}),
    )
    crew.kickoff()
    assert "There are 30 days of leave." in seen[0]
