"""Comments by page and by API: policies, refused forms, and safe texts."""

from __future__ import annotations

from typing import Any

import pytest

from agents_app.actions import cut_version
from agents_app.models import Crew
from runs.models import Comment
from teams.models import Scope
from tests.cast import Cast
from tests.ledger import make_run
from tests.pages import HOSTILE, html, page_of, signed_in
from tests.runs.books import last_month, make_books
from tests.runs.run.test_api import Api

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}
PLACES = ("run", "crew", "version", "bill")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, cast: Cast, crew: Crew) -> str:
    """The address of the comments of one thing, below the team's and below the API's."""
    version = cut_version(crew, by=cast.owner.user)
    return {
        "run": f"runs/{make_run(cast.owner, crew).pk}/comments",
        "crew": f"crews/{crew.slug}/comments",
        "version": f"crews/{crew.slug}/versions/{version.number}/comments",
        "bill": "bills/2026-10/comments",
    }[request.param]


@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "part"])
def test_what_is_said_is_shown_and_a_refused_form_keeps_what_was_typed(cast: Cast, place: str, htmx: Any) -> None:
    client, address = signed_in(cast.viewer), f"/t/acme/{place}/"
    assert client.post(address, {"text": "**Good** work, @owner@example.com"}, **htmx).status_code == (
        200 if htmx else 302
    )
    shown = html(client.get(address, **htmx))
    assert ("<strong>Good</strong> work" in shown, "<html" in shown) == (True, not htmx)
    assert "Told: <bdi>owner@example.com</bdi>" in shown
    answer = client.post(address, {"text": "y" * 4_001}, **htmx)
    assert (answer.status_code, "y" * 4_001 in html(answer)) == (422, True)
    assert "At most 4,000" in html(answer)
    own = f"{address}{Comment.objects.get().pk}/"
    answer = client.post(own, {"text": "z" * 4_001}, **htmx)
    assert (answer.status_code, "z" * 4_001 in html(answer)) == (422, True)
    assert client.get(own).headers["Location"] == address
    client.post(own, {"remove": "1"}, **htmx)
    assert not Comment.objects.exists()


def test_strangers_find_nothing_and_others_may_not_change_a_comment(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew)
    written = Comment.objects.create(team=cast.team, run=run, author=cast.runner.user, text="Mine.")
    for path in ("comments/", f"comments/{written.pk}/"):
        assert signed_in(cast.stranger).get(f"{page_of(run)}{path}").status_code == 404
        assert signed_in(cast.stranger).post(f"{page_of(run)}{path}", {"text": "x"}).status_code == 404
    editor = signed_in(cast.editor)
    assert editor.post(f"{page_of(run)}comments/{written.pk}/", {"text": "Yours."}).status_code == 403
    assert editor.post(f"{page_of(run)}comments/{written.pk}/", {"remove": "1"}).status_code == 403
    elsewhere = f"{page_of(make_run(cast.owner, crew))}comments/{written.pk}/"
    assert signed_in(cast.owner).post(elsewhere, {"text": "x"}).status_code == 404
    assert signed_in(cast.owner).post(f"{page_of(run)}comments/{written.pk}/", {"remove": "1"}).status_code == 302
    assert not Comment.objects.exists()


def test_what_is_not_there_has_no_comments(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.owner)
    for place in ("crews/no-such", f"crews/{crew.slug}/versions/9", "bills/2026-13", "bills/x"):
        assert client.get(f"/t/acme/{place}/comments/").status_code == 404
        assert Api(cast.owner, Scope.RUN).get(f"/{place}/comments").status_code == 404


def test_texts_are_safe_markdown(cast: Cast, crew: Crew) -> None:
    text = f"[x](javascript:alert(1)) https://example.com/a?b=1&c=2 <script>alert(1)</script>\n\n{HOSTILE[:2000]}"
    Comment.objects.create(team=cast.team, crew=crew, author=cast.owner.user, text=text)
    page = html(signed_in(cast.viewer).get(f"/t/acme/crews/{crew.slug}/comments/"))
    assert '<a href="https://example.com/a?b=1&amp;c=2"' in page
    assert 'href="javascript' not in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_pages_fetch_the_comments() -> None:
    books = make_books()
    crew = Crew.objects.get(slug="company-brief")
    version, client = cut_version(crew, by=books.cast.owner.user), signed_in(books.cast.viewer)
    for page in (f"crews/{crew.slug}", f"crews/{crew.slug}/versions/{version.number}", f"bills/{last_month():%Y-%m}"):
        assert html(client.get(f"/t/acme/{page}/")).count(f"/t/acme/{page}/comments/") == 2, page


def test_comments_by_the_api(cast: Cast, place: str) -> None:
    api, path = Api(cast.runner, Scope.RUN), f"/{place}"
    made = api.post(path, {"text": "First.\nSecond."})
    assert (made.status_code, made.json()["text"], made.json()["edited_at"]) == (201, "First.\nSecond.", None)
    own = f"/comments/{made.json()['id']}"
    assert api.put(own, {"text": "Changed."}).json()["edited_at"] is not None
    assert Api(cast.editor, Scope.RUN).put(own, {"text": "Not mine."}).status_code == 403
    assert [one["text"] for one in api.get(path).json()["items"]] == ["Changed."]
    assert Api(cast.owner, Scope.READ).post(path, {"text": "x"}).status_code == 403
    assert Api(cast.stranger, Scope.RUN).delete(own).status_code == 404
    assert api.delete(own).status_code == 204
    assert api.get(path).json() == {"items": []}
    assert api.delete(own).status_code == 404
