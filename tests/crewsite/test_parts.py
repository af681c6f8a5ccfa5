"""The small parts: counts are grouped, fields are tied to their words, and joined lines leave no blank."""

from __future__ import annotations

from django import forms
from django.template import Context, Template

from crewsite.templatetags.parts import count


def test_counts_are_grouped() -> None:
    assert (count(1234567), count(None)) == ("1,234,567", "–")


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
