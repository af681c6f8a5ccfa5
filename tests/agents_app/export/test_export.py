"""Crews as files, by page and API: the same bytes, safe names, and what a format cannot say beside them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client

from agents_app.actions import archive_crew, create_crew, cut_version
from agents_app.export import queries
from agents_app.formats import read
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from agents_app.writers import FORMATS
from engine.spec.crew_spec import CrewSpec, LLMSpec
from teams.access import Principal
from teams.models import Scope
from teams.refusals import Busy
from tests.cast import Cast, brief_spec
from tests.runs.run.test_api import Api

pytestmark = pytest.mark.django_db

CREW = "/t/acme/crews/company-brief"


@pytest.fixture
def page(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.viewer.user)
    return client


def test_who_sees_a_crew_takes_its_draft_and_its_versions_along(page: Client, cast: Cast, crew: Crew) -> None:
    cut_version(crew, by=cast.owner.user)
    api = reader(cast.viewer)
    for form, about in FORMATS.items():
        sent = page.get(f"{CREW}/export/{form}/")
        assert sent.status_code == 200
        assert sent["X-Content-Type-Options"] == "nosniff"
        assert sent["Content-Type"] == about.content_type
        suffix = about.suffix or f"-{form}.zip"
        name = "company_brief" if form == "python" else "company-brief"
        assert sent["Content-Disposition"] == f'attachment; filename="{name}{suffix}"'
        assert page.get(f"{CREW}/versions/1/export/{form}/").content == sent.content
        for version in ({}, {"version": 1}):
            answer = api.get("/crews/company-brief/export", format=form, **version)
            assert (answer.content, answer["Content-Type"]) == (sent.content, sent["Content-Type"])
    imported = read(page.get(f"{CREW}/export/python/").content.decode(), "company_brief.py").spec
    assert imported is not None
    assert imported.tasks == spec_of(crew).tasks
    assert CrewSpec.from_json(json.loads(page.get(f"{CREW}/export/json/").content)) == spec_of(crew)
    assert api.get("/crews/company-brief/export").content == page.get(f"{CREW}/export/json/").content


def test_a_project_is_a_zip_with_a_page_on_what_is_otherwise_there(page: Client, cast: Cast) -> None:
    llm = LLMSpec(fallbacks=("gpt-4o",), credential="our secret name")
    spec = brief_spec()
    agents = (spec.agents[0].model_copy(update={"llm": llm}), *spec.agents[1:])
    create_crew(cast.owner, name="Brief", spec=spec.model_copy(update={"agents": agents}))
    files = unzipped(page.get("/t/acme/crews/brief/export/yaml/").content)
    assert set(files) == {
        f"brief/{path}" for path in ("config/agents.yaml", "config/tasks.yaml", "crew.py", "EXPORT.md")
    }
    field = f"agents.{agents[0].key}.llm.fallbacks"
    for place in ("brief/EXPORT.md", "brief/crew.py"):
        assert field in files[place]
    assert not any("our secret name" in text for text in files.values())
    shown = page.get("/t/acme/crews/brief/export/").content.decode()
    assert field in shown
    report = reader(cast.viewer).get("/crews/brief/export/report", format="yaml").json()
    assert field in [remark["field"] for remark in report["report"]]
    assert report["files"] == ["config/agents.yaml", "config/tasks.yaml", "crew.py"]
    assert reader(cast.viewer).get("/crews/brief/export/report").json()["report"] == []


def test_all_crews_of_a_team_are_one_zip(page: Client, cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    other = create_crew(cast.owner, name='Ünï ../"crew"; X: y', spec=brief_spec())
    archive_crew(cast.owner, create_crew(cast.owner, name="Gone", spec=brief_spec()))
    sent = page.get("/t/acme/crews.zip/python/")
    assert sent["Content-Disposition"] == 'attachment; filename="acme-crews-python.zip"'
    files = unzipped(sent.content)
    assert set(files) == {
        f"{slug}/{name}"
        for slug, stem in (("company-brief", "company_brief"), (other.slug, "uni_crew_x_y"))
        for name in (f"{stem}.py", "EXPORT.md")
    }
    assert reader(cast.viewer).get("/crews.zip", format="python").content == sent.content
    monkeypatch.setattr(queries, "MAX_CREWS", 1)
    assert reader(cast.viewer).get("/crews.zip").status_code == 422
    assert "too many crews" in page.get("/t/acme/crews.zip/python/", follow=True).content.decode()
    free = queries.PLACES.take(cast.team.pk)
    with pytest.raises(Busy):
        queries.all_exported(cast.viewer, "json")
    free()


def test_the_pages_lead_to_the_files_and_nobody_else_gets_them(page: Client, cast: Cast, crew: Crew) -> None:
    cut_version(crew, by=cast.owner.user)
    for address, files in ((f"{CREW}/", f"{CREW}/export"), (f"{CREW}/versions/1/", f"{CREW}/versions/1/export")):
        shown = page.get(address).content.decode()
        assert all(f'href="{files}/{form}/"' in shown for form in FORMATS)
        assert page.get(f"{files}/").status_code == 200
    shown = page.get("/t/acme/crews/").content.decode()
    assert all(f'href="/t/acme/crews.zip/{form}/"' in shown for form in FORMATS)
    assert page.get(f"{CREW}/export/exe/").status_code == 404
    assert reader(cast.viewer).get("/crews/company-brief/export", format="exe").status_code == 422
    stranger = reader(cast.stranger)
    assert stranger.get("/crews/company-brief/export").status_code == 404
    assert stranger.get("/crews/company-brief/export/report").status_code == 404
    assert unzipped(stranger.get("/crews.zip").content) == {}
    page.force_login(cast.stranger.user)
    assert page.get(f"{CREW}/export/python/").status_code == 404
    assert page.get("/t/acme/crews.zip/python/").status_code == 404


def reader(who: Principal) -> Api:
    return Api(who, scope=Scope.READ)


def unzipped(content: Any) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}
