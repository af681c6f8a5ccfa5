"""Crews of any kind, for Hypothesis: whatever a spec may hold, with texts made to break out of where they stand."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from engine.spec.crew_spec import (
    AgentSpec,
    Condition,
    CrewSpec,
    LengthGuardrail,
    LLMSpec,
    QuestionGuardrail,
    RegexGuardrail,
    SchemaGuardrail,
    TaskSpec,
    ToolSpec,
)
from engine.spec.placeholders import placeholders
from engine.text import is_storable

MEAN = (
    *('"""', "'''", '"', "'", "\\", "\\n", "\n", "\r", "\r\n", "\t", "\x0b", "\x0c", "\x1c", "\x85", "\u2028"),
    *("\u202e", "#", "# coding: rot13", "//", "*/", "{", "}", "{{", "{topic}", "{{topic}}", "{{{topic}}}", "{größe}"),
    *("{{größe}}", '{"a": 1}', "${x}", "%s", "yes", "No", "null", "~", "1.0", "0x1f", "-", "- a", ": ", "a: b", "|"),
    *(">", "&a", "*a", "!tag", "@", "`", "?", "---", "...", " ", "  ", "word", "文", "🐝", "é", "\ufeff", "import os"),
    *("a longer text of some words " * 5, "__import__('os')", "\\N{BULLET}", "\\u0041", "\\x41", "long" * 30),
)
plain = st.text(max_size=3).filter(is_storable)
texts = st.lists(st.sampled_from(MEAN) | plain, max_size=3).map("".join)
lines = texts.map(lambda text: " ".join(text.split()))
unbraced = texts.map(lambda text: text.replace("{", "(").replace("}", ")"))
keys = st.from_regex(r"[a-z0-9][a-z0-9_]{0,12}", fullmatch=True) | st.sampled_from(
    ("class", "none", "print", "agent", "task", "crew", "agent_2", "create_report", "self", "1st", "match", "inputs")
)
titles = st.from_regex(r"[A-Z][A-Za-z0-9]{0,9}", fullmatch=True)
counts = st.integers(1, 5)
unset = st.none()


def mixed(*chances: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), *chances)


@st.composite
def llms(draw: st.DrawFn) -> LLMSpec:
    models = (
        "gpt-4o-mini",
        "gpt-4o",
        "claude-sonnet-4-5",
        "gemini/gemini-2.5-pro",
        "ollama/llama3.1",
        "simulated/gpt-4o",
    )
    return LLMSpec(
        model=draw(st.sampled_from((*models, "deepseek-chat", "my-own-model"))),
        temperature=draw(mixed(st.sampled_from((0.0, 0.25, 2.0)))),
        top_p=draw(mixed(st.sampled_from((0.5, 1.0)))),
        max_tokens=draw(mixed(counts)),
        stop=tuple(draw(st.lists(texts.filter(bool), max_size=2))),
        seed=draw(mixed(st.integers(-5, 5))),
        reasoning_effort=draw(mixed(st.sampled_from(("minimal", "high")))),
        timeout_s=draw(st.sampled_from((600, 30.0, 0.5))),
        fallbacks=tuple(draw(st.lists(st.just("gpt-4"), max_size=1))),
        credential=draw(mixed(lines)),
        cache_ttl_s=draw(mixed(counts)),
        stream=draw(st.booleans()),
    )


@st.composite
def tools(draw: st.DrawFn) -> tuple[ToolSpec, ...]:
    every = (
        ToolSpec(name="web_search"),
        ToolSpec(name="web_search", config={"n_results": 3}),
        ToolSpec(name="scrape_website", config={"website_url": draw(unbraced)}),
        ToolSpec(name="calculator"),
        ToolSpec(name="current_time", config={"cache_ttl_s": 60}),
        ToolSpec(name="knowledge_search"),
        ToolSpec(name="http_request", config={"allowed_hosts": ["x.example"]}),
        ToolSpec(name="mcp", config={"url": "https://x.example/mcp", "tools": [draw(texts)], "credential": "k"}),
        ToolSpec(name="mcp", config={"command": ["npx", draw(texts)]}),
    )
    chosen = draw(st.lists(st.sampled_from(every), max_size=3, unique_by=lambda tool: tool.name))
    return tuple(chosen)


def of_fields(parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects as the reader makes them of classes."""

    @st.composite
    def made(draw: st.DrawFn) -> dict[str, Any]:
        names = draw(
            st.lists(st.sampled_from(("a", "b", "class", "list", "json", "in words", "_x", "größe")), unique=True)
        )
        properties = {name: draw(parts) for name in names}
        required = [name for name in names if "default" not in properties[name] and draw(st.booleans())]
        schema: dict[str, Any] = {"type": "object", "title": draw(titles), "properties": properties}
        description = draw(mixed(lines.map(lambda text: text.replace("{", "(").replace("}", ")")).filter(bool)))
        if description:
            schema["description"] = description
        if draw(st.booleans()):
            schema["additionalProperties"] = False
        return {**schema, "required": required} if required else schema

    return made()


said = st.fixed_dictionaries({}, optional={"description": texts.filter(bool), "title": lines.filter(bool)})
scalars = st.sampled_from(
    (
        {"type": "string"},
        {"type": "string", "minLength": 1, "maxLength": 9},
        {"type": "string", "pattern": "^\\d+$"},
        {"type": "integer", "minimum": 0, "exclusiveMaximum": 9},
        {"type": "number", "multipleOf": 0.5},
        {"type": "boolean"},
        {"type": "string", "format": "date-time"},
        {"enum": ["a", 'b"c', "\n"], "type": "string"},
        {"enum": [1, 2], "type": "integer"},
        {"type": "object"},
        {"type": "array"},
        {"type": "object", "additionalProperties": {"type": "number"}},
        {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
        {},
    )
)
leaves = st.builds(lambda kind, notes: {**kind, **notes}, scalars, said) | st.builds(
    lambda text: {"type": "string", "default": text}, texts
)
class_like = of_fields(
    st.recursive(
        leaves,
        lambda inner: (
            st.builds(lambda part: {"type": "array", "items": part, "minItems": 1}, of_fields(inner))
            | st.builds(lambda part: {"anyOf": [part, {"type": "null"}]}, of_fields(inner))
            | of_fields(inner)
        ),
        max_leaves=4,
    )
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
wild_schemas = st.dictionaries(
    st.sampled_from(
        ("type", "properties", "items", "enum", "required", "$ref", "$defs", "anyOf", "not", "title", "format")
    ),
    json_values | st.sampled_from(("object", "array", "string")) | st.just({"a": {"type": "string"}}),
    max_size=5,
)
guardrails = st.one_of(
    st.builds(LengthGuardrail, min_words=mixed(counts), max_words=mixed(counts), max_chars=mixed(counts)),
    st.builds(RegexGuardrail, pattern=texts, forbid=st.booleans()),
    st.builds(SchemaGuardrail, json_schema=st.dictionaries(texts, json_values, max_size=2)),
    st.builds(QuestionGuardrail, question=unbraced.map(str.strip).filter(bool), llm=mixed(llms())),
)


@st.composite
def agents(draw: st.DrawFn, key: str) -> AgentSpec:
    return AgentSpec(
        key=key,
        role=draw(texts),
        goal=draw(texts),
        backstory=draw(texts),
        llm=draw(llms()),
        tools=draw(tools()),
        allow_delegation=draw(st.booleans()),
        cache=draw(st.booleans()),
        max_iter=draw(st.sampled_from((1, 20, 25))),
        max_rpm=draw(mixed(counts)),
        max_execution_time_s=draw(mixed(st.sampled_from((2.0, 2.5)))),
        max_retry_limit=draw(st.integers(0, 3)),
        respect_context_window=draw(st.booleans()),
        memory=draw(st.booleans()),
    )


@st.composite
def tasks(draw: st.DrawFn, key: str, earlier: list[str], agents: list[str], schemas: Any) -> TaskSpec:
    condition = None
    if earlier and draw(st.booleans()):
        condition = Condition(
            task=draw(st.sampled_from(earlier)),
            contains=draw(mixed(unbraced)),
            matches=draw(mixed(unbraced)),
            negate=draw(st.booleans()),
        )
    return TaskSpec(
        key=key,
        name=draw(lines.map(lambda text: text.replace("{", "(").replace("}", ")"))),
        description=draw(texts),
        expected_output=draw(texts),
        agent=draw(st.sampled_from(agents)),
        context=draw(mixed(st.lists(st.sampled_from(earlier), unique=True).map(tuple) if earlier else st.just(()))),
        async_execution=draw(st.booleans()),
        output_schema=draw(mixed(schemas)),
        takes_near_misses=draw(st.booleans()),
        tools=draw(mixed(tools())),
        guardrails=tuple(draw(st.lists(guardrails, max_size=2))),
        guardrail_max_retries=draw(st.integers(0, 4)),
        human_input=draw(st.booleans()),
        cache_ttl_s=draw(mixed(counts)),
        condition=condition,
        markdown=draw(st.booleans()),
    )


@st.composite
def specs(draw: st.DrawFn, schemas: st.SearchStrategy[dict[str, Any]] = class_like) -> CrewSpec:
    """A crew that runs, with a value for each of its inputs."""
    agent_keys = draw(st.lists(keys, min_size=2, max_size=2, unique=True))
    task_keys = draw(st.lists(keys, min_size=1, max_size=3, unique=True))
    process = draw(st.sampled_from(("sequential", "parallel", "hierarchical")))
    manager = draw(mixed(st.just(agent_keys[0]))) if process == "hierarchical" else None
    workers = [key for key in agent_keys if key != manager]
    spec = CrewSpec(
        name=draw(lines.filter(bool)),
        description=draw(texts),
        agents=tuple(draw(agents(key)) for key in agent_keys),
        tasks=tuple(draw(tasks(key, task_keys[:place], workers, schemas)) for place, key in enumerate(task_keys)),
        process=process,
        manager_agent=manager,
        manager_llm=draw(llms()) if process == "hierarchical" and manager is None else None,
        planning=draw(st.booleans()),
        planning_llm=draw(mixed(llms())),
        cache=draw(st.booleans()),
        max_rpm=draw(mixed(counts)),
    )
    values = {name: draw(unbraced.map(str.strip)) for name in placeholders(spec)}
    return spec.model_copy(update={"inputs": values})
