"""A crew that is pasted: what was understood, what is saved, and that nothing that was typed is lost."""

from __future__ import annotations

import pytest
from django.utils.html import escape

from agents_app.models import Crew
from agents_app.snapshot import spec_of
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
