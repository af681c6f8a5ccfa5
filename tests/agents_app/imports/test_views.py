"""A crew that is pasted: what was understood, what is saved, and that nothing that was typed is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from agents_app.imports.apart import read_apart
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast
from tests.pages import CREWS, HOSTILE, html, signed_in

pytestmark = pytest.mark.django_db

SOURCE = """
from crewai import Agent, Task, Crew
writer = Agent(role="Writer", goal="Write about {topic}", backstory="You write.", llm="openai/gpt-4o")
note = Task(description="Write about {topic}.", expected_output="A note", agent=writer)
crew = Crew(agents=[writer], tasks=[note])
"""


class TestImport:
    def test_the_preview_shows_what_was_understood_and_saves_nothing(self, cast: Cast) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}import/", {"source": SOURCE})
        page = html(response)
        assert response.context["spec"].agents[0].role == "Writer"
        assert "topic" in page
        assert escape(SOURCE.strip()) in page
        assert not Crew.objects.exists()

    def test_saving_makes_the_crew(self, cast: Cast) -> None:
        client = signed_in(cast.editor)
        previewed = client.post(f"{CREWS}import/", {"source": SOURCE}).context["spec_json"]
        response = client.post(f"{CREWS}import/save/", {"spec": previewed, "name": "Notes"})
        assert response["Location"].startswith(f"{CREWS}notes/")
        assert spec_of(Crew.objects.get()).agents[0].llm.model == "openai/gpt-4o"

    @pytest.mark.parametrize("source", ["", "   ", "import os\nos.remove('x')", "{", HOSTILE, "\x00"])
    def test_what_cannot_be_read_is_said_and_kept(self, cast: Cast, source: str) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}import/", {"source": source})
        assert response.status_code in (200, 422)
        assert not Crew.objects.exists()
        assert "<script>alert" not in html(response)
        if source.strip("\x00 "):
            assert escape(source) in html(response)


GROWING = SOURCE + "x = [1]\n" + "x += x\n" * 30 + "late = Agent(role='Late')\n"


def post_to_api(cast: Cast, source: str) -> Any:
    client = Client(headers={"Authorization": f"Bearer {issue_token(cast.editor, scope=Scope.EDIT)[1]}"})
    return client.post("/api/v1/crews/import", json.dumps({"source": source}), content_type="application/json")


class TestSourceThatGrows:
    """Thirty lines that doubled a list took 4 GB, and the process with them."""

    def test_the_page_says_at_which_line_it_was_left_and_offers_what_was_read_before(self, cast: Cast) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}import/", {"source": GROWING})
        assert response.status_code == 200
        assert [agent.role for agent in response.context["spec"].agents] == ["Writer"]
        assert "Here the source makes larger lists and dictionaries than are read" in html(response)
        (note,) = [note for note in response.context["imported"].report if "Here the source" in note.message]
        assert note.line == 25

    def test_the_api_says_it_in_its_report(self, cast: Cast) -> None:
        answer = post_to_api(cast, GROWING)
        assert answer.status_code == 201
        (note,) = [note for note in answer.json()["report"] if "Here the source" in note["message"]]
        assert note["line"] == 25

    def test_the_api_refuses_a_source_of_which_nothing_was_read(self, cast: Cast) -> None:
        answer = post_to_api(cast, "x = [1]\n" + "x += x\n" * 30 + "Agent(role=x)\n")
        assert answer.status_code == 422
        assert "line 20" in answer.json()["error"]["message"]

    def test_a_source_that_takes_too_much_all_the_same_is_an_error(self) -> None:
        loops = "L = list(range(50))\nfor a in L:\n for b in L:\n  for c in L: f(a)\n"
        imported = read_apart({"": loops}, seconds=0.02)
        assert imported.spec is None
        assert "more than 0.02 s" in imported.report[0].message
        assert "Import a part of it." in imported.report[0].message
