"""A crew that is pasted: what was understood, what is saved, and that nothing that was typed is lost."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.html import escape

from agents_app.imports.apart import read_text_apart
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from engine.spec.validate import validate
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


def as_shown(response: Any) -> dict[str, Any]:
    """The fields of a preview's form as it comes, with what is ticked."""
    rows = response.context["rows"]
    fields: dict[str, Any] = {"crew": [str(row.kept.number) for row in rows if row.kept.ticked]}
    for row in rows:
        number, kept = row.kept.number, row.kept
        fields |= {f"spec-{number}": kept.spec_json, f"about-{number}": kept.about, f"name-{number}": kept.name}
    return fields


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
        sent = as_shown(client.post(f"{CREWS}import/", {"source": SOURCE})) | {"name-0": "Notes"}
        response = client.post(f"{CREWS}import/save/", sent)
        assert response["Location"].startswith(f"{CREWS}notes/")
        assert spec_of(Crew.objects.get()).agents[0].llm.model == "openai/gpt-4o"

    def test_a_name_that_no_text_here_can_have_is_refused_with_words(self, cast: Cast) -> None:
        client = signed_in(cast.editor)
        sent = as_shown(client.post(f"{CREWS}import/", {"source": SOURCE})) | {"name-0": "a\0b"}
        response = client.post(f"{CREWS}import/save/", sent)
        assert response.status_code == 422
        assert "The name holds a NUL" in html(response)
        _, secret = issue_token(cast.editor, scope=Scope.EDIT)
        files = {"files": SimpleUploadedFile("crew.py", SOURCE.encode()), "name": "a\0b"}
        response = Client().post("/api/v1/crews/import", files, headers={"Authorization": f"Bearer {secret}"})
        assert response.status_code in (400, 422)
        assert not Crew.objects.exists()

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
        imported = read_text_apart(loops, seconds=0.02)
        assert imported.spec is None
        assert "more than 0.02 s" in imported.report[0].message
        assert "Import a part of it." in imported.report[0].message


TEAM = """
from crewai import Agent, Crew, Task
a = Agent(role="Of NAME", goal="g", backstory="b", llm="gpt-4o")
t = Task(description="Do NAME on {topic}", expected_output="e", agent=a)
NAME_crew = Crew(agents=[a], tasks=[t])
"""
THREE = [
    ("shop/src/alpha/crew.py", TEAM.replace("NAME", "alpha").encode()),
    ("shop/src/beta/crew.py", TEAM.replace("NAME", "beta").encode()),
    ("shop/tests/crew.py", TEAM.replace("NAME", "trial").encode()),
    ("shop/logo.png", b"\x89PNG"),
]


def files(uploads: list[tuple[str, bytes]]) -> list[SimpleUploadedFile]:
    """As browsers and HTTP clients send them: the parts of a path before its name are lost on the way."""
    return [SimpleUploadedFile(path.rpartition("/")[2], data) for path, data in uploads]


def zipped(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in entries.items():
            archive.writestr(path, data)
    return out.getvalue()


class TestProjects:
    def test_all_crews_of_a_folder_are_shown_ticked_and_saved_together(self, cast: Cast) -> None:
        client = signed_in(cast.editor)
        sent = {"uploads": files(THREE), "paths": [path for path, _ in THREE]}
        response = client.post(f"{CREWS}import/", sent)
        rows = response.context["rows"]
        assert [(row.kept.crew.file, row.kept.ticked) for row in rows] == [
            ("shop/src/beta/crew.py", True),
            ("shop/src/alpha/crew.py", True),
            ("shop/tests/crew.py", False),
        ]
        page = html(response)
        assert "src/alpha/crew.py:5" in page
        assert "1 file that no crew needs" in page
        saved = client.post(f"{CREWS}import/save/", as_shown(response))
        assert saved["Location"] == CREWS
        assert sorted(Crew.objects.values_list("name", flat=True)) == ["Alpha crew", "Beta crew"]

    def test_a_zip_archive_is_the_same(self, cast: Cast) -> None:
        archive = SimpleUploadedFile("shop.zip", zipped(dict(THREE)))
        rows = signed_in(cast.editor).post(f"{CREWS}import/", {"uploads": archive}).context["rows"]
        assert [row.kept.crew.file for row in rows][:2] == ["shop/src/beta/crew.py", "shop/src/alpha/crew.py"]

    def test_what_cannot_be_saved_is_shown_again_with_everything(self, cast: Cast) -> None:
        client = signed_in(cast.editor)
        shown = client.post(f"{CREWS}import/", {"uploads": files(THREE), "paths": [path for path, _ in THREE]})
        none = client.post(f"{CREWS}import/save/", as_shown(shown) | {"crew": [], "name-1": "Mine"})
        assert none.status_code == 422
        assert "No crew is ticked" in html(none)
        again = none.context["rows"]
        assert [row.kept.name for row in again] == ["Beta crew", "Mine", "Trial crew"]
        assert [row.kept.crew for row in again] == [row.kept.crew for row in shown.context["rows"]]
        over = client.post(f"{CREWS}import/save/", as_shown(shown) | {"spec-1": json.dumps(TOO_LARGE)})
        assert over.status_code == 422
        assert "Nothing was saved." in html(over)
        assert not Crew.objects.exists()

    @pytest.mark.parametrize(
        "about",
        [
            "null",
            "[1]",
            '{"understood": {"agents": [1]}}',
            '{"file": "\\ud800", "line": 1e999, "meant": 1, "understood": {}, "tools": [], "report": []}',
            '{"file": [], "line": [], "meant": 1, "understood": {}, "tools": [{}], "report": [1]}',
            "[" * 5_000,
        ],
    )
    def test_what_a_form_says_of_a_crew_is_not_believed(self, cast: Cast, about: str) -> None:
        client = signed_in(cast.editor)
        fields = as_shown(client.post(f"{CREWS}import/", {"source": SOURCE})) | {"about-0": about, "crew": []}
        assert client.post(f"{CREWS}import/save/", fields).status_code == 422
        assert client.post(f"{CREWS}import/save/", fields | {"crew": ["0"]}).status_code == 302

    def test_what_was_not_imported_keeps_the_crew_from_being_launched(self, cast: Cast) -> None:
        client = signed_in(cast.editor)
        source = SOURCE.replace('goal="Write about {topic}"', "goal=open('goal.txt').read()")
        shown = client.post(f"{CREWS}import/", {"source": source})
        assert "1 of 5 texts is missing" in html(shown)
        client.post(f"{CREWS}import/save/", as_shown(shown))
        (complaint,) = [one for one in validate(spec_of(Crew.objects.get())) if one.code == "lost_text"]
        assert (complaint.field, complaint.level) == ("agents.writer.goal", "error")
        assert "goal.txt" in complaint.message

    @pytest.mark.parametrize(
        ("data", "part"),
        [
            (zipped({"../crew.py": b"x"}), "leads out of"),
            (zipped({"/etc/crew.py": b"x"}), "leads out of"),
            (zipped({"crew.py": b" " * 3_000_000}), "would unpack to"),
            (b"PK\x03\x04 and nothing else", "damaged"),
        ],
    )
    def test_an_archive_that_is_refused_says_why(self, cast: Cast, data: bytes, part: str) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}import/", {"uploads": SimpleUploadedFile("a.zip", data)})
        assert response.status_code == 422
        assert part in html(response)

    def test_paths_that_do_not_fit_the_files_are_refused(self, cast: Cast) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}import/", {"uploads": files(THREE), "paths": ["a.py"]})
        assert response.status_code == 422
        assert "one path for each file" in html(response)


TOO_LARGE = {"name": "x", "tasks": [{"key": f"t{n}", "description": "d"} for n in range(600)]}


class TestProjectsByApi:
    def send(self, cast: Cast, fields: dict[str, Any]) -> Any:
        client = Client(headers={"Authorization": f"Bearer {issue_token(cast.editor, scope=Scope.EDIT)[1]}"})
        return client.post("/api/v1/crews/import", {"files": files(THREE), **fields})

    @pytest.mark.parametrize(
        ("crews", "made"), [("", [0]), ("all", [0, 1]), ("2,1", [1, 2])], ids=["the best", "all", "by index"]
    )
    def test_makes_those_that_are_asked_for_and_lists_all(self, cast: Cast, crews: str, made: list[int]) -> None:
        fields = {"paths": [path for path, _ in THREE]} | ({"crews": crews} if crews else {})
        answer = self.send(cast, fields)
        assert answer.status_code == 201, answer.content
        listed = answer.json()["crews"]
        assert [crew["name"] for crew in listed] == ["Beta crew", "Alpha crew", "Trial crew"]
        assert [crew["index"] for crew in listed if crew["slug"]] == made
        assert (listed[1]["file"], listed[1]["line"], listed[1]["tasks"]) == ("shop/src/alpha/crew.py", 5, 1)
        assert listed[1]["understood"]["texts"] == {"read": 5, "of": 5}
        assert answer.json()["crew"]["slug"] in {crew["slug"] for crew in listed}
        assert Crew.objects.count() == len(made)

    @pytest.mark.parametrize(
        ("fields", "at"),
        [
            ({"crews": "7"}, "crews"),
            ({"crews": "best"}, "crews"),
            ({"paths": ["a.py"]}, "paths"),
            ({"paths": ["a.py", "../b.py", "c.py", "d.png"]}, "source"),
            ({"crews": "all", "name": "Mine", "paths": [path for path, _ in THREE]}, "name"),
        ],
    )
    def test_refuses_what_does_not_fit_at_its_field(self, cast: Cast, fields: dict[str, Any], at: str) -> None:
        answer = self.send(cast, fields)
        assert answer.status_code == 422, answer.content
        assert list(answer.json()["error"]["fields"]) == [at]
        assert not Crew.objects.exists()

    def test_an_index_is_a_number_and_not_what_can_be_read_as_one(self, cast: Cast) -> None:
        client = Client(headers={"Authorization": f"Bearer {issue_token(cast.editor, scope=Scope.EDIT)[1]}"})
        source = {"source": json.dumps({"name": "Bees", "agents": [], "tasks": []})}
        for not_a_number in (False, "0", 0.0):
            body = source | {"crews": [not_a_number]}
            answer = client.post("/api/v1/crews/import", body, content_type="application/json")
            assert answer.status_code == 422, answer.content
        assert not Crew.objects.exists()
