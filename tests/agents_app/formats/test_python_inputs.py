"""What only a run shows are inputs: each thing has one, with the name and the default that a person would give it."""

import pytest

from tests.agents_app.formats.test_python_computed import TAIL, imported, said, spec_of

INSIDE = TAIL.replace("\n", "\n    ")


def text_and_inputs(code: str) -> tuple[str, dict[str, str]]:
    spec = spec_of(code)
    return spec.tasks[0].description, dict(spec.inputs)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ('text = fetch("a")\nfirst = f"{text}"\ntext = fetch("b")\nTEXT = first + f" {text}"', "{text} {text_2}"),
        ('TEXT = f"{fetch(1)} {fetch(2)} {fetch(1)}"', "{fetch} {fetch_2} {fetch}"),
        (
            (
                "def one():\n    rows = load()\n    return f'{rows}'\n"
                "def two():\n    rows = read()\n    return f'{rows}'\nTEXT = one() + ' ' + two()"
            ),
            "{rows} {two_rows}",
        ),
        (
            "def one(config):\n    return f\"{config['x']}\"\nTEXT = one(load(1)) + ' ' + one(load(2)) + one(load(1))",
            "{x} {one_x}{x}",
        ),
        ("TEXT = '-'.join(f'{found[n]}' for n in [1, 2])", "{found_1}-{found_2}"),
        ("rows = load()\ntext = ', '.join(f'{row[0]}!' for row in rows)\nTEXT = f'{text}'", "{text}"),
        ("TEXT = 'Of ' + ', '.join(row.name for row in rows)", "Of {rows}"),
        ("result = Crew(agents=[], tasks=[]).kickoff()\nTEXT = f'{result} {result.raw}'", "{result} {result}"),
        ("today = day()\nTEXT = f'{today} {today}'", "{today} {today}"),
        ('TEXT = f"{tone.upper()} {tone}"', "{upper_tone} {tone}"),
        ("import random\nTEXT = f'{random.choice(a)} ' + f'{random.choice(a)}'", "{a} {a_2}"),
        ('role = input("Which role? ")\nTEXT = f"{role}"', "{role}"),
        ('TEXT = input("Enter the topic: ") + input("What is your goal?")', "{topic}{goal}"),
        ("def made(topic):\n    return f'On {topic}'\nTEXT = made(input())", "On {topic}"),
        ("def made(names):\n    {}\n    return f'{names:>9}'\nTEXT = made(load())".replace("{}", "pass", 1), "{names}"),
    ],
)
def test_each_unknown_thing_is_an_input_of_its_own(code: str, text: str) -> None:
    assert text_and_inputs(code + TAIL)[0] == text


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("firm if firm else 'no firm'", "firm"),
        ("'' if not firm else firm.name", "firm_name"),
        ("chr(10).join([f'- {path}' for path in paths])", "paths"),
        ("', '.join(sorted(paths))", "paths"),
        ("len(paths)", "paths_count"),
        ("tools[kind]['name']", "tools_name"),
        ("tools['mail']['name']", "tools_mail_name"),
        ("rows[:3]", "rows"),
        ("book.get('title', 'none')", "book_title"),
        ("FACTS['motto']", "motto"),
        ("datetime.now()", "now"),
        ("datetime.today().strftime('%d')", "today"),
    ],
)
def test_an_expression_is_called_after_what_it_is_about(part: str, name: str) -> None:
    imports = "from datetime import datetime\nfrom shop import FACTS, firm, paths, tools, kind, rows, book\n"
    code = f'{imports}TEXT = f"On {{{part}}}"{TAIL}'
    assert text_and_inputs(code)[0] == f"On {{{name}}}"


@pytest.mark.parametrize(
    ("part", "default"),
    [
        ("'polite' if tone else 'rude'", "polite"),
        ("2 if tone else 1", "2"),
        ("'' if not tone else tone", ""),
        ("tone or 'calm'", "calm"),
        ("tone if tone else 'calm'", "calm"),
    ],
)
@pytest.mark.parametrize("given", ["tone", "tone=None", 'tone=""'])
def test_what_is_chosen_by_something_unknown_is_an_input_with_what_the_source_would_choose(
    part: str, default: str, given: str
) -> None:
    """What the source would choose where nobody says more: for a parameter with a default, by that."""
    code = f'def make({given}):\n    TEXT = f"Be {{{part}}} now"{INSIDE}'
    chosen = {"polite": "rude", "2": "1"}.get(default, default) if "=" in given else default
    assert text_and_inputs(code) == ("Be {tone} now", {"tone": chosen} if chosen or "''" in part else {})


def test_what_an_unknown_key_gets_is_an_input_with_what_the_source_falls_back_on() -> None:
    code = (
        "from shop import tone\nTONES = {'a': 'polite', 'b': 'rude'}\nTEXT = f\"Be {TONES.get(tone, 'calm')} now\""
        + TAIL
    )
    assert text_and_inputs(code) == ("Be {tones} now", {"tones": "calm"})


@pytest.mark.parametrize("part", ['"On %s" % firm', '"On {}".format(firm)', '"On {x}".format(x=firm)'])
def test_what_is_put_into_a_template_keeps_its_name(part: str) -> None:
    assert text_and_inputs(f"from shop import firm\nTEXT = {part} + ' now'{TAIL}")[0] == "On {firm} now"


def test_what_known_keys_pick_out_of_something_unknown_is_called_after_the_keys() -> None:
    code = "from shop import tools\nTEXT = ', '.join(tools[kind]['name'] for kind in ['mail', 'post'])" + TAIL
    assert text_and_inputs(code)[0] == "{tools_mail_name}, {tools_post_name}"


def test_an_input_of_yaml_and_one_that_the_source_asks_for_are_one() -> None:
    code = 'topic = input("Topic? ")\nTEXT = "On {topic}"\n' + TAIL.replace('"G"', 'f"Know {topic}"').replace(
        "Crew(", "crew = Crew("
    )
    result = imported(code + 'crew.kickoff(inputs={"topic": topic})')
    assert result.spec is not None
    assert (result.spec.agents[0].goal, result.spec.tasks[0].description) == ("Know {topic}", "On {topic}")
    assert not said(result, "computed by code")


PARSER = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("city")
parser.add_argument("-t", "--topic", default="tea")
group = parser.add_argument_group("more")
group.add_argument("--max-words", type=int, default=300)
parser.add_argument("--loud", action="store_true")
args = parser.parse_args()
"""


@pytest.mark.parametrize(
    ("code", "text", "inputs"),
    [
        (
            PARSER + 'TEXT = f"{args.topic}, {args.max_words}, {args.city}"',
            "{topic}, {max_words}, {city}",
            {"topic": "tea", "max_words": "300"},
        ),
        (PARSER + 'if args.loud:\n    TEXT = "LOUD"\nelse:\n    TEXT = f"{args.topic}"', "{topic}", {"topic": "tea"}),
        ('import sys\ntopic = sys.argv[1] if len(sys.argv) > 1 else "tea"\nTEXT = f"{topic}"', "{topic}", "tea"),
        ('import sys\ntopic = " ".join(sys.argv[1:]) or "tea"\nTEXT = f"{topic}"', "{topic}", "tea"),
        ('topic = input("Topic [tea]: ").strip() or "tea"\nTEXT = f"{topic}"', "{topic}", "tea"),
        ('topic = fetch() or "tea"\nTEXT = f"{topic}"', "{topic}", "tea"),
        ('import streamlit as st\ntopic = st.text_input("T", "tea")\nTEXT = f"{topic}"', "{topic}", "tea"),
        (
            'import streamlit as st\ntopic = st.sidebar.selectbox("T", ["tea", "x"])\nTEXT = f"{topic}"',
            "{topic}",
            "tea",
        ),
        ('import streamlit as st\ntopic = st.text_area("T", value="tea")\nTEXT = f"{topic}"', "{topic}", "tea"),
        ('from rich.prompt import Prompt\ntopic = Prompt.ask("T", default="tea")\nTEXT = f"{topic}"', "{topic}", "tea"),
    ],
)
def test_what_a_person_may_leave_out_has_its_default(code: str, text: str, inputs: dict[str, str] | str) -> None:
    expected = {"topic": inputs} if isinstance(inputs, str) else inputs
    assert text_and_inputs(code + TAIL) == (text, expected)


@pytest.mark.parametrize(
    "head",
    [
        '@click.command()\n@click.option("--topic", default="tea")\n@click.argument("city")\ndef main(topic, city):\n',
        'def main(city, topic: str = typer.Option("tea", help="h")):\n',
        'def main(city, topic: str = "tea"):\n',
    ],
)
def test_options_of_click_and_typer_are_inputs(head: str) -> None:
    code = f'import click, typer\n{head}    TEXT = f"{{topic}} {{city}}"{INSIDE}'
    assert text_and_inputs(code) == ("{topic} {city}", {"topic": "tea"})


def test_arguments_of_the_command_line_are_what_kickoff_gives() -> None:
    crew = TAIL.replace("Crew(", "crew = Crew(")
    spec = spec_of(PARSER + 'TEXT = "On {topic} in {city}"' + crew + "crew.kickoff(inputs=vars(args))")
    assert spec.inputs == {"topic": "tea"}


@pytest.mark.parametrize(
    ("made", "name", "default"),
    [
        ("x = LIMITS.get(depth, 3)", "x", "5"),
        ("x = LIMITS[depth]", "x", "5"),
        ("x = 2 * number", "x", "8"),
        ('x = f"On {about}." if about else "Anything"', "x", "Anything"),
        ('x = ""\n    if about:\n        x = f"On {about}."', "x", ""),
        ("x = depth.upper()", "x", "DEEP"),
        ("x = told(depth)", "x", "far"),
    ],
)
def test_what_is_computed_of_a_parameter_is_an_input_with_what_it_would_be(made: str, name: str, default: str) -> None:
    code = f"""
LIMITS = {{"deep": 5}}
def told(how):
    if how == "deep":
        return "far"
    return "near"
def run(depth="deep", number=4, about=None):
    {made}
    TEXT = f"[{{x}}]"{INSIDE}"""
    result = imported(code)
    assert result.spec is not None
    assert result.spec.tasks[0].description == f"[{{{name}}}]"
    assert result.spec.inputs == {name: default}
    assert said(result, f"it became the input {{{name}}}")


def test_fields_of_what_a_request_brings_are_inputs_with_their_defaults() -> None:
    code = """
from pydantic import BaseModel
class Asked(BaseModel):
    topic: str
    tone: str = "calm"
async def run(asked: Asked):
    TEXT = f"{asked.topic}, {asked.tone}"
"""
    assert text_and_inputs(code + INSIDE.lstrip("\n")) == ("{topic}, {tone}", {"tone": "calm"})


@pytest.mark.parametrize("kept", ["{}", "[]"])
def test_what_is_filled_while_the_crew_runs_is_an_input(kept: str) -> None:
    code = f"class Desk:\n    def __init__(self):\n        self.notes = {kept}\n    def ask(self):\n"
    spec = spec_of(code + '        TEXT = f"Known: {self.notes}"' + TAIL.replace("\n", "\n        "))
    assert (spec.tasks[0].description, spec.inputs) == ("Known: {notes}", {"notes": kept})


SEARCH = """
def search(query):
    found = fetch(query)
    if not found:
        return "Nothing."
    return "; ".join(found)
def guess(text):
    if any(word in text for word in load()):
        return "MATH"
    return None
"""


def test_of_texts_that_a_function_may_return_none_is_taken() -> None:
    spec = spec_of(SEARCH + 'results = search("x")\nTEXT = f"Use {results}"' + TAIL)
    assert spec.tasks[0].description == "Use {results}"
    after = (
        SEARCH + "def run(text):\n    kind = guess(text)\n    if kind:\n        return kind\n    TEXT = 'D'" + INSIDE
    )
    assert spec_of(after).tasks[0].description == "D"
    tried = "def load():\n    try:\n        return 'given'\n    except OSError:\n        return 'none'\nTEXT = load()"
    assert spec_of(tried + TAIL).tasks[0].description == "given"


def test_a_model_that_a_function_chooses_is_the_first_and_said() -> None:
    code = "def model():\n    if cheap():\n        return 'gpt-4o-mini'\n    return 'gpt-4o'\nTEXT = 'x'" + TAIL
    result = imported(code.replace('backstory="B"', 'backstory="B", llm=model()'))
    assert result.spec is not None
    assert result.spec.agents[0].llm.model == "gpt-4o-mini"
    assert said(result, "which model `model()` gives is only known when the code runs: 'gpt-4o-mini' was taken.")


def test_a_model_that_an_unknown_function_is_given_is_taken_and_said() -> None:
    code = "def run(make):\n    TEXT = 'x'" + INSIDE.replace(
        'backstory="B"', 'backstory="B", llm=make("ollama/llama3")'
    )
    result = imported(code)
    assert result.spec is not None
    assert result.spec.agents[0].llm.model == "ollama/llama3"
    assert not said(result, "No model is named")


def test_names_of_dictionaries_become_names_of_inputs() -> None:
    code = "name = 'a {b}\\n\\x1f1'\nkept = {}\nkept[name] = fetch()\nTEXT = f'{kept[name]}'"
    assert text_and_inputs(code + TAIL)[0] == "{a_b_1}"


NAMED = """
import streamlit as st
class Tasks:
    def write(self, mean_scenes): return f"In {mean_scenes}"
    def plan(self, place): return f"To {place}"
def each(topics):
    return "; ".join([f"on {topic}" for topic in topics])
asked = input("..")
"""


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("TEXT = Tasks().write(fetch())", "In {mean_scenes}"),
        ("meanScenes = fetch()\nTEXT = Tasks().write(meanScenes)", "In {mean_scenes}"),
        ("meanScenes = fetch().scenes // 2\nTEXT = Tasks().write(meanScenes)", "In {mean_scenes}"),
        ("TEXT = Tasks().plan(asked)", "To {place}"),
        ("TEXT = each([asked])", "on {topic}"),
        ("for t in asked.split(','): TEXT = 'On {topic}'.format(topic=t)", "On {topic}"),
        ("for name in fetch(): TEXT = 'On {topic}'.format(topic=name)", "On {topic}"),
        ("TEXT = 'On {topic}'.format(topic=fetch())", "On {topic}"),
        ("news = fetch()\nTEXT = 'On {topic}'.format(topic=news)", "On {topic}"),
        ("TEXT = 'On {topic}'.format(**{'topic': asked})", "On {topic}"),
        ("TEXT = 'On {topic}'.format_map({'topic': fetch()})", "On {topic}"),
        ("TEXT = 'On %(topic)s' % {'topic': asked}", "On {topic}"),
        ("TEXT = string.Template('On $topic').substitute(topic=asked)", "On {topic}"),
        ("if prompt := st.chat_input(): TEXT = f'On {prompt}'", "On {prompt}"),
        ("if (words := asked): TEXT = f'On {words}'", "On {words}"),
        ("TEXT = Tasks().plan(asked) + f', {asked}'", "To {asked}, {asked}"),
        ("ad_copy = fetch()\ncopy = ad_copy\nTEXT = f'On {copy}'", "On {ad_copy}"),
        ("def on(description): return description\nTEXT = on(asked) + '!'", "{asked}!"),
        ("a = fetch(1)\nb = fetch(1)\nTEXT = f'{a} {b}'", "{a} {b}"),
        ("def on(answer): return f'On {answer}'\nfound = fetch(1).text\nTEXT = on(found)", "On {answer}"),
    ],
)
def test_an_input_has_the_name_that_stands_nearest_to_its_texts(code: str, text: str) -> None:
    assert text_and_inputs(NAMED + code + TAIL)[0] == text


def test_what_get_falls_back_on_is_the_default() -> None:
    code = (
        "def run(inputs):\n    TEXT = f\"{inputs.get('firm', 'the firm')} {inputs.get('n', 3)} {inputs.get('x', '')}\""
    )
    assert text_and_inputs(code + INSIDE) == ("{firm} {n} {x}", {"firm": "the firm", "n": "3"})


HELPED = """
def _json(value): return json.dumps(value)
def plan(allergy, fat): return f"{allergy}, {fat}"
state, image, note = fetch(1), fetch(2), open("note_001.txt").read()
fat, allergy = input("Fat? "), input("Allergy? ")
TEXT = """


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("f'{_json(state)}'", "{state}"),
        ("f'{image[:500]} {image}'", "{image} {image}"),
        ("f'{note[:500]} {note}'", "{note} {note}"),
        ("plan(fat, allergy)", "{fat}, {allergy}"),
    ],
)
def test_helpers_slices_and_files_leave_the_names_of_variables(part: str, text: str) -> None:
    assert text_and_inputs(HELPED + part + TAIL)[0] == text
