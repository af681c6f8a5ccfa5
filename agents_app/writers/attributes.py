"""What each format can say of a crew, attribute by attribute, and what of that an import here reads back.

``docs/export.md`` shows this table; tests hold the writers and the readers against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents_app.writers.formats import FORMATS, ExportFormat

SAYS = {"yes": "yes", "partly": "in part", "no": "no"}


@dataclass(frozen=True, slots=True)
class Attribute:
    """``path``: of the spec's field. ``says``: what Python, YAML and JSONC say of it, in this order: ``yes``, or
    ``partly`` or ``no``, where the remarks have the rest. ``read``: whether an import reads it back."""

    path: str
    says: tuple[str, str, str]
    read: bool = True
    note: str = ""


def _all(path: str, says: str = "yes", *, read: bool = True, note: str = "") -> Attribute:
    return Attribute(path, (says, says, says), read and says != "no", note)


ATTRIBUTES: tuple[Attribute, ...] = (
    _all("name"),
    _all("description", "no", note="a comment"),
    _all("process", "partly", note="no parallel one: the tasks run one after the other, and read the same"),
    _all("inputs", note="those that a text uses; one without a value is asked for"),
    _all("manager_llm"),
    _all("manager_agent", note="it stands outside of the crew's list of agents"),
    _all("planning"),
    _all("planning_llm"),
    _all("cache"),
    _all("max_rpm"),
    _all("agents.key", "partly", note="the name; agents and tasks share their names, and words of Python are taken"),
    _all("agents.role"),
    _all("agents.goal"),
    _all("agents.backstory"),
    _all("agents.llm"),
    _all("agents.tools", "partly", note="see the tools below"),
    _all("agents.allow_delegation"),
    _all("agents.cache"),
    _all("agents.max_iter", note="always written: CrewAI's is 25 where nothing is said, ours 20"),
    _all("agents.max_rpm"),
    _all("agents.max_execution_time_s", "partly", note="whole seconds"),
    _all("agents.max_retry_limit"),
    _all("agents.respect_context_window"),
    _all("agents.memory"),
    _all("llm.model", "partly", note="simulated models are the real ones there; bare ids of other makers get a prefix"),
    _all("llm.temperature"),
    _all("llm.top_p"),
    _all("llm.max_tokens"),
    _all("llm.stop"),
    _all("llm.seed"),
    _all("llm.reasoning_effort"),
    _all("llm.timeout_s"),
    _all("llm.fallbacks", "no"),
    _all("llm.credential", "no", note="keys are never exported"),
    _all("llm.cache_ttl_s", "no"),
    _all("llm.stream"),
    _all("tasks.key", "partly", note="as for agents"),
    _all("tasks.name"),
    _all("tasks.description"),
    _all("tasks.expected_output"),
    _all("tasks.agent"),
    _all("tasks.context", note="written out where CrewAI would give the task something else to read"),
    _all("tasks.async_execution", "partly", note="not where CrewAI refuses it"),
    _all("tasks.output_schema", "partly", note="a class of pydantic; where that lacks some, the schema is a comment"),
    _all("tasks.takes_near_misses", "no"),
    _all("tasks.tools", "partly", note="CrewAI gives a task without tools those of its agent"),
    _all("tasks.guardrails", note="a question is asked of a model; others are functions that the export defines"),
    _all("tasks.guardrail_max_retries"),
    _all("tasks.human_input"),
    _all("tasks.cache_ttl_s", "no"),
    Attribute("tasks.condition", ("yes", "yes", "partly"), note="in JSON, of the task before alone"),
    _all("tasks.markdown"),
)
TOOLS: tuple[Attribute, ...] = (
    _all("web_search", note="SerperDevTool"),
    _all("scrape_website", note="ScrapeWebsiteTool"),
    _all("calculator", note="written out in the export"),
    _all("current_time", note="written out in the export"),
    _all("knowledge_search", "no", note="a stand-in that says so: the documents stay here"),
    _all("http_request", "no", note="a stand-in that says so"),
    _all(
        "mcp",
        "partly",
        note="mcps of an agent, without its token; of a task a stand-in, which comes back without address",
    ),
)


def table(attributes: tuple[Attribute, ...], head: str) -> Iterator[str]:
    """The lines of a table in Markdown."""
    columns = [FORMATS[form].label for form in _COLUMNS]
    yield f"| {' | '.join([head, *columns, 'read back', ''])} |"
    yield "|---" * (len(columns) + 3) + "|"
    for attribute in attributes:
        words = [SAYS[says] for says in attribute.says]
        yield f"| {' | '.join([f'`{attribute.path}`', *words, 'yes' if attribute.read else 'no', attribute.note])} |"


_COLUMNS: tuple[ExportFormat, ...] = ("python", "yaml", "jsonc")
