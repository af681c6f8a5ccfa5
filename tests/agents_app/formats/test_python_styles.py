"""Crews as people write them: classes, helpers, loops, dictionaries, flows, decorated projects."""

from pathlib import Path

import pytest

from agents_app.formats import Imported, read, read_files
from engine.spec.crew_spec import CrewSpec, QuestionGuardrail

SOURCES = Path(__file__).parent / "sources"


def source(name: str) -> str:
    return (SOURCES / f"{name}.txt").read_text()


def spec_of(name: str) -> CrewSpec:
    imported = read(source(name))
    assert imported.spec is not None, imported.report
    return imported.spec


def notes(imported: Imported, level: str = "warning") -> list[tuple[int | None, str]]:
    return [(note.line, note.message) for note in imported.report if note.level == level]


def says(imported: Imported, line: int, part: str) -> bool:
    return any(at == line and part in text for at, text in [*notes(imported), *notes(imported, "info")])


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.txt")), ids=lambda path: path.stem)
def test_every_source_is_read_and_its_spec_survives_json(path: Path) -> None:
    imported = read(path.read_text())
    assert imported.spec is not None, imported.report
    assert CrewSpec.from_json(imported.spec.to_json()) == imported.spec
    assert imported.report[0].message.startswith("Read as CrewAI")


def test_settings_of_models_tools_agents_and_crew_are_kept_or_said_at_their_line() -> None:
    imported = read(source("module_level"))
    spec = imported.spec
    assert spec is not None
    buyer, clerk = spec.agents
    assert (buyer.llm.model, buyer.llm.temperature, buyer.llm.max_tokens) == ("openai/gpt-4o", 0.2, 900)
    assert (buyer.max_iter, buyer.max_rpm, clerk.allow_delegation, clerk.cache) == (7, 12, True, False)
    assert [tool.to_json() for tool in buyer.tools] == [
        {"name": "web_search", "config": {"n_results": 5}},
        {"name": "scrape_website", "config": {"website_url": "https://example.org/prices"}},
    ]
    assert (spec.name, spec.max_rpm, spec.tasks[0].human_input, spec.tasks[1].markdown) == (
        "Purchase crew",
        30,
        True,
        True,
    )
    assert spec.inputs == {"product": "bicycle chains", "shop": "Miller & Sons"}
    for line, part in [
        (5, "A key is written into the source"),
        (9, "FileReadTool"),
        (30, "output_file"),
        (32, "callback"),
        (36, "memory"),
        (20, "verbose"),
        (38, "unused"),
    ]:
        assert says(imported, line, part), (line, part)


def test_no_secret_of_a_source_reaches_the_spec_or_the_report() -> None:
    imported = read(source("module_level") + '\nLLM(model="x", api_key="sk-proj-1234567890abcdefghij")\n')
    assert imported.spec is not None
    everything = imported.spec.model_dump_json() + "".join(note.message for note in imported.report)
    assert "0123456789abcdef" not in everything
    assert "sk-proj" not in everything


def test_classes_that_make_agents_and_tasks_are_followed_and_questions_become_inputs() -> None:
    spec = spec_of("trip_classes")
    assert spec.name == "Travel crew"
    assert [(task.key, task.agent, task.context) for task in spec.tasks] == [
        ("gather", "guide", None),
        ("plan", "planner", ("gather",)),
    ]
    assert spec.tasks[0].description == "Collect sights of {city} for someone who likes {interests}."
    assert spec.tasks[1].description == (
        "Plan a trip to {city} in {when}.\nThe traveller likes {interests}.\nMention what it costs."
    )
    assert spec.agents[0].backstory == "Has planned tours for decades.\nNever misses a train."
    assert spec.agents[0].llm.to_json() == {"model": "gpt-4", "temperature": 0.7}


def test_helpers_are_entered_at_each_call_and_the_builders_parameters_become_inputs() -> None:
    spec = spec_of("helpers")
    assert [(agent.role, agent.llm.model) for agent in spec.agents] == [
        ("Triage nurse", "gpt-4o-mini"),
        ("Expert", "gpt-4o"),
    ]
    assert spec.agents[0].backstory == "You are a triage nurse who answers in at most 120 words."
    assert spec.tasks[0].description == "Sort: {question}"
    assert spec.tasks[1].description == "Answer the question of the customer: {question}\nTone: {tone}"
    assert spec.inputs == {"question": "Where is my parcel?", "tone": "friendly", "language": "English"}


def test_loops_over_what_can_be_seen_are_unrolled() -> None:
    spec = spec_of("loops")
    assert [task.description for task in spec.tasks[:3]] == [
        f"Describe the market for {{product}} in {region}." for region in ("Europe", "Asia", "Africa")
    ]
    assert spec.tasks[3].context == tuple(task.key for task in spec.tasks[:3])
    assert len({task.key for task in spec.tasks}) == 4


def test_a_service_that_builds_crews_is_read_with_its_computed_text_as_an_input() -> None:
    imported = read(source("async_service"))
    spec = imported.spec
    assert spec is not None
    assert (spec.name, spec.inputs) == ("Briefing crew", {"company": "Acme"})
    assert spec.tasks[0].description == "Read the filings of {company} up to {today}."
    assert says(imported, 22, "`datetime.now().strftime('%d %B %Y')`")


def test_agents_in_dictionaries_and_tasks_in_comprehensions_are_found() -> None:
    spec = spec_of("dictionaries")
    assert [(task.description, task.agent) for task in spec.tasks] == [
        ("Test {feature}.", "tester"),
        ("Fix what was found in {feature}.", "fixer"),
    ]
    assert spec.inputs == {"feature": "the login page"}


def test_members_written_inside_the_crew_are_found_and_one_agent_written_twice_is_one() -> None:
    spec = spec_of("inline")
    assert (spec.name, spec.inputs) == ("Night shift", {"service": "billing"})
    assert [agent.key for agent in spec.agents] == ["log_reader", "on_call_engineer"]
    assert [task.agent for task in spec.tasks] == ["log_reader", "on_call_engineer"]


def test_a_manager_is_a_member_and_planning_is_kept() -> None:
    spec = spec_of("hierarchical")
    assert (spec.process, spec.manager_agent, spec.planning) == ("hierarchical", "boss", True)
    assert spec.planning_llm is not None
    assert spec.planning_llm.model == "gpt-4o"
    boss = spec.agent("boss")
    assert boss is not None
    assert boss.llm.model == "anthropic/claude-3-5-sonnet-20241022"


def test_settings_of_the_environment_give_models_and_inputs_their_defaults() -> None:
    imported = read(source("environment"))
    spec = imported.spec
    assert spec is not None
    assert [agent.llm.model for agent in spec.agents] == ["gpt-4o-mini", "gpt-4o-mini", "gpt-4-turbo"]
    assert (spec.agents[0].llm.timeout_s, spec.agents[0].goal, spec.inputs) == (
        45,
        "Survey {region}",
        {"region": "Bavaria"},
    )
    assert says(imported, 8, "num_ctx")
    assert says(imported, 9, "SLOW_MODEL")
    assert says(imported, 13, "COMPANY")


def test_branches_that_only_a_run_decides_are_read_and_said() -> None:
    imported = read(source("branches"))
    spec = imported.spec
    assert spec is not None
    assert (spec.agents[0].llm.model, len(spec.tasks), spec.inputs) == ("gpt-4o", 1, {"topic": "rivers"})
    assert spec.tasks[0].expected_output == "A long text"
    assert says(imported, 18, "`long`")
    assert says(imported, 25, "not part of the crew")


def test_of_several_crews_the_largest_is_imported_and_the_choice_is_said() -> None:
    imported = read(source("two_crews"))
    spec = imported.spec
    assert spec is not None
    assert (spec.name, [task.key for task in spec.tasks]) == ("Big crew", ["find", "shop", "make"])
    assert spec.agents[1].llm.model == "ollama/llama3"
    assert says(imported, 13, "There are 2 crews in this source")
    assert says(imported, 5, "base_url")
    assert says(imported, 6, "`idle` is defined but is not part of the crew")
    assert says(imported, 10, "`forgotten` in its context")


def test_crews_inside_a_flow_are_imported_and_the_flow_is_said_to_be_left_out() -> None:
    imported = read(source("flow"))
    assert imported.spec is not None
    assert imported.spec.inputs == {"theme": "rain"}
    assert says(imported, 13, "Flow")


def test_custom_tools_and_python_guardrails_are_left_out_with_their_names_and_lines() -> None:
    imported = read(source("custom_tools"))
    spec = imported.spec
    assert spec is not None
    assert [tool.name for tool in spec.agents[0].tools] == ["web_search"]
    assert (spec.tasks[0].tools, spec.tasks[0].guardrails, spec.tasks[0].guardrail_max_retries) == (None, (), 2)
    for line, part in [(33, "StockTool"), (33, "convert"), (38, "StockTool"), (39, "check_length")]:
        assert says(imported, line, part), part
    assert says(imported, 32, "`MCPServerAdapter` was left out (give the agent mcp")
    assert says(imported, 33, "`TavilySearchTool` was replaced by the built-in tool web_search")


def test_a_guardrail_in_words_is_kept_as_a_question_and_a_condition_in_python_is_said() -> None:
    imported = read(source("conditional"))
    spec = imported.spec
    assert spec is not None
    (guardrail,) = spec.tasks[2].guardrails
    assert isinstance(guardrail, QuestionGuardrail)
    assert guardrail.question == "No event is in the past."
    assert says(imported, 12, "condition")


PROJECT = {
    "src/market/crew.py": "decorated",
    "src/market/config/agents.yaml": "agents.yaml",
    "src/market/config/tasks.yaml": "tasks.yaml",
}
MAIN = """
from market.crew import MarketWatch


def run():
    inputs = {"market": "tea", "year": "2026"}
    MarketWatch().crew().kickoff(inputs=inputs)


def train():
    MarketWatch().crew().train(n_iterations=3, filename="x", inputs={"market": "cocoa"})
"""


def test_a_decorated_project_takes_its_texts_from_its_yaml_and_its_inputs_from_main() -> None:
    imported = read_files({path: source(name) for path, name in PROJECT.items()} | {"src/market/main.py": MAIN})
    spec = imported.spec
    assert spec is not None
    assert (spec.name, spec.inputs) == ("Market watch", {"market": "tea", "year": "2026"})
    scout, writer = spec.agents
    assert (scout.role, scout.llm.model, scout.max_iter) == ("{market} scout", "openai/gpt-4o", 9)
    assert writer.backstory == "Line one.\nLine two: with a colon."
    scan, digest = spec.tasks
    assert (scan.agent, scan.async_execution, digest.agent, digest.context) == ("scout", True, "writer", ("scan",))
    assert scan.output_schema is not None
    assert list(scan.output_schema["properties"]) == ["headline", "kind", "sources", "remark"]
    texts = [text for _, text in notes(imported)]
    assert any(text.startswith("Agent writer: colour was left out") for text in texts)
    assert any(note.file == "src/market/crew.py" and note.message.startswith("`prepare`") for note in imported.report)


def test_a_decorated_project_without_its_yaml_says_which_file_is_missing() -> None:
    imported = read(source("decorated"))
    assert imported.spec is not None
    assert [agent.role for agent in imported.spec.agents] == ["Scout", "Writer"]
    assert says(
        imported, 36, "was not given: import it too, or fill in what comes from it (texts of the agent in line 36"
    )


def test_yaml_of_a_project_that_no_code_uses_is_said() -> None:
    files = {path: source(name) for path, name in PROJECT.items()}
    files["src/market/config/agents.yaml"] += "\nspare:\n  role: Spare\n  goal: Wait\n"
    imported = read_files(files)
    assert any("`spare` is not used by the Python" in text for _, text in notes(imported))


def test_models_and_tools_of_a_project_may_be_methods_that_its_yaml_names() -> None:
    code = """
from crewai import LLM, Agent, Crew, Task
from crewai.project import CrewBase, agent, crew, llm, task, tool
from crewai_tools import SerperDevTool

@CrewBase
class Desk:
    @llm
    def small(self):
        return LLM(model="gpt-4o-mini", temperature=0)

    @tool
    def web(self):
        return SerperDevTool()

    @agent
    def clerk(self):
        return Agent(config=self.agents_config["clerk"])

    @task
    def file(self):
        return Task(config=self.tasks_config["file"])

    @crew
    def crew(self):
        return Crew(agents=self.agents, tasks=self.tasks)
"""
    agents = "clerk:\n  role: Clerk\n  goal: File\n  llm: small\n  tools: [web]\n"
    tasks = "file:\n  description: File it\n  expected_output: Done\n  agent: clerk\n"
    spec = read_files({"crew.py": code, "config/agents.yaml": agents, "config/tasks.yaml": tasks}).spec
    assert spec is not None
    assert spec.agents[0].llm.to_json() == {"temperature": 0.0}
    assert [tool.name for tool in spec.agents[0].tools] == ["web_search"]
    assert spec.tasks[0].agent == "clerk"


def test_modules_of_a_project_find_each_other() -> None:
    whole = source("trip_classes")
    agents, rest = whole.split("class TravelTasks")
    tasks, crew = rest.split("class TravelCrew")
    imported = read_files(
        {
            "trip/trip_agents.py": agents,
            "trip/trip_tasks.py": f"from textwrap import dedent\nfrom crewai import Task\nclass TravelTasks{tasks}",
            "trip/main.py": (
                "from textwrap import dedent\nfrom crewai import Crew\nfrom trip_agents import TravelAgents\n"
                f"from .trip_tasks import TravelTasks\nclass TravelCrew{crew}"
            ),
            "trip/broken.py": "print 'x'\n",
            "README.md": "# Trips",
        }
    )
    assert imported.spec == read(whole).spec
    (error,) = [note for note in imported.report if note.level == "error"]
    assert (error.file, error.line, "Line 1 is not valid Python" in error.message) == ("trip/broken.py", 1, True)


def test_other_libraries_agents_and_tasks_are_not_taken_for_crewais() -> None:
    imported = read("from celery import Task\nfrom agents import Agent\nt = Task()\na = Agent(name='x')\n")
    assert imported.spec is None
    assert notes(imported, "error")


def test_objects_of_one_class_are_told_apart_when_the_first_is_gone() -> None:
    """A later object may lie in memory where an earlier one lay, and makes another crew all the same."""
    code = """
from crewai import Agent, Crew, Task
class Maker:
    def __init__(self, roles):
        self.roles = roles
    def make(self):
        made = [Agent(role=role, goal="G", backstory="B") for role in self.roles]
        return Crew(agents=made, tasks=[Task(description=a.role, expected_output="E", agent=a) for a in made])
"""
    calls = [f"Maker({[f'{count} {number}' for number in range(count)]}).make()\n" for count in range(1, 11)]
    assert [len(crew.spec.agents) for crew in read(code + "".join(calls)).crews] == list(range(10, 0, -1))
