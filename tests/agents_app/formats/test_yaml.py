"""agents.yaml and tasks.yaml, apart and together, read strictly and with their lines."""

from pathlib import Path

import pytest

from agents_app.formats import Imported, read, read_files

SOURCES = Path(__file__).parent / "sources"
AGENTS = (SOURCES / "agents.yaml.txt").read_text()
TASKS = (SOURCES / "tasks.yaml.txt").read_text()


def indented(text: str) -> str:
    return "\n".join("  " + line for line in text.split("\n"))


def errors(imported: Imported) -> list[tuple[int | None, str]]:
    return [(note.line, note.message) for note in imported.report if note.level == "error"]


@pytest.mark.parametrize(
    "imported",
    [
        read_files({"config/agents.yaml": AGENTS, "config/tasks.yaml": TASKS}),
        read(f"{AGENTS}\n---\n{TASKS}"),
        read(f"{TASKS}\n---\n{AGENTS}"),
        read(f"{AGENTS}\n{TASKS}"),
        read(f"agents:\n{indented(AGENTS)}\ntasks:\n{indented(TASKS)}"),
        read(f"Some words\n\n```yaml\n{AGENTS}```\nand\n```yaml\n{TASKS}```\n"),
        read(AGENTS.replace("\n", "\r\n") + "\r\n---\r\n" + TASKS.replace("\n", "\r\n")),
    ],
    ids=["files", "documents", "turned", "one after the other", "wrapped", "fenced", "crlf"],
)
def test_both_files_in_every_form_give_the_same_crew(imported: Imported) -> None:
    spec = imported.spec
    assert spec is not None, imported.report
    scout, writer = sorted(spec.agents, key=lambda agent: agent.key)
    assert (scout.role, scout.goal) == ("{market} scout", "Find what moved in {market} since last week")
    assert (scout.llm.model, scout.max_iter, writer.allow_delegation) == ("openai/gpt-4o", 9, False)
    assert writer.backstory == "Line one.\nLine two: with a colon."
    assert [tool.name for tool in scout.tools] == ["web_search"]
    scan, digest = spec.tasks
    assert (scan.agent, scan.async_execution, scan.description) == (
        "scout",
        True,
        "Scan the news on {market} of {year}.",
    )
    assert (digest.agent, digest.context) == ("writer", ("scan",))


def test_what_has_no_place_in_a_crew_is_said_with_file_and_line() -> None:
    report = read_files({"agents.yaml": AGENTS, "tasks.yaml": TASKS}).report
    said = [(note.file, note.line, note.message) for note in report]
    assert ("agents.yaml", 23, "Agent writer: colour was left out (it is not a field that is known here).") in said
    assert any(line == 11 and "company_database" in text for _, line, text in said)
    assert any((file, line) == ("tasks.yaml", 14) and "Task digest: output_file" in text for file, line, text in said)


def test_a_task_whose_agent_is_not_there_gets_an_empty_one_with_a_warning() -> None:
    imported = read(TASKS)
    assert imported.spec is not None
    assert [agent.role for agent in imported.spec.agents] == ["Scout", "Writer"]
    assert [note.line for note in imported.report if "is not defined" in note.message] == [5, 11]


def test_settings_of_the_crew_beside_agents_and_tasks() -> None:
    result = read(
        "name: Watch\nprocess: hierarchical\nmanager_llm: gpt-4o\nmax_rpm: 9\ninputs: {market: tea}\n"
        f"agents:\n{indented(AGENTS)}\ntasks:\n{indented(TASKS)}"
    )
    spec = result.spec
    assert spec is not None
    assert not any("not listed" in note.message for note in result.report)
    assert (spec.name, spec.process, spec.max_rpm, spec.inputs) == ("Watch", "hierarchical", 9, {"market": "tea"})
    assert spec.manager_llm is not None
    assert spec.manager_llm.model == "gpt-4o"


def test_entries_may_be_lists_that_name_themselves() -> None:
    spec = read(
        "agents:\n - name: a\n   role: R\n   goal: g\ntasks:\n - name: t\n   description: d\n   agent: a\n"
    ).spec
    assert spec is not None
    assert [(task.key, task.agent) for task in spec.tasks] == [("t", "a")]


LISTS = {
    "agents.yaml": "- name: writer\n  role: R\n  goal: G\n  backstory: B\n"
    "- role: Chief editor\n  goal: G\n  backstory: B\n",
    "tasks.yaml": "- draft:\n    description: D\n    expected_output: E\n    agent: writer\n"
    "- description: Check it\n  expected_output: E\n  agent: Chief editor\n",
}


def test_files_may_be_lists_with_and_without_python() -> None:
    spec = read_files(LISTS).spec
    assert spec is not None
    assert [agent.key for agent in spec.agents] == ["writer", "chief_editor"]
    assert [(task.key, task.name, task.agent) for task in spec.tasks] == [
        ("draft", "", "writer"),
        ("check_it", "", "chief_editor"),
    ]
    code = """
import yaml
from crewai import Agent, Crew, Task
rows = yaml.safe_load(open("agents.yaml"))
agents = [Agent(role=row["role"], goal=row["goal"], backstory=row["backstory"]) for row in rows]
Crew(agents=agents, tasks=[Task(description="D", expected_output="E", agent=agents[1])])
"""
    result = read_files({"agents.yaml": LISTS["agents.yaml"], "crew.py": code})
    assert result.spec is not None
    assert [agent.role for agent in result.spec.agents] == ["R", "Chief editor"]
    assert not [note for note in result.report if note.level != "info"]


def test_words_that_yaml_takes_for_flags_or_numbers_stay_texts_where_texts_are_wanted() -> None:
    spec = read("a:\n  role: No\n  goal: 42\n  backstory: 1.50\nb:\n  description: yes\n  expected_output: null\n").spec
    assert spec is not None
    assert (spec.agents[0].role, spec.agents[0].goal, spec.agents[0].backstory) == ("No", "42", "1.50")
    assert spec.tasks[0].description == "yes"


def test_names_that_are_no_keys_become_keys_and_stay_apart() -> None:
    alike = read("Lead Analyst:\n  role: R\n  goal: g\nlead-analyst:\n  role: S\n  goal: g\n").spec
    assert alike is not None
    assert [(agent.key, agent.role) for agent in alike.agents] == [("lead_analyst", "R"), ("lead_analyst_2", "S")]
    two = read("Lead Analyst:\n  role: R\n  goal: g\nAnalyst (lead):\n  role: S\n  goal: g\n").spec
    assert two is not None
    assert [agent.key for agent in two.agents] == ["lead_analyst", "analyst_lead"]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a:\n  role: *x\n", 2, "no anchor before it"),
        ("a: &x\n  role: r\n  goal: [*x]\n", 3, "within its own anchor"),
        ("a:\n  role: !!python/object:os.system x\n", 2, "tag"),
        ("\n".join("  " * depth + "a:" for depth in range(30)), 22, "nested"),
        ("a:\n\trole: r\n  goal: g\n", 2, "tab"),
        ("a:\n  role: {topic} expert\n  goal: g\n", 2, "must be in quotes"),
        ("a:\n  role: r\n  goal: be: brief\n", 3, "colon"),
        ("a:\n  role: r\n  goal: 'never closed\n", 4, "never closed"),
        ("a:\n  role: r\n  goal: g\x01\n", 3, "control character"),
        ("a:\n  role: r\n  ? [x]\n  : y\n", 3, "key"),
    ],
)
def test_what_is_refused_names_its_line_and_what_to_do(text: str, line: int, part: str) -> None:
    imported = read(text, "agents.yaml")
    assert imported.spec is None
    ((at, message),) = errors(imported)
    assert at == line
    assert part in message


def test_an_alias_bomb_is_refused_at_the_line_where_it_gets_too_large() -> None:
    bomb = "a0: &a0 [x, x]\n" + "\n".join(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]" for i in range(50))
    ((line, message),) = errors(read(bomb, "agents.yaml"))
    assert (line, "20,000 values" in message) == (13, True)


def test_what_is_shared_by_aliases_and_merge_keys_is_taken_over() -> None:
    imported = read(
        ".defaults: &d\n  llm: gpt-4o\n  max_iter: 4\n"
        "a:\n  <<: *d\n  role: R\n  goal: &g |\n    Be\n    brief\n  max_iter: 9\n"
        "b:\n  role: S\n  goal: *g\n  <<: [*d]\n",
        "agents.yaml",
    )
    assert imported.spec is not None
    assert [(agent.llm.model, agent.max_iter, agent.goal) for agent in imported.spec.agents] == [
        ("gpt-4o", 9, "Be\nbrief"),
        ("gpt-4o", 4, "Be\nbrief"),
    ]
    assert not any("defaults" in note.message for note in imported.report)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a:\n  role: r\n  goal: g\n  role: s\n", 4),
        ("a:\n  role: r\n  goal: g\na:\n  role: s\n  goal: g\n", 4),
    ],
)
def test_of_what_is_given_twice_the_last_one_counts_and_that_is_said(text: str, line: int) -> None:
    imported = read(text, "agents.yaml")
    assert imported.spec is not None
    assert [agent.role for agent in imported.spec.agents] == ["s"]
    assert [note.line for note in imported.report if "given twice" in note.message] == [line]


def test_too_long_a_yaml_is_refused() -> None:
    assert "262,144" in errors(read(AGENTS + "# " + "x" * 262_144, "agents.yaml"))[0][1]
