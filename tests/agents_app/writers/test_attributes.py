"""The table of attributes is whole, is what docs/export.md shows, and what a format does not say is in its remarks."""

from __future__ import annotations

from pathlib import Path

from agents_app.writers import export
from agents_app.writers.attributes import ATTRIBUTES, TOOLS, table
from engine.spec.crew_spec import AgentSpec, Condition, CrewSpec, LengthGuardrail, LLMSpec, TaskSpec, ToolSpec
from engine.spec.tool_names import BUILT_IN_TOOLS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "export.md").read_text()
CREW = CrewSpec(
    name="All that CrewAI lacks",
    description="of it",
    process="parallel",
    agents=(
        AgentSpec(
            key="a",
            role="R",
            llm=LLMSpec(model="simulated/gpt-4o", fallbacks=("gpt-4",), credential="k", cache_ttl_s=5),
            max_execution_time_s=1.5,
            tools=(ToolSpec(name="knowledge_search"), ToolSpec(name="http_request", config={"allowed_hosts": ["x"]})),
        ),
    ),
    tasks=(
        TaskSpec(key="first", description="D", agent="a", tools=(), cache_ttl_s=5),
        TaskSpec(key="second", description="E {{x}}", agent="a", guardrails=(LengthGuardrail(max_words=5),)),
        TaskSpec(
            key="a",
            description="F {größe}",
            agent="a",
            condition=Condition(task="first", contains="{größe}"),
            output_schema={"type": "object", "properties": {"m": {"type": "string", "format": "email"}}},
            takes_near_misses=False,
        ),
    ),
)


def test_every_field_of_a_spec_is_in_the_table() -> None:
    fields = {f"agents.{name}" for name in AgentSpec.model_fields} | {f"tasks.{name}" for name in TaskSpec.model_fields}
    fields |= {f"llm.{name}" for name in LLMSpec.model_fields} | set(CrewSpec.model_fields) - {"agents", "tasks"}
    assert {attribute.path for attribute in ATTRIBUTES} == fields
    assert {attribute.path for attribute in TOOLS} == BUILT_IN_TOOLS


def test_the_page_shows_the_table() -> None:
    for attributes, head in ((ATTRIBUTES, "attribute"), (TOOLS, "tool")):
        assert "\n".join(table(attributes, head)) in PAGE


def test_what_a_format_does_not_say_is_in_its_remarks_and_its_comments() -> None:
    said = {
        *("description", "process", "inputs.größe", "agents.a.llm.model", "agents.a.llm.fallbacks"),
        *("agents.a.llm.credential", "agents.a.llm.cache_ttl_s", "agents.a.max_execution_time_s"),
        *("agents.a.tools.knowledge_search", "agents.a.tools.http_request", "tasks.first.tools", "tasks.a.key"),
        *("agents.a.tools.http_request.allowed_hosts", "tasks.first.cache_ttl_s", "tasks.second.description"),
        *("tasks.second.guardrails", "tasks.a.takes_near_misses", "tasks.a.output_schema"),
        *("tasks.a.condition.contains",),
    }
    for form in ("python", "yaml", "jsonc"):
        exported = export(CREW, form)  # type: ignore[arg-type]
        json_alone = {"tasks.a.condition"} if form == "jsonc" else set()
        assert {remark.field for remark in exported.remarks} == said | json_alone, form
        commented = "\n".join(text for path, text in exported.files.items() if path.endswith((".py", "crew.jsonc")))
        assert all(f"- {remark.field}:" in commented for remark in exported.remarks), form
    assert export(CREW, "json").remarks == ()
