"""Knowledge documents: what is read and refused, what a search finds, who may, and the page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.client import encode_multipart

from agents_app.knowledge import actions
from agents_app.knowledge.actions import upload_document
from agents_app.knowledge.queries import documents
from agents_app.knowledge.search import highlights, search_passages
from agents_app.knowledge.text import read_document
from agents_app.models import Document
from agents_app.models import Passage as StoredPassage
from engine.bounded import Patience
from teams.access import Principal
from teams.actions import issue_token
from teams.models import Scope
from teams.refusals import Conflict, Invalid
from tests.cast import Cast
from tests.pages import signed_in

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/knowledge/"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egnp.exe" + "W" * 10_000


def keep(who: Principal, title: str, text: str | bytes, collection: str = "") -> Document:
    data = text if isinstance(text, bytes) else text.encode()
    return upload_document(who, title=title, data=data, collection=collection).document


def titles(who: Principal, query: str, **options: Any) -> list[str]:
    return [passage.document.title for passage in search_passages(who.team, query, **options)]


def file(name: str, text: str | bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())


class TestReading:
    @pytest.mark.parametrize(
        ("name", "data", "text"),
        [
            ("a.txt", b"plain", "plain"),
            ("A.MD", b"# Head", "# Head"),
            ("a.csv", b"name,price\r\nlamp,20\r\n", "name,price\nlamp,20\n"),
            ("a.json", b'{"a": 1}', '{"a": 1}'),
            ("a.html", b"<h1>Head</h1><script>bad()</script><p>Text &amp; more", "Head\nText & more"),
            ("a.txt", b"\xef\xbb\xbfwith a mark", "with a mark"),
            ("a.txt", "wide".encode("utf-16"), "wide"),
            ("a.txt", b"a NUL \x00 in it, once", "a NUL  in it, once"),
        ],
    )
    def test_each_kind_becomes_text(self, name: str, data: bytes, text: str) -> None:
        assert read_document(name, data, patience=Patience(60)).text == text

    def test_what_is_not_utf_8_is_guessed_and_said(self) -> None:
        reading = read_document("a.txt", "Käse".encode("latin-1"), patience=Patience(60))
        assert reading.text == "Käse"
        assert "Latin-1" in reading.notes[0]

    @pytest.mark.parametrize(
        ("name", "data", "says"),
        [
            ("a.pdf", b"%PDF-1.7", "Convert it to text"),
            ("a.txt", b"%PDF-1.7", "Convert it to text"),
            ("a.docx", b"PK\x03\x04", "of a kind that is not read"),
            ("noending", b"text", "of a kind that is not read"),
            ("a.txt", bytes(range(256)) * 20, "is not text"),
            ("a.txt", b"", "holds no text"),
            ("a.txt", b" \n\x00", "holds no text"),
            ("a.html", b"<script>only()</script>", "holds no text"),
        ],
    )
    def test_what_cannot_be_read_is_refused_with_what_to_do(self, name: str, data: bytes, says: str) -> None:
        with pytest.raises(Invalid, match=says):
            read_document(name, data, patience=Patience(60))


class TestUpload:
    def test_it_is_kept_as_passages(self, cast: Cast) -> None:
        made = keep(cast.editor, "Hand\nbook.txt", "A paragraph about leave.\n\n" * 100, " People ")
        assert (made.title, made.collection, made.size) == ("Hand book.txt", "People", 2600)
        keep(cast.editor, "a.txt", "In an earlier collection")
        rows = [(one.collection, one.passage_count) for one in documents(cast.viewer)]  # type: ignore[attr-defined]
        assert rows == [("People", 3), ("default", 1)]

    def test_rows_of_a_table_keep_their_header(self, cast: Cast) -> None:
        keep(cast.editor, "prices.csv", "article,price\n" + "lamp,20\n" * 500)
        assert all(one.text.startswith("article,price\n") for one in StoredPassage.objects.all())
        assert StoredPassage.objects.count() > 2

    def test_the_same_file_twice_in_a_collection_is_refused(self, cast: Cast) -> None:
        keep(cast.editor, "a.txt", "The same")
        keep(cast.editor, "a.txt", "The same", "other")
        keep(cast.stranger, "a.txt", "The same")
        with pytest.raises(Conflict, match=r"already in the collection “default”, as “a\.txt”"):
            keep(cast.editor, "b.txt", "The same")

    def test_quotas_say_what_to_do(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(actions, "MAX_DOCUMENTS", 2)
        monkeypatch.setattr(actions, "MAX_TEAM_BYTES", 100)
        monkeypatch.setattr(actions, "MAX_DOCUMENT_BYTES", 90)
        with pytest.raises(Invalid, match="Split it"):
            keep(cast.editor, "large.txt", "x" * 91)
        keep(cast.editor, "a.txt", "a" * 60)
        with pytest.raises(Invalid, match=r"larger than .* together. Delete some"):
            keep(cast.editor, "b.txt", "b" * 60)
        keep(cast.editor, "c.txt", "c")
        with pytest.raises(Invalid, match=r"at most 2 documents. Delete some"):
            keep(cast.editor, "d.txt", "d")
        keep(cast.stranger, "d.txt", "another team has a quota of its own")

    @pytest.mark.parametrize(("title", "collection"), [("", ""), (" \x00 ", ""), ("a.txt", "c" * 81)])
    def test_names_that_do_not_fit_are_refused(self, cast: Cast, title: str, collection: str) -> None:
        with pytest.raises(Invalid):
            keep(cast.editor, title, "text", collection)

    def test_deleting_takes_its_passages_along(self, cast: Cast) -> None:
        actions.delete_document(cast.editor, keep(cast.editor, "a.txt", "zebra"))
        assert titles(cast.viewer, "zebra") == []
        assert not StoredPassage.objects.exists()


class TestSearch:
    def test_passages_with_all_words_come_before_those_with_some(self, cast: Cast) -> None:
        keep(cast.editor, "some.txt", "vacation vacation vacation vacation")
        keep(cast.editor, "all.txt", "Our policy for a vacation is generous.")
        keep(cast.editor, "none.txt", "Lamps and chairs.")
        assert titles(cast.viewer, "vacation policy") == ["all.txt", "some.txt"]
        assert titles(cast.viewer, "What is the policy on vacations here?") == ["all.txt", "some.txt"]

    def test_the_title_counts_most(self, cast: Cast) -> None:
        keep(cast.editor, "body.txt", "Travel is mentioned once in this text.")
        keep(cast.editor, "travel rules.txt", "Second class only.")
        assert titles(cast.viewer, "travel")[0] == "travel rules.txt"

    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ("Stock of AT&T rose.", "AT&T"),
            ("We don't ship on Sundays.", "don't"),
            ("To be or not to be", "to be or not to be"),
            ("The quick brown fox", '"quick brown"'),
            ("The quick brown fox", '"brown quick" fox'),
            ("It's in part no. 4711-B.", "4711-B"),
            ("Der Urlaubsanspruch beträgt 30 Tage.", "Urlaubsanspruch"),
            ("Les congés payés", "CONGÉS"),
            ("Отпуск длится месяц", "отпуск"),
            ("当社の休暇は三十日です", "休暇"),
            ("Mail to info@example.com", "info@example.com"),
            ("The vacation rules", "vacaiton"),
            ("We ship internationally", "internatonal"),
            ("C:\\temp\\file has 100% of it", "100%"),
            ("policies of the house", "policy"),
            ("He said “vacation” – twice", "vacation"),
            ("vacation", "“vacation”"),
            ("vaca\u00adtion", "vacation"),
            ("cafe\u0301", "CAFÉ"),
            ("STRASSE", "Straße"),
            ("नमस्ते दुनिया", "दुनिया"),
            ("Отпускные длится месяц", "отпускной"),
        ],
    )
    def test_punctuation_languages_and_typing_mistakes(self, cast: Cast, text: str, query: str) -> None:
        keep(cast.editor, "other.txt", "Entirely different things: lamps, chairs, tables.")
        keep(cast.editor, "wanted.txt", text)
        assert titles(cast.viewer, query) == ["wanted.txt"]

    def test_minus_takes_out(self, cast: Cast) -> None:
        keep(cast.editor, "cats.txt", "All about cats")
        keep(cast.editor, "both.txt", "All about cats and dogs")
        assert titles(cast.viewer, "cats -dogs") == ["cats.txt"]
        assert titles(cast.viewer, "zebra -dogs") == []

    @pytest.mark.parametrize(
        "query",
        ["", "  ", "\x00", "\ud800", "'", '"', "'; DROP TABLE x; --", "\\", "%", "_", ":*", "!&|<->()", "a" * 100_000,
         "the", "-", "--", "-the", "it's & | ! 'x':*", "<->", HOSTILE, "or or or", "\u202e", "W" * 41 + " x"],
    )  # fmt: skip
    def test_no_query_breaks_it(self, cast: Cast, query: str) -> None:
        keep(cast.editor, "a.txt", "Plain words, the usual kind. " + "W" * 3000)
        search_passages(cast.team, query)
        assert "".join(piece for piece, _ in highlights(HOSTILE, query)) == HOSTILE

    def test_it_is_limited_to_collections_and_a_number(self, cast: Cast) -> None:
        for number in range(4):
            keep(cast.editor, f"{number}.txt", f"zebra {number}", "animals" if number else "zoo")
        assert titles(cast.viewer, "zebra", collections=["zoo"]) == ["0.txt"]
        assert len(titles(cast.viewer, "zebra", collections=["zoo", "animals"])) == 4
        assert len(titles(cast.viewer, "zebra", limit=2)) == 2
        assert titles(cast.viewer, "zebra", collections=["5"]) == []

    def test_another_team_finds_nothing(self, cast: Cast) -> None:
        keep(cast.editor, "a.txt", "zebra 休暇")
        for query in ("zebra", "zebro", "休暇"):
            assert titles(cast.stranger, query) == []

    def test_the_index_is_one_that_a_search_can_use(self, cast: Cast) -> None:
        keep(cast.editor, "a.txt", "zebra")
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("EXPLAIN SELECT 1 FROM agents_app_passage WHERE search @@ 'zebra'::tsquery")
            assert "passage_search" in str(cursor.fetchall())

    def test_highlights_mark_the_words_and_their_forms(self) -> None:
        pieces = highlights("Our Policies, and the policy; polite.", "policy")
        assert [piece for piece, is_hit in pieces if is_hit] == ["Policies", "policy"]


class TestPage:
    def test_without_documents_it_says_what_to_do(self, cast: Cast) -> None:
        assert "knowledge_search" in signed_in(cast.editor).get(PAGE).content.decode()
        page = signed_in(cast.viewer).get(PAGE).content.decode()
        assert "An editor or owner" in page
        assert 'type="file"' not in page

    def test_files_are_uploaded_listed_found_and_deleted(self, cast: Cast) -> None:
        client = signed_in(cast.editor)
        files = [file("one.txt", "zebra stripes"), file("two.md", "# Lions")]
        page = client.post(f"{PAGE}add/", {"uploads": files, "collection": "zoo"}, follow=True).content.decode()
        assert "2 more documents" in page
        assert "one.txt" in page
        found = signed_in(cast.viewer).get(PAGE, {"q": "stripe"}).content.decode()
        assert "<mark>stripes</mark>" in found
        assert "two.md" not in found.partition('id="documents"')[0]
        pk = Document.objects.get(title="one.txt").pk
        assert "zebra stripes" in signed_in(cast.viewer).get(f"{PAGE}{pk}/").content.decode()
        client.post(f"{PAGE}{pk}/delete/")
        assert Document.objects.count() == 1

    def test_one_refused_file_does_not_hold_up_the_others(self, cast: Cast) -> None:
        files = [file("good.txt", "zebra"), file("bad.pdf", b"%PDF-1.7"), file("empty.txt", "")]
        response = signed_in(cast.editor).post(f"{PAGE}add/", {"uploads": files})
        assert response.status_code == 422
        page = response.content.decode()
        assert "“bad.pdf” is a PDF. Convert it" in page
        assert "“empty.txt” holds no text" in page
        assert "Agents can now search “good.txt”." in page
        assert [one.title for one in Document.objects.all()] == ["good.txt"]

    def test_no_file_and_too_much_are_told_at_the_field(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        client = signed_in(cast.editor)
        assert "Choose at least one file." in client.post(f"{PAGE}add/", {}).content.decode()
        large = [file(f"{number}.txt", b"x" * 5_000_000) for number in range(5)]
        assert "larger than 20 MB together" in client.post(f"{PAGE}add/", {"uploads": large}).content.decode()
        one = client.post(f"{PAGE}add/", {"uploads": [file("large.txt", b"x" * 5_000_001)]}).content.decode()
        assert "“large.txt” is larger than 5 MB" in one
        assert not Document.objects.exists()

    def test_a_guess_is_said(self, cast: Cast) -> None:
        response = signed_in(cast.editor).post(f"{PAGE}add/", {"uploads": file("a.txt", b"K\xe4se")}, follow=True)
        assert "Latin-1" in response.content.decode()

    def test_hostile_texts_are_shown_as_text(self, cast: Cast) -> None:
        made = keep(cast.editor, f"{HOSTILE[:150]}.txt", f"{HOSTILE} alert zebra", HOSTILE[:80])
        client = signed_in(cast.owner)
        for path, query in ((PAGE, ""), (PAGE, "zebra"), (PAGE, HOSTILE[:400]), (f"{PAGE}{made.pk}/", "")):
            page = client.get(path, {"q": query, "collection": ""}).content.decode()
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            for forbidden in ("<style", " style=", " onclick", "javascript:"):
                assert forbidden not in page

    @pytest.mark.parametrize("part", ["", "0", "60", "999999999999", "-1", "x", "²"])
    def test_a_long_document_is_shown_in_pages(self, cast: Cast, part: str) -> None:
        made = keep(cast.editor, "long.txt", "Some words that go on and on. " * 3000)
        page = signed_in(cast.viewer).get(f"{PAGE}{made.pk}/", {"part": part}).content.decode()
        assert ('id="part-60"' in page) == (part == "60")

    def test_only_editors_change_and_strangers_see_nothing(self, cast: Cast) -> None:
        made = keep(cast.editor, "a.txt", "zebra")
        for who in (cast.viewer, cast.runner):
            client = signed_in(who)
            assert client.get(PAGE).status_code == 200
            assert client.post(f"{PAGE}add/", {"uploads": file("b.txt", "b")}).status_code == 403
            assert client.post(f"{PAGE}{made.pk}/delete/").status_code == 403
        stranger = signed_in(cast.stranger)
        assert stranger.get(PAGE).status_code == 404
        assert stranger.get(f"{PAGE}{made.pk}/").status_code == 404
        assert stranger.get(f"/t/others/knowledge/{made.pk}/").status_code == 404
        assert stranger.post(f"/t/others/knowledge/{made.pk}/delete/").status_code == 404
        assert stranger.post(f"{PAGE}add/", {"uploads": file("b.txt", "b")}).status_code == 404
        assert Document.objects.count() == 1

    def test_it_takes_as_many_queries_for_ten_documents_as_for_one(
        self, cast: Cast, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(10):
            keep(cast.editor, f"{number}.txt", f"zebra {number}")
        client = signed_in(cast.viewer)
        with django_assert_max_num_queries(12):  # five of them bound the time of the search
            client.get(PAGE, {"q": "zebra"})


class TestApi:
    URL = "/api/v1/documents"

    def client(self, who: Principal, scope: str = Scope.EDIT) -> Client:
        return Client(headers={"Authorization": f"Bearer {issue_token(who, scope=scope)[1]}"})

    def send(self, client: Client, body: Any, **headers: str) -> Any:
        return client.post(self.URL, json.dumps(body), content_type="application/json", headers=headers)

    def test_a_text_is_kept_listed_found_and_deleted(self, cast: Cast) -> None:
        client = self.client(cast.editor)
        made = self.send(client, {"title": "Leave", "collection": "people", "text": "There are 30 days of leave."})
        assert made.status_code == 201
        body = made.json()
        assert (body["title"], body["collection"], body["passages"], body["notes"]) == ("Leave", "people", 1, [])
        assert [one["id"] for one in client.get(self.URL).json()["items"]] == [body["id"]]
        (found,) = client.get(f"{self.URL}/search", {"q": "leave", "limit": 3}).json()["items"]
        assert (found["document"], found["part"], found["text"]) == (body["id"], 1, "There are 30 days of leave.")
        assert client.get(f"{self.URL}/search", {"q": "leave", "collection": "x"}).json()["items"] == []
        assert client.delete(f"{self.URL}/{body['id']}").status_code == 204
        assert client.delete(f"{self.URL}/{body['id']}").status_code == 404

    def test_a_file_is_kept(self, cast: Cast) -> None:
        answer = self.client(cast.editor).post(self.URL, {"file": file("a.html", "<p>K\xe4se".encode("latin-1"))})
        assert answer.status_code == 201
        assert (answer.json()["title"], answer.json()["media_type"]) == ("a.html", "text/html")
        assert answer.json()["notes"]

    def test_a_file_is_kept_once_under_the_same_key(self, cast: Cast) -> None:
        client = self.client(cast.editor)
        body, kind = encode_multipart("edge", {"file": file("a.txt", "zebra"), "collection": "zoo"}), "; boundary=edge"
        send = [
            client.post(self.URL, body, f"multipart/form-data{kind}", headers={"Idempotency-Key": "k"}) for _ in "12"
        ]
        assert [one.status_code for one in send] == [201, 201]
        assert send[0].json() == send[1].json()
        assert send[0].json()["collection"] == "zoo"

    def test_a_repeat_under_the_same_key_makes_one(self, cast: Cast) -> None:
        client, body = self.client(cast.editor), {"title": "Leave", "text": "30 days"}
        first = self.send(client, body, **{"Idempotency-Key": "one"})
        assert self.send(client, body, **{"Idempotency-Key": "one"}).json() == first.json()
        again = self.send(client, body)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "document_exists")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"title": "x"}, "text"),
            ({"title": "", "text": "x"}, "title"),
            ({"title": "x", "text": " "}, "file"),
            ({"title": "x", "text": "x", "collection": "c" * 81}, "collection"),
            ({"title": "x", "text": "x", "colour": 1}, "colour"),
            ([], "body"),
        ],
    )
    def test_a_bad_body_is_refused_at_its_field(self, cast: Cast, body: Any, field: str) -> None:
        answer = self.send(self.client(cast.editor), body)
        assert answer.status_code == 422
        assert field in answer.json()["error"]["fields"]

    def test_damaged_texts_do_not_break_it(self, cast: Cast) -> None:
        client = self.client(cast.editor)
        raw = r'{"title": "a\u0000b", "text": "x\u0000 y\ud800 zebra", "collection": "\ud800"}'
        answer = client.post(self.URL, raw, content_type="application/json")
        assert answer.status_code == 400
        assert client.get(f"{self.URL}/search", {"q": "\x00"}).status_code == 400

    def test_viewers_read_and_do_not_change_and_strangers_find_nothing(self, cast: Cast) -> None:
        made = keep(cast.editor, "a.txt", "zebra")
        viewer, stranger = self.client(cast.viewer, Scope.READ), self.client(cast.stranger)
        assert viewer.get(f"{self.URL}/search", {"q": "zebra"}).json()["items"]
        assert self.send(viewer, {"title": "x", "text": "x"}).status_code == 403
        assert viewer.delete(f"{self.URL}/{made.pk}").status_code == 403
        assert stranger.get(self.URL).json()["items"] == []
        assert stranger.get(f"{self.URL}/search", {"q": "zebra"}).json()["items"] == []
        assert stranger.delete(f"{self.URL}/{made.pk}").status_code == 404
        assert Client().get(self.URL).status_code == 401


def test_a_document_is_read_part_by_part_by_api(cast: Cast) -> None:
    document = keep(cast.editor, "long.txt", "\n\n".join(f"Part {at}. {'Water is wet. ' * 60}" for at in range(8)))
    api = Client(headers={"Authorization": f"Bearer {issue_token(cast.viewer, scope=Scope.READ)[1]}"})
    parts, cursor = [], ""
    while True:
        answer = api.get(f"/api/v1/documents/{document.pk}?limit=3&cursor={cursor}").json()
        parts, cursor = [*parts, *answer["items"]], answer["next"]
        if cursor is None:
            break
    stored = list(document.passages.order_by("position").values_list("position", "text"))
    assert [(part["part"], part["text"]) for part in parts] == stored
    assert len(stored) > 3
    assert (answer["title"], answer["passages"]) == ("long.txt", len(stored))
    assert api.get(f"/api/v1/documents/{document.pk}?cursor=x").status_code == 422
    strange = Client(headers={"Authorization": f"Bearer {issue_token(cast.stranger)[1]}"})
    assert strange.get(f"/api/v1/documents/{document.pk}").status_code == 404
