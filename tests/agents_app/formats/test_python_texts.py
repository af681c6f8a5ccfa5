"""Every way in which Python makes a text gives what the model would have been sent, with inputs as placeholders."""

import pytest

from agents_app.formats import Imported, read

TEMPLATE = """
from textwrap import dedent
from datetime import datetime
from crewai import Agent, Crew, Task
NAME = "Ada"
STEPS = ["plan", "build"]
{setup}
def build_crew(topic, items, user):
    a = Agent(role="R", goal="G", backstory="B", llm="gpt-4o-mini")
    t = Task(description={expression}, expected_output="E", agent=a)
    return Crew(agents=[a], tasks=[t])
"""


def imported(expression: str, setup: str = "") -> Imported:
    return read(TEMPLATE.replace("{expression}", expression).replace("{setup}", setup))


def description(expression: str, setup: str = "") -> str:
    spec = imported(expression, setup).spec
    assert spec is not None
    return spec.tasks[0].description


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('"plain"', "plain"),
        ('"one " "two"', "one two"),
        ('("one "\n "two " f"{topic}")', "one two {topic}"),
        ('f"{topic}\'s"', "{topic}'s"),
        ("f\"{', '.join(items)}\"", "{items}"),
        ('"a: " + topic + "."', "a: {topic}."),
        ('"a: %s, %d%%" % (topic, 5)', "a: {topic}, 5%"),
        ('"%(who)s on %(what)s" % {"who": NAME, "what": topic}', "Ada on {topic}"),
        ('"{} and {}".format(topic, NAME)', "{topic} and Ada"),
        ('"{0} {1} {0}".format(NAME, topic)', "Ada {topic} Ada"),
        ('"{what} for {company}".format(what=topic)', "{topic} for {company}"),
        ('"{{literal}} {x}".format(x=1)', "{literal} 1"),
        ('f"{{kept}} {NAME}"', "{kept} {name}"),
        ('f"{NAME!r} {NAME:>5}"', "'Ada'   Ada"),
        ('"  spaced  ".strip()', "spaced"),
        ('"Shout".upper()', "SHOUT"),
        ('"old day".replace("old", "new")', "new day"),
        ('"\\n".join(["a", f"{topic}"])', "a\n{topic}"),
        ('", ".join(STEPS)', "plan, build"),
        ('", ".join(f"{step}!" for step in STEPS)', "plan!, build!"),
        ('str(3) + " days"', "3 days"),
        ('f"{1 + 2} {len(STEPS)}"', "3 2"),
        ("f\"{user.name} {user['town']} {items[0]}\"", "{user_name} {user_town} {items_0}"),
        ('f"{topic.upper()}"', "{topic}"),
        ('f"{datetime.now().year}"', "{now_year}"),
        ('f"{topic if topic else NAME}"', "{topic}"),
        ("{'json': 1} and 'x'", "x"),
        ('\'Answer as {"name": "...", "age": 3}\'', 'Answer as {"name": "...", "age": 3}'),
    ],
)
def test_texts(expression: str, expected: str) -> None:
    assert description(expression) == expected


def test_the_layout_of_a_triple_quoted_text_is_taken_off_and_its_own_indentation_kept() -> None:
    text = '"""Do this:\n        - one\n          - inner\n        - two\n        """'
    assert description(text) == "Do this:\n- one\n  - inner\n- two"


def test_a_value_with_lines_of_its_own_does_not_disturb_the_layout_of_an_f_string() -> None:
    text = 'f"""\n        Read:\n        {LETTER}\n        Answer it.\n    """'
    assert description(text, 'LETTER = "Dear all\\nBye"') == "Read:\nDear all\nBye\nAnswer it."


def test_explicit_line_breaks_keep_their_indentation() -> None:
    assert description('"List:\\n  - a\\n  - b"') == "List:\n  - a\n  - b"


def test_a_computed_part_is_said_at_its_line_and_a_plain_parameter_is_not() -> None:
    computed = [note for note in imported('f"{datetime.now().year}"').report if note.level == "warning"]
    assert [note.line for note in computed] == [10]
    assert "`datetime.now().year`" in computed[0].message
    assert [note for note in imported('f"{topic}"').report if note.level == "warning"] == []


def test_texts_that_grow_without_end_are_not_followed() -> None:
    assert len(description("text", "text = 'ab'\n" + "text = text + text\n" * 60)) < 200


def test_default_values_of_parameters_become_default_inputs() -> None:
    spec = read(
        "from crewai import Agent, Crew, Task\n"
        "def build(topic, tone='calm', length: int = 200, *, deep=False):\n"
        "    a = Agent(role='R', goal=f'{tone}', backstory='B')\n"
        "    return Crew(agents=[a], tasks=[Task(description=f'{topic} {length}', expected_output='', agent=a)])\n"
    ).spec
    assert spec is not None
    assert spec.inputs == {"length": "200", "tone": "calm"}


def test_a_model_given_as_a_parameter_is_taken_from_its_default() -> None:
    spec = read(
        "from crewai import Agent, Crew, Task\n"
        "def build(model='gpt-4o', limit=4):\n"
        "    a = Agent(role='R', goal='', backstory='', llm=model, max_iter=limit)\n"
        "    return Crew(agents=[a], tasks=[Task(description='D', expected_output='', agent=a)])\n"
    ).spec
    assert spec is not None
    assert (spec.agents[0].llm.model, spec.agents[0].max_iter) == ("gpt-4o", 4)
