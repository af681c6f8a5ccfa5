"""Addresses in templates: what is remembered is what Django would say, for each team and each way to ask."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from django.urls import NoReverseMatch, reverse, set_script_prefix


def drawn(text: str, **context: object) -> str:
    return Template(text).render(Context(context))


def test_each_team_and_view_has_its_own_address() -> None:
    for team in ("acme", "others", "acme"):
        for view in ("runs", "crews"):
            assert drawn("{% url view team=team %}", view=view, team=team) == reverse(view, kwargs={"team": team})


def test_a_prefix_is_not_mixed_up_with_another() -> None:
    try:
        set_script_prefix("/below/")
        assert drawn("{% url 'runs' team='acme' %}") == "/below/t/acme/runs/"
    finally:
        set_script_prefix("/")
    assert drawn("{% url 'runs' team='acme' %}") == "/t/acme/runs/"


def test_an_address_that_there_is_not_is_a_fault_each_time() -> None:
    for _ in range(2):
        with pytest.raises(NoReverseMatch):
            drawn("{% url 'runs' team='no slug' %}")
    assert drawn("{% url 'runs' team='no slug' as there %}{{ there }}") == ""


def test_addresses_of_files_are_those_of_their_storage() -> None:
    assert (
        drawn("{% static 'css/site.css' %}{% static name %}", name="js/a b.js")
        == "/static/css/site.css/static/js/a%20b.js"
    )
    assert drawn("{% static 'js/site.js' as there %}{{ there }}") == "/static/js/site.js"
