"""What loops, branches and empty lists leave to a run: what they read of it is an input, and said."""

import pytest

from tests.agents_app.formats.test_python_computed import TAIL, imported, said, spec_of

WITHIN = TAIL.replace("\n", "\n    ")


def text_and_inputs(code: str) -> tuple[str, dict[str, str]]:
    spec = spec_of(code)
    return spec.tasks[0].description, dict(spec.inputs)


@pytest.mark.parametrize(
    ("made", "part", "text", "inputs"),
    [
        ("inputs = inputs or {}", "inputs.get('note')", "{note}", {}),
        ("inputs = inputs or {}", "inputs.get('day', 'Monday')", "{day}", {"day": "Monday"}),
        ("inputs = inputs or {}", "inputs['note']", "{note}", {}),
        ("inputs = inputs or {}", "inputs", "{inputs}", {"inputs": "{}"}),
        ("inputs = {'a': 'x'} if inputs is None else inputs", "inputs['a']", "{a}", {"a": "x"}),
        ("if inputs is None:\n        inputs = {}", "inputs.get('note')", "{note}", {}),
        ("names = names or []", "', '.join(names)", "{names}", {"names": ""}),
        ("names = names or []\n    names.append('z')", "', '.join(names)", "{names}", {"names": "z"}),
    ],
)
def test_what_stands_for_something_that_nobody_gave_is_open(
    made: str, part: str, text: str, inputs: dict[str, str]
) -> None:
    code = f'def run(inputs=None, names=None):\n    {made}\n    TEXT = f"[{{{part}}}]"{WITHIN}'
    assert text_and_inputs(code) == (f"[{text}]", inputs)


ROUND = """
def ask(q, topic, history):
    memory = "; ".join(f"{n}: {what}" for n, what in enumerate(history, 1)) or "(none yet)"
    TEXT = f"{q}, {topic}, {memory}"TAIL
q = input("Question? ")
topic, history, tone = q, [], "calm"
while True:
    ask(q, topic, history)
    history.append(topic)
    topic = input("Next? ")
"""


def test_what_a_loop_changes_for_its_next_turn_is_an_input() -> None:
    assert text_and_inputs(ROUND.replace("TAIL", WITHIN)) == ("{q}, {topic}, {memory}", {"memory": "(none yet)"})


@pytest.mark.parametrize(
    ("loop", "text", "inputs"),
    [
        ("text = 'Docs:'\nfor doc in fetch(): text += doc.title", "Docs:{text}", {}),
        ("text = 0\nfor doc in fetch(): text += 2", "{text}", {"text": "2"}),
        ("text = 0\nfor n in range(3): text += n", "3", {}),
        ("text = 'a'\nfor n in 'bc': text += n", "abc", {}),
        ("text = 'a'\nfor n in fetch(): more = n", "a", {}),
        ("text = input('Topic? ')\ntext += ' now'", "{text} now", {}),
        ("n = 0\ntext = ''\nwhile n < 3:\n    text += 'x'\n    n += 1", "xxx", {}),
    ],
)
def test_what_loops_add_is_known_where_their_turns_are(loop: str, text: str, inputs: dict[str, str]) -> None:
    assert text_and_inputs(f"{loop}\nTEXT = '[' + str(text) + ']'{TAIL}") == (f"[{text}]", inputs)


def test_what_one_loop_makes_of_two_things_are_two_inputs() -> None:
    code = """
def read(path):
    text = ""
    for page in Reader(path).pages:
        text += page.text()
    return text
def ask(q):
    seen = "none"
    while True:
        TEXT = f"{seen}"
        seen = fetch(q)
        return TEXT
job, letter, note = read("a"), read("b"), read("c")
TEXT = f"{job} {letter} {note} {read('a')} " + ask(1) + ask(2)
"""
    assert text_and_inputs(code + TAIL)[0] == "{job} {letter} {note} {text} {seen}{ask_seen}"


@pytest.mark.parametrize(
    "change",
    [
        "parts.append('b')",
        "parts.insert(0, 'b')",
        "parts += ['b']",
        "del parts[0]",
        "parts[0] = 'b'",
        "parts.clear()",
    ],
)
def test_what_a_branch_fills_or_empties_is_said(change: str) -> None:
    code = f"parts = ['a', 'c']\nif fetch():\n    {change}\nTEXT = ' '.join(parts){TAIL}"
    assert said(imported(code), "Whether `fetch()` holds is only known when the code runs")


@pytest.mark.parametrize("setting", ['os.getenv("SPEECH", "en")', "speech"])
def test_what_a_setting_decides_is_said_and_long_texts_stay_in_the_crew(setting: str) -> None:
    code = f"""
def run(speech="en"):
    prompt = "Write. " * 60
    if {setting} == "de":
        prompt = "Schreibe. " * 60
    TEXT = prompt{WITHIN}"""
    result = imported(code)
    assert result.spec is not None
    assert result.spec.tasks[0].description.startswith("Write. Write. ")
    assert said(result, "by the values that are written there it does not hold")


def test_a_value_with_a_key_that_only_the_template_names_is_called_after_it() -> None:
    code = """
def run(r):
    given = {"case": r.case_id, "papers": [p.dict() for p in r.papers]}
    TEXT = "On {case} with {papers}".format(**given) + " %(papers)s" % givenTAIL
"""
    assert text_and_inputs(code.replace("TAIL", WITHIN))[0] == "On {case} with {papers} {papers}"


@pytest.mark.parametrize(
    ("kit", "name"),
    [
        ("MCPAdapt(1, 2).__enter__()", "MCPAdapt"),
        ("list(MCPServerAdapter(1)) + list(MCPServerAdapter(2))", "MCPServerAdapter"),
        ("[t for t in MCPServerAdapter(1) if t.name in words]", "MCPServerAdapter"),
        ("[t for t in MCPServerAdapter(1).tools if t.name in words]", "MCPServerAdapter"),
    ],
)
def test_tools_of_servers_are_known_however_they_are_listed(kit: str, name: str) -> None:
    code = "from mcpadapt.core import MCPAdapt\nfrom crewai_tools import MCPServerAdapter\nTEXT = 'x'" + TAIL
    result = imported(code.replace('backstory="B"', f'backstory="B", tools={kit}'))
    assert [tool.name for tool in result.crews[0].tools] == [name]
    assert said(result, "give the agent mcp")
    assert not said(result, "a Python tool of the project")


@pytest.mark.parametrize(
    ("part", "text", "inputs"),
    [
        ("', '.join(TOPICS)", "{topics}", {"topics": "tea, milk"}),
        ("TOPICS[0]", "{topics_0}", {"topics_0": "tea"}),
        ("LIMIT + 1", "{limit}", {"limit": "4"}),
        ("os.getenv('TONE', 'calm').upper()", "{tone}", {"tone": "CALM"}),
    ],
)
def test_what_is_made_of_a_setting_is_an_input_with_what_the_source_falls_back_on(
    part: str, text: str, inputs: dict[str, str]
) -> None:
    code = "TOPICS = os.getenv('TOPICS', 'tea,milk').split(',')\nLIMIT = int(os.getenv('LIMIT', '3'))\n"
    assert text_and_inputs(f'{code}TEXT = f"[{{{part}}}]"{TAIL}') == (f"[{text}]", inputs)


def test_a_part_of_something_is_called_as_its_variable() -> None:
    code = f"def run(job):\n    summary = job['Area']['Details']['JobSummary']\n    TEXT = f'[{{summary}}]'{WITHIN}"
    assert text_and_inputs(code)[0] == "[{summary}]"


def test_a_dictionary_with_names_that_only_a_run_shows_is_open() -> None:
    code = """
class Desk:
    def __init__(self):
        self.found = {"tables": {}}
        self.load()
    def load(self):
        for row in ask(): self.found["tables"][row[0]] = row[1]
    def text(self):
        out = "TABLES"
        for name, n in self.found["tables"].items(): out += f" {name}: {n}"
        return out
TEXT = Desk().text()
"""
    assert text_and_inputs(code + TAIL) == ("TABLES{out}", {})
