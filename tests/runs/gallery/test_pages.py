"""Pages and API of templates: who may what, what a withdrawn one leaves, and hostile texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from agents_app.actions import cut_version, replace_spec
from agents_app.gallery.actions import copy_template, load_builtin, share
from agents_app.gallery.texts import TemplateTexts
from agents_app.models import Crew, Template
from agents_app.snapshot import spec_of
from teams.access import Principal
from teams.actions import issue_token
from teams.models import Membership, Role, Scope
from tests.cast import Cast, owner_of
from tests.ledger import make_run
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db

TEMPLATES = "/t/acme/templates/"
SHARE = "/t/acme/crews/company-brief/versions/1/share/"
HOSTILE = "<script>alert(1)</script>"
SAYS = {"title": "Brief", "description": "Of a company.", "tags": "News, finance", "revision": "0"}


class Api:
    def __init__(self, who: Principal) -> None:
        scope = Scope.ADMIN if who.can_own else Scope.EDIT if who.can_edit else Scope.READ
        self._client = Client(headers={"Authorization": f"Bearer {issue_token(who, scope=scope)[1]}"})

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = "" if body is None else json.dumps(body)
        return self._client.generic(method, f"/api/v1{path}", data, content_type="application/json", headers=headers)


def edited(crew: Crew, key: str, text: str) -> Crew:
    crew = Crew.objects.get(pk=crew.pk)
    spec = spec_of(crew)
    tasks = tuple(task.model_copy(update={"description": text}) if task.key == key else task for task in spec.tasks)
    return replace_spec(
        owner_of(crew), crew, expected_revision=crew.revision, spec=spec.model_copy(update={"tasks": tasks})
    )


def shared(cast: Cast, crew: Crew) -> Template:
    return share(cast.editor, cut_version(crew, by=cast.editor.user), TemplateTexts("Brief", tags=("news",)))


def test_a_version_is_shared_seen_by_all_and_withdrawn(cast: Cast, crew: Crew) -> None:
    make_run(cast.owner, crew, usd=0.02, inputs={"company": "Acme & Co"})
    editor, viewer = signed_in(cast.editor), signed_in(cast.viewer)
    assert "Acme &amp; Co" in html(editor.get(SHARE))
    assert editor.post(SHARE, SAYS | {"title": ""}).status_code == 422
    done = editor.post(SHARE, SAYS | {"examples.company": "Acme"})
    template = Template.objects.get()
    address = f"{TEMPLATES}{template.pk}/"
    assert (done.status_code, done["Location"]) == (302, address)
    assert editor.post(SHARE, SAYS).status_code == 422  # revision 0 is of nothing by now
    load_builtin(cast.team)
    page = html(viewer.get(TEMPLATES))
    assert page.index("Brief") < page.index("built-in")
    for said in ("1</span> run", "100 % ok", "$0.0200", "?tag=news", "by editor@example.com"):
        assert said in page, said
    assert "Copy to my crews" not in page
    assert "No template fits" in html(viewer.get(TEMPLATES, {"cost": "0.019", "q": "brief"}))
    assert viewer.get(TEMPLATES, {"cost": "cheap"}).status_code == 422
    assert '<option value="rare" selected>' in html(viewer.get(TEMPLATES, {"tag": "Rare"})), "the form keeps it"
    assert viewer.get(TEMPLATES, {"q": "x" * 101}).status_code == 422
    assert "Example inputs" in html(viewer.get(address))
    assert f'<a href="{address}">Brief</a>' in html(signed_in(cast.owner).get("/t/acme/settings/log/"))
    copy = editor.post(f"{address}copy/", {"try": "1"})
    assert copy["Location"].endswith("/launch/")
    assert "Acme" in html(editor.get(copy["Location"]))
    gone = editor.post(f"{address}withdraw/", {"revision": "1"})
    assert gone["Location"] == TEMPLATES
    assert {viewer.get(f"{address}{part}").status_code for part in ("", "file/")} == {404}
    assert Crew.objects.filter(copied_from__crew=crew).count() == 1


def test_who_may_what(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    copy = copy_template(cast.editor, template)
    edited(crew, "brief", "Theirs")
    shared(cast, Crew.objects.get(pk=crew.pk))
    address, original = f"{TEMPLATES}{template.pk}/", f"/t/acme/crews/{copy.slug}/original/"
    reads = [TEMPLATES, address, f"{address}file/", original, f"{original}news/"]
    writes = [SHARE, f"{TEMPLATES}add/", f"{address}copy/", f"{address}withdraw/", original]
    for who in (cast.viewer, cast.runner):
        client = signed_in(who)
        assert {client.get(path).status_code for path in reads} == {200}
        assert {client.post(path).status_code for path in writes} == {403}
        assert {client.get(path).status_code for path in (SHARE, f"{TEMPLATES}add/")} == {403}
        assert "Take it over" not in html(client.get(original))
    stranger = signed_in(cast.stranger)
    assert {stranger.get(path).status_code for path in reads} == {404}
    assert {stranger.post(path).status_code for path in writes} == {404}
    elsewhere = [path.replace("/t/acme/", "/t/others/") for path in (*reads[1:], *writes[2:])]
    assert {stranger.get(path).status_code for path in elsewhere if "withdraw" not in path and "copy" not in path} == {
        404
    }
    assert {stranger.post(path).status_code for path in elsewhere if "news" not in path and "file" not in path} <= {
        404,
        405,
    }
    assert {Client().get(path).status_code for path in reads} == {302}
    assert Template.objects.count() == 1


def test_a_copys_page_tells_of_the_newer_version_and_takes_it_over(cast: Cast, crew: Crew) -> None:
    copy = copy_template(cast.editor, shared(cast, crew))
    base = f"/t/acme/crews/{copy.slug}/"
    editor = signed_in(cast.editor)
    assert html(editor.get(f"{base}original/news/")).strip() == ""
    assert editor.get(f"{base}original/")["Location"] == base
    assert editor.get("/t/acme/crews/company-brief/original/").status_code == 404
    make_run(cast.owner, copy, usd=0.2, inputs={"company": "Acme"})
    copy = edited(copy, "headlines", "Mine")
    shared(cast, edited(crew, "figures", "Theirs"))
    make_run(cast.owner, crew, usd=0.138, inputs={"company": "Acme"})
    news = html(editor.get(f"{base}original/news/"))
    assert "31 % cheaper" in news
    assert "Take it over" in news
    copy = edited(copy, "figures", f"Mine too {HOSTILE}")
    assert "Take it over" not in html(editor.get(f"{base}original/news/"))
    page = html(editor.get(f"{base}original/"))
    assert 'name="choice.tasks.figures.description"' in page
    assert HOSTILE not in page
    form = {"revision": copy.revision, "version": "2"}
    assert editor.post(f"{base}original/", form).status_code == 422
    choice = {"choice.tasks.figures.description": "theirs"}
    assert editor.post(f"{base}original/", form | choice | {"revision": "1"}).status_code == 409
    assert editor.post(f"{base}original/", form | choice | {"version": "1"}).status_code == 409
    assert editor.post(f"{base}original/", form | choice)["Location"] == base
    texts = [task.description for task in spec_of(Crew.objects.get(pk=copy.pk)).tasks]
    assert texts[:2] == ["Theirs", "Mine"]
    assert "Mine too" in Crew.objects.get(pk=copy.pk).versions.get(number=2).spec["tasks"][0]["description"]


def test_a_file_is_taken_in_by_text_or_upload(cast: Cast, crew: Crew, tmp_path: Any) -> None:
    template = shared(cast, crew)
    editor, stranger = signed_in(cast.editor), signed_in(cast.stranger)
    file = editor.get(f"{TEMPLATES}{template.pk}/file/")
    assert 'filename="brief.template.json"' in file["Content-Disposition"]
    add = "/t/others/templates/add/"
    assert "Nothing was taken in" not in html(stranger.get(add))
    assert stranger.post(add, {"source": "{"}).status_code == 422
    assert stranger.post(add, {}).status_code == 422
    assert stranger.post(add, {"source": html(file)}).status_code == 302
    path = tmp_path / "x.template.json"
    path.write_bytes(file.content)
    with path.open("rb") as upload:
        assert stranger.post(add, {"upload": upload}).status_code == 302
    path.write_bytes(file.content.decode().replace('"Brief"', '"Café"').encode("latin-1"))
    with path.open("rb") as upload:
        refused = stranger.post(add, {"upload": upload})
    assert refused.status_code == 422
    assert "x.template.json is no text in UTF-8" in html(refused), "no letter is replaced"
    assert Template.objects.filter(crew__team__slug="others", title="Brief").count() == 2


def test_hostile_texts_are_shown_as_texts(cast: Cast, crew: Crew) -> None:
    texts = TemplateTexts(f"T{HOSTILE}", f"D{HOSTILE}", (f"t{HOSTILE}",), {"company": f"E{HOSTILE}"})
    template = share(cast.editor, cut_version(crew, by=None), texts)
    for path in (TEMPLATES, f"{TEMPLATES}{template.pk}/", SHARE):
        assert HOSTILE not in html(signed_in(cast.editor).get(path))


def test_the_api_shares_and_lists(cast: Cast, crew: Crew) -> None:
    cut_version(crew, by=None)
    make_run(cast.owner, crew, usd=0.02, seconds=3, inputs={"company": "Acme"})
    api, viewer, stranger = Api(cast.editor), Api(cast.viewer), Api(cast.stranger)
    body = {"crew": crew.slug, "version": 1, "title": "Brief", "tags": ["News"], "examples": {"company": "Acme"}}
    assert viewer.ask("POST", "/templates", body).status_code == 403
    assert stranger.ask("POST", "/templates", body).status_code == 404
    made = api.ask("POST", "/templates", body, **{"If-Match": '"0"'})
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    assert api.ask("POST", "/templates", body, **{"If-Match": '"0"'}).status_code == 412
    path = f"/templates/{made.json()['id']}"
    (card,) = viewer.ask("GET", "/templates?tag=news&cost=0.02").json()["items"]
    assert card["figures"] == [
        {
            "simulated": False,
            "runs": 1,
            "ended": 1,
            "succeeded": 1,
            "priced": 1,
            "cost_usd": {"median": "0.02", "p95": "0.02"},
            "duration_ms": {"median": 3000, "p95": 3000},
            "rating": None,
        }
    ]
    assert viewer.ask("GET", "/templates?cost=0.0199").json()["items"] == []
    assert viewer.ask("GET", "/templates?cost=cheap").status_code == 422
    assert stranger.ask("GET", path).status_code == 404
    assert stranger.ask("DELETE", path).status_code == 404
    assert viewer.ask("DELETE", path).status_code == 403
    assert api.ask("DELETE", path, **{"If-Match": '"7"'}).status_code == 412
    assert api.ask("DELETE", path, **{"If-Match": '"1"'}).status_code == 204
    assert viewer.ask("GET", path).status_code == 404


def test_the_api_copies_and_takes_over(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    path, api, viewer = f"/templates/{template.pk}", Api(cast.editor), Api(cast.viewer)
    body = {"crew": crew.slug, "version": 2, "title": "Brief 2"}
    copy = api.ask("POST", f"{path}/copy", {}, **{"Idempotency-Key": "k"})
    assert copy.status_code == 201
    assert api.ask("POST", f"{path}/copy", {}, **{"Idempotency-Key": "k"}).json() == copy.json()
    slug = copy.json()["slug"]
    origin = f"/crews/{slug}/original"
    read = viewer.ask("GET", origin).json()
    assert (read["template"], read["version"], read["newer"], read["conflicts"]) == (template.pk, 1, None, [])
    edited(Crew.objects.get(slug=slug), "brief", "Mine")
    cut_version(edited(crew, "brief", "Theirs"), by=None)
    again = api.ask("POST", "/templates", body, **{"If-Match": '"1"'})
    assert (again.json()["id"], again["ETag"]) == (template.pk, '"2"')
    read = viewer.ask("GET", origin)
    assert [conflict["path"] for conflict in read.json()["conflicts"]] == ["tasks.brief.description"]
    take = {"version": 2, "choices": {"tasks.brief.description": "theirs"}}
    assert api.ask("POST", origin, {"version": 2}).json()["error"]["code"] == "undecided"
    assert api.ask("POST", origin, take, **{"If-Match": '"77"'}).status_code == 412
    assert viewer.ask("POST", origin, take).status_code == 403
    done = api.ask("POST", origin, take, **{"If-Match": read["ETag"]})
    assert (done.status_code, done.json()["version"], done.json()["kept_version"]) == (200, 2, 1)
    detail = viewer.ask("GET", path).json()
    assert [(each["version"], each["present"]) for each in detail["versions"]] == [(2, True), (1, False)]
    assert [(each["crew"], each["depth"], each["from_version"]) for each in detail["lineage"]] == [
        (crew.slug, 0, None),
        (slug, 1, 2),
    ]
    file = viewer.ask("GET", f"{path}/file")
    made = Api(cast.stranger).ask("POST", "/templates/import", {"source": file.content.decode()})
    assert (made.status_code, made.json()["title"]) == (201, "Brief 2")
    assert api.ask("DELETE", path).status_code == 204
    assert viewer.ask("GET", origin).json()["template"] is None


def test_the_api_says_of_a_crew_that_is_no_copy_what_it_says_of_a_copy_without_news(cast: Cast, crew: Crew) -> None:
    copy = copy_template(cast.editor, shared(cast, crew))
    api = Api(cast.editor)
    refused = [api.ask("POST", f"/crews/{one.slug}/original", {"version": 1}) for one in (crew, copy)]
    assert [answer.status_code for answer in refused] == [409, 409]
    assert refused[0].json()["error"]["message"] == refused[1].json()["error"]["message"]


def test_a_template_is_given_to_another_team_by_an_owner_of_both_alone(cast: Cast, crew: Crew) -> None:
    address = f"{TEMPLATES}{shared(cast, crew).pk}/"
    owner = signed_in(cast.owner)
    assert "Give to another team" not in html(owner.get(address))
    assert {owner.post(f"{address}give/", {"to": to}).status_code for to in ("others", "", "none", "no\0ne")} == {404}
    assert signed_in(cast.editor).post(f"{address}give/", {"to": "others"}).status_code == 403
    member = Membership.objects.create(team=cast.stranger.team, user=cast.owner.user, role=Role.EDITOR)
    assert owner.post(f"{address}give/", {"to": "others"}).status_code == 403
    assert not Template.objects.filter(crew__team__slug="others").exists()
    Membership.objects.filter(pk=member.pk).update(role=Role.OWNER)
    assert "Give to another team" in html(owner.get(address))
    assert owner.post(f"{address}give/", {"to": "others"})["Location"] == address
    assert Template.objects.filter(crew__team__slug="others").count() == 1
