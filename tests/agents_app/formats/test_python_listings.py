"""The listings of four public articles about CrewAI become the crews that they describe."""

from pathlib import Path

import pytest

from agents_app.formats import Imported, read
from engine.spec.crew_spec import CrewSpec
from engine.spec.validate import validate

LISTINGS = Path(__file__).parent / "listings"


def listing(name: str) -> Imported:
    return read((LISTINGS / f"{name}.txt").read_text())


def spec_of(name: str) -> CrewSpec:
    imported = listing(name)
    assert imported.spec is not None, imported.report
    return imported.spec


def problems(imported: Imported) -> list[str]:
    return [f"{note.line}: {note.message}" for note in imported.report if note.level != "info"]


@pytest.mark.parametrize("name", ["metrics", "support", "content", "financial", "drug_profile", "research", "timing"])
def test_whole_crews_can_run_as_they_are_and_nothing_was_lost(name: str) -> None:
    imported = listing(name)
    assert imported.spec is not None
    assert validate(imported.spec) == ()
    assert problems(imported) == []


def test_support_crew_keeps_agents_models_tools_context_and_its_one_input() -> None:
    spec = spec_of("support")
    assert spec.name == "Support crew"
    assert [(agent.key, agent.llm.model) for agent in spec.agents] == [
        ("sentiment_agent", "gpt-4"),
        ("knowledge_agent", "gpt-3.5-turbo"),
        ("response_agent", "gpt-4"),
        ("compliance_agent", "gpt-4"),
    ]
    assert [tool.name for tool in spec.agents[1].tools] == ["web_search", "scrape_website"]
    assert [(task.key, task.context) for task in spec.tasks] == [
        ("analyze_task", None),
        ("research_task", ("analyze_task",)),
        ("compose_task", ("analyze_task", "research_task")),
        ("review_task", ("compose_task",)),
    ]
    assert "Customer message: {customer_message}" in spec.tasks[0].description
    assert spec.inputs["customer_message"].startswith("I've been trying to reset my password")


def test_a_key_that_is_read_from_the_environment_is_said_and_not_imported() -> None:
    imported = listing("support")
    assert imported.spec is not None
    assert "SERPER" not in imported.spec.model_dump_json()
    assert [note.line for note in imported.report if "Keys are never imported" in note.message] == [9]


def test_content_crew_takes_its_inputs_from_the_call_below_main_and_joins_a_list() -> None:
    spec = spec_of("content")
    assert spec.inputs == {
        "topic": "Building Scalable Microservices with Python FastAPI",
        "target_keywords": (
            "fastapi microservices, python microservices architecture, fastapi tutorial, scalable api design"
        ),
        "word_count": "2500",
    }
    assert "Target keywords: {target_keywords}" in spec.tasks[0].description
    assert spec.tasks[1].description.startswith("Write a {word_count}-word article on '{topic}':")


def test_financial_crew_has_two_independent_analyses_after_the_data() -> None:
    spec = spec_of("financial")
    assert spec.inputs == {"company_ticker": "MSFT", "analysis_period": "Q3 2024"}
    assert [task.context for task in spec.tasks] == [
        None,
        ("data_task",),
        ("data_task",),
        ("data_task", "quantitative_task", "risk_task"),
    ]


def test_drug_profile_has_three_async_tasks_before_the_synthesis() -> None:
    spec = spec_of("drug_profile")
    assert [task.async_execution for task in spec.tasks] == [True, True, True, False]
    assert spec.tasks[3].context == ("pharmacology_task", "regulatory_task", "market_task")
    assert spec.tasks[3].description.startswith("Synthesize the pharmacology, regulatory, and market research into a ")


def test_metrics_crew_takes_its_input_from_kickoff() -> None:
    assert spec_of("metrics").inputs == {"company": "Stripe"}


def test_models_with_a_temperature_are_kept() -> None:
    llms = [agent.llm for agent in spec_of("tiering").agents]
    assert [(llm.model, llm.temperature) for llm in llms] == [
        ("openai/gpt-4o", 0.3),
        ("openai/gpt-4o-mini", 0.0),
        ("openai/gpt-4o-mini", 0.0),
    ]


def test_agents_that_a_listing_uses_but_does_not_define_are_made_from_their_names_with_a_warning_at_the_line() -> None:
    imported = listing("parallel_brief")
    assert imported.spec is not None
    assert [(agent.key, agent.role) for agent in imported.spec.agents] == [
        ("financial_analyst", "Financial analyst"),
        ("news_analyst", "News analyst"),
        ("senior_analyst", "Senior analyst"),
    ]
    assert [note.line for note in imported.report if note.level == "warning"] == [7, 14, 22]
    assert [task.async_execution for task in imported.spec.tasks] == [True, True, False]


def test_a_pydantic_class_becomes_the_output_schema() -> None:
    assert spec_of("structured").tasks[0].output_schema == {
        "type": "object",
        "title": "CompanyMetrics",
        "properties": {
            "revenue_growth_yoy": {"type": "number"},
            "gross_margin": {"type": "number"},
            "key_risks": {"type": "array", "items": {"type": "string"}},
            "top_competitors": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["revenue_growth_yoy", "gross_margin", "key_risks", "top_competitors"],
    }


def test_a_name_that_is_defined_twice_keeps_the_later_definition_and_says_so() -> None:
    imported = listing("routing")
    assert imported.spec is not None
    assert [agent.backstory for agent in imported.spec.agents] == [
        "You route data to the right pipeline based on schema and content type."
    ]
    assert any("defined again in line 13" in note.message for note in imported.report)


def test_a_crew_of_names_that_are_not_defined_is_made_of_empty_members() -> None:
    imported = listing("drug_async")
    assert imported.spec is not None
    assert [agent.key for agent in imported.spec.agents] == ["pharma_researcher", "regulatory_expert", "synthesizer"]
    assert [task.key for task in imported.spec.tasks] == ["pharmacology_task", "regulatory_task", "synthesis_task"]
    assert len(problems(imported)) >= 6


def test_rows_for_many_runs_give_the_first_as_default_and_say_how_many() -> None:
    source = (LISTINGS / "research.txt").read_text() + "\n" + (LISTINGS / "research_each.txt").read_text()
    imported = read(source)
    assert imported.spec is not None
    assert imported.spec.inputs == {"topic": "Ollama 0.6 release"}
    assert any("3 inputs" in note.message for note in imported.report)


def test_lost_indentation_is_named_at_its_line() -> None:
    imported = listing("research_unindented")
    assert imported.spec is None
    (error,) = imported.report
    assert (error.level, error.line) == ("error", 6)
    assert "indentation seems to have been lost in copying" in error.message


@pytest.mark.parametrize("name", ["tool_cache", "length", "roles", "context", "tools_listed"])
def test_fragments_are_read_as_far_as_they_go(name: str) -> None:
    imported = listing(name)
    assert imported.spec is not None
    assert any("There is no Crew(...)" in note.message for note in imported.report)


def test_context_of_unknown_tasks_is_left_out_with_a_warning() -> None:
    imported = listing("context")
    assert any("`task3` in its context is not a task of this crew" in text for text in problems(imported))


def test_a_pages_column_of_line_numbers_is_taken_off() -> None:
    source = (LISTINGS / "metrics.txt").read_text()
    column = "".join(f"{number:2d}\n" for number in range(1, source.count("\n") + 1))
    imported = read(column + source)
    assert imported.spec == spec_of("metrics")
    assert any("column of line numbers" in note.message for note in imported.report)
