"""What is an input in a text, what is text, and what only looks like an input."""

from __future__ import annotations

import pytest

from engine.crewai.texts import from_crewai
from engine.spec.lookalikes import lookalikes
from engine.spec.placeholders import (
    fill,
    filled_chars,
    input_text,
    missing_inputs,
    unused_inputs,
    with_inputs,
)
from engine.spec.validate import validate
from tests.engine.crews import agent, crew, task

VALUES = {"topic": "T", "größe": "G", "日期": "D", "नाम": "N", "_x": "X", "a-b": "AB"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{topic}", "T"),
        ("{größe} {日期} {नाम} {_x} {a-b}", "G D N X AB"),
        ("{gro\u0308\u00dfe}", "G"),  # the accent typed after its letter
        ("{{topic}} and {{{topic}}} and {{{{topic}}}}", "{topic} and {T} and {{topic}}"),
        ('{"n":{topic}}', '{"n":T}'),
        ("{{topic} {topic}}", "{T T}"),
        ("{other}", "{other}"),
        (r"\d{4} \frac{1}{2} { } {} {0} {2024}", r"\d{4} \frac{1}{2} { } {} {0} {2024}"),
        ('{"a": 1} {"a": {"b": 1}} { topic } {topic.x}', '{"a": 1} {"a": {"b": 1}} { topic } {topic.x}'),
        ("{-a} {a b} {a:b}", "{-a} {a b} {a:b}"),
    ],
)
def test_a_name_in_braces_is_an_input_and_the_rest_is_text(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled


def test_an_input_is_not_filled_again() -> None:
    assert fill("{a} {b}", {"a": "{b}", "b": "{a}"}) == "{b} {a}"


def test_braces_without_end_are_read_at_once() -> None:
    for text in (
        "{" * 100_000,
        "{" * 100_000 + "a" + "}" * 100_000,
        "{a" * 50_000,
        "{a}" * 30_000,
        "{" + "a" * 100_000,
    ):
        assert len(fill(text, {"a": "x"})) >= 30_000  # in squares of its length this would not end
        assert not list(lookalikes(crew(task("a", description=text))))


def test_inputs_by_either_form_of_an_accent_are_one() -> None:
    spec = crew(task("a", description="{gro\u0308\u00dfe}"))
    assert missing_inputs(spec, {"gr\u00f6\u00dfe": "G"}) == ()
    assert unused_inputs(spec, {"gr\u00f6\u00dfe": "G", "gro\u0308\u00dfe": "G"}) == ()
    assert with_inputs(spec, {"gr\u00f6\u00dfe": "G"}).tasks[0].description == "G"
    assert filled_chars(spec, {"gr\u00f6\u00dfe": "12345"}) == 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([True, 1, "x"], "true, 1, x"),
        (12345678901234567890123, "12345678901234567890123"),
        ({"b": 1, "a": 2}, '{"b": 1, "a": 2}'),
    ],
)
def test_an_inputs_value_is_shown_as_it_was_given(value: object, text: str) -> None:
    assert input_text(value) == text


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("{ topic }", "{ topic }"),
        ("{{topic}}", "{{topic}}"),
        ("{{ topic }}", "{{ topic }}"),
        ("{topic.name}", "{topic.name}"),
        ("{topic[0]}", "{topic[0]}"),
        ("{topic!r}", "{topic!r}"),
        ("{topic:>10}", "{topic:>10}"),
        ("%(topic)s", "%(topic)s"),
        ("｛主题｝", "｛主题｝"),
    ],
)
def test_what_looks_like_an_input_is_said_before_anything_is_paid(text: str, looks: str) -> None:
    (complaint,) = validate(crew(task("a", description=text)))
    assert (complaint.field, complaint.code, complaint.level) == ("tasks.a.description", "no_input", "warning")
    assert complaint.message.startswith(f"{looks} is no input")


@pytest.mark.parametrize(
    "text",
    [
        r"\d{4}",
        r"\frac{1}{2}",
        r"\text{ a }",
        "{ }",
        "{}",
        '{"a": 1}',
        "{a:1}",
        "{{{topic}}}",
        "${topic}",
        "f{ x }",
        "{topic}",
    ],
)
def test_other_braces_look_like_none(text: str) -> None:
    assert not list(lookalikes(crew(task("a", description=text))))


def test_an_input_that_no_text_uses_is_said() -> None:
    spec = crew(task("a", description="About {topic}"), inputs={"topic": "x", "topc": "y"})
    (complaint,) = validate(spec)
    assert (complaint.field, complaint.code, complaint.level) == ("inputs.topc", "unused_input", "warning")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{topic}", "T"),
        ("{{topic}}", "{T}"),  # nothing escapes a placeholder there
        ("{{{topic}}}", "{{T}}"),
        ("{größe}", "{größe}"),  # only ASCII names are placeholders
        ('{"a": {topic}}', '{"a": T}'),
        (r"\frac{1}{2} {2024}", r"\frac{1}{2} {2024}"),
    ],
)
def test_crewais_texts_come_out_as_crewai_fills_them(text: str, filled: str) -> None:
    assert fill(from_crewai(text), VALUES) == filled


def test_inputs_of_a_source_are_inputs_whatever_their_names() -> None:
    assert fill(from_crewai("{größe}", {"größe"}), VALUES) == "G"


def test_roles_goals_and_questions_are_looked_at_too() -> None:
    spec = crew(
        task("a", guardrails=({"kind": "question", "question": "About { topic }?"},)), agents=(agent(goal="{ goal }"),)
    )
    assert {complaint.field for complaint in validate(spec)} == {"agents.worker.goal", "tasks.a.guardrails"}
