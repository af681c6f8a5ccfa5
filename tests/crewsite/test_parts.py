"""The small parts: times read well, fields are tied to their words, and joined lines leave no blank."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone
from django.utils.html import strip_tags

from crewsite.templatetags.parts import count, moment, took


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (None, "–"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (99_949, "99.9 s"),
        (99_960, "1 min 40 s"),
        (119_600, "2 min 00 s"),
        (7_200_000, "2 h 00 min"),
    ],
)
def test_durations_read_well(milliseconds: int | None, shown: str) -> None:
    assert took(milliseconds) == shown


def test_counts_are_grouped() -> None:
    assert (count(1234567), count(None)) == ("1,234,567", "–")


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        ({"seconds": 2}, "just now"),
        ({"seconds": 42}, "42 s ago"),
        ({"minutes": 3}, "3 min ago"),
        ({"hours": 5}, "5 h ago"),
    ],
)
def test_moments_say_how_long_ago_and_when_exactly(ago: dict[str, int], shown: str) -> None:
    when = timezone.now() - timedelta(**ago)
    html = moment(when)
    assert strip_tags(html) == shown
    assert f"{when:%Y-%m-%d %H:%M:%S} UTC" in html


def test_joined_lines_leave_no_blank_and_values_stay_as_they_are() -> None:
    source = """<p>
      {% joined %}
      Held: {{ text }}
      {% if more %}
      , and more
      {% endif %}.
      {% endjoined %}
    </p>"""
    shown = Template(source).render(Context({"text": "two\n  lines", "more": True}))
    assert "Held: two\n  lines, and more." in shown


class _Form(forms.Form):
    name = forms.CharField(help_text="What it is for.")
    tools = forms.MultipleChoiceField(choices=[("a", "<b>A</b>")], widget=forms.CheckboxSelectMultiple, required=False)


def _rendered(form: forms.Form, name: str) -> str:
    return Template("{% field form|bound:name %}").render(Context({"form": form, "name": name}))


def test_a_field_is_tied_to_its_help_and_its_error() -> None:
    html = _rendered(_Form({"name": ""}), "name")
    assert '<label class="form-label break" for="id_name">' in html
    assert 'aria-describedby="id_name_about"' in html
    assert 'id="id_name_about"' in html
    assert 'aria-invalid="true"' in html
    assert "This field is required." in html
    assert "What it is for." in html


def test_check_boxes_are_a_group_with_a_name() -> None:
    html = _rendered(_Form({"name": "x", "tools": ["a"]}), "tools")
    assert "<legend>Tools</legend>" in html
    assert "checked" in html
    assert "&lt;b&gt;A" in html
