"""The small parts: money is exact and never 0 by mistake, times read well, fields are tied to their words."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone
from django.utils.html import strip_tags

from crewsite.templatetags.parts import cost, count, moment, share, state, took, usd


@pytest.mark.parametrize(
    ("nusd", "shown"),
    [
        (0, "$0"),
        (1, "$0.000000"),
        (123_000, "$0.000123"),
        (9_999_999, "$0.010000"),
        (10_000_000, "$0.0100"),
        (1_234_567_890_000, "$1,234.5679"),
        (None, "unpriced"),
    ],
)
def test_money_is_shown_to_where_it_matters(nusd: int | None, shown: str) -> None:
    assert strip_tags(usd(nusd)) == shown


def test_the_exact_amount_is_always_there() -> None:
    assert 'title="$0.000000001"' in usd(1)
    assert 'title="$1,234.567890123"' in usd(1_234_567_890_123)


@pytest.mark.parametrize(
    ("spent", "unpriced", "shown"), [(0, 0, "$0"), (0, 2, "unpriced"), (750_000, 0, "$0.000750"), (750_000, 1, "≥")]
)
def test_a_sum_without_all_prices_is_a_lower_bound(spent: int, unpriced: int, shown: str) -> None:
    assert shown in strip_tags(cost(SimpleNamespace(spent_nusd=spent, unpriced_calls=unpriced)))


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


@pytest.mark.parametrize(("part", "whole", "percent"), [(1, 3, 33), (5, 3, 100), (-1, 3, 0), (1, 0, 0)])
def test_a_share_lies_between_0_and_100(part: int, whole: int, percent: int) -> None:
    assert share(part, whole) == percent


def test_a_state_is_in_words_and_not_in_colour_alone() -> None:
    assert strip_tags(state("failed")) == "failed"
    assert strip_tags(state("intent")) == "open"


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
