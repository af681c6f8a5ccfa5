"""Documents and queries that were made to take long: each is bounded, and says so where it is given up."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from agents_app.knowledge import actions, search, text
from agents_app.knowledge.actions import UPLOAD_PLACES, upload_document
from agents_app.knowledge.folding import MAX_CHAIN_CHARS, MAX_MARKS, fold
from agents_app.knowledge.search import SEARCH_PLACES, highlights, search_passages
from agents_app.knowledge.spelling import Spelling
from agents_app.models import Document
from teams.access import Principal
from teams.refusals import Busy, Conflict, Invalid
from tests.cast import Cast
from tests.pages import signed_in

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/knowledge/"
MEGABYTE = 1_000_000


def words_from(letters: str, count: int, *, length: int = 21) -> list[str]:
    """Words that all begin with "aaa"."""
    chance = random.Random(1)
    return ["aaa" + "".join(chance.choices(letters, k=length - 3)) for _ in range(count)]


def keep(who: Principal, title: str, content: str) -> Document:
    return upload_document(who, title=title, data=content.encode()).document


def processor_s(work: Any, *arguments: Any) -> float:
    """Of this process, whatever else the machine does."""
    began = time.process_time()
    work(*arguments)
    return time.process_time() - began


class TestSpelling:
    def test_comparisons_are_counted_and_then_only_equal_words_are_alike(self) -> None:
        spelling = Spelling(["aaab", "aaac"], comparisons=3)
        assert spelling.alike("aaad") == {}
        assert spelling.comparisons_left == 1
        assert spelling.alike("aaabb") == {}, "two more would be too many"
        assert spelling.comparisons_left == 1
        assert spelling.alike("aaab") == {"aaab": 1.0}

    @pytest.mark.parametrize(
        ("word", "wanted", "is_alike"),
        [
            ("vacation", "vacaiton", True),
            ("internationally", "internatonal", True),
            ("отпускные", "отпускной", True),
            ("policies", "policy", True),
            ("polite", "policy", False),
            ("aaaa", "a" * 20, False),
            ("zebra", "zebu", False),
            ("the", "thee", False),
            ("station", "nation", False),
        ],
    )
    def test_what_is_alike(self, word: str, wanted: str, is_alike: bool) -> None:
        assert bool(Spelling([wanted], comparisons=9).alike(word)) is is_alike

    def test_words_that_all_begin_alike_do_not_take_long(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before, this took half a minute of the interpreter's lock."""
        keep(cast.editor, "words.txt", " ".join(words_from("bcdefghijklm", 20_000)))
        query = " ".join(words_from("nopqrstuvwxyz", 20))
        used = []

        class Counted(Spelling):
            def alike(self, word: str) -> dict[str, float]:
                before = self.comparisons_left
                found = super().alike(word)
                used.append(before - self.comparisons_left)
                return found

        monkeypatch.setattr(search, "Spelling", Counted)
        monkeypatch.setattr(search, "SEARCH_SECONDS", 60.0)
        assert search_passages(cast.team, query) == []
        assert 0 < sum(used) <= search.COMPARISONS
        assert len(used) <= search.MAX_CANDIDATE_WORDS
        used.clear()
        shown = " ".join(words_from("bcdefghijklm", 2_000))
        assert "".join(piece for piece, _ in highlights(shown, query)) == shown
        assert sum(used) <= search.MARKED_COMPARISONS

    def test_passages_with_more_words_that_are_alike_come_first(self, cast: Cast) -> None:
        keep(cast.editor, "one.txt", "All about the vacation.")
        keep(cast.editor, "both.txt", "International vacation rules.")
        found = search_passages(cast.team, "internatoinal vacaiton")
        assert [passage.document.title for passage in found] == ["both.txt", "one.txt"]

    @pytest.mark.parametrize("word", ["o'reilly's", "back\\slash", "info@example.com", "https://example.com/vacation"])
    def test_whatever_the_parser_makes_of_words_can_be_looked_for(self, cast: Cast, word: str) -> None:
        keep(cast.editor, "a.txt", f"See {word} for the vacation policies")
        assert search_passages(cast.team, "vacaiton plicies")
        search_passages(cast.team, f"{word}z")


class TestLetters:
    def test_a_long_query_is_not_looked_for_as_it_stands(self, cast: Cast) -> None:
        keep(cast.editor, "a.txt", "休暇" * 100)
        assert search_passages(cast.team, "暇休" * 10)
        assert search_passages(cast.team, "暇休" * 40) == []

    @pytest.mark.parametrize("query", ["a" * 499 + "b", "b" + "a" * 499, "a" * 39 + "b", "b" + "a" * 39])
    def test_passages_of_one_letter_do_not_take_long(self, cast: Cast, query: str) -> None:
        """PostgreSQL took 15 s for 15 MB. A statement that takes too long is refused, so none is what is asked here."""
        keep(cast.editor, "a.txt", "a" * 600_000)
        assert search_passages(cast.team, query) == []


class TestTime:
    def test_a_search_that_takes_too_long_says_so_on_the_page_and_by_api(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keep(cast.editor, "a.txt", "zebra")
        monkeypatch.setattr(search, "SEARCH_SECONDS", 0.0)
        with pytest.raises(Invalid, match="fewer or rarer words"):
            search_passages(cast.team, "zebra")
        assert "fewer or rarer words" in signed_in(cast.viewer).get(PAGE, {"q": "zebra"}).content.decode()

    def test_searches_and_uploads_leave_threads_for_pages(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SEARCH_PLACES, "_patience_s", 0.01)
        monkeypatch.setattr(UPLOAD_PLACES, "_patience_s", 0.01)
        keep(cast.editor, "a.txt", "zebra")
        client = signed_in(cast.editor)
        with SEARCH_PLACES.one(), SEARCH_PLACES.one():
            assert "Search again in a moment" in client.get(PAGE, {"q": "zebra"}).content.decode()
        with UPLOAD_PLACES.one(), UPLOAD_PLACES.one():
            answer = client.post(f"{PAGE}add/", {"uploads": SimpleUploadedFile("b.txt", b"lion")})
        assert answer.status_code == 422
        assert "send it again in a minute" in answer.content.decode()
        assert Document.objects.count() == 1


class TestReading:
    @pytest.mark.parametrize("unit", ["<p>", "<b>x", "&lt;", "</nav>", "<td>"])
    def test_pages_of_very_many_tags_are_refused_before_they_are_read(self, cast: Cast, unit: str) -> None:
        page = (unit * MEGABYTE)[: 2 * MEGABYTE]
        began = time.process_time()
        with pytest.raises(Invalid, match="is more HTML than is read"):
            keep(cast.editor, "a.html", page)
        assert time.process_time() - began < 1

    def test_a_larger_page_is_refused_with_what_to_do(self, cast: Cast) -> None:
        with pytest.raises(Invalid, match="Save it as text or in parts"):
            keep(cast.editor, "a.html", "x" * (text.MAX_HTML_BYTES + 1))

    def test_a_large_page_is_read_in_another_process(self, cast: Cast) -> None:
        page = "<b>x" * 250_000
        assert processor_s(keep, cast.editor, "a.html", f"<p>{page}") < 1.0, "here it takes 2 s"
        assert Document.objects.get().passages.count() > 200

    def test_the_files_of_a_request_share_one_patience(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(actions, "READ_SECONDS", 0.0)
        files = [SimpleUploadedFile(f"{number}.html", f"<p>{'word ' * 10_000}".encode()) for number in range(3)]
        small = SimpleUploadedFile("small.html", b"<p>zebra")
        answer = signed_in(cast.editor).post(f"{PAGE}add/", {"uploads": [*files, small]})
        assert answer.content.decode().count("was not read: Reading the page has to wait") == 3
        assert [one.title for one in Document.objects.all()] == ["small.html"]

    def test_pages_are_read_one_at_a_time(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        """The two child processes of the web check schemas and read imports too."""
        monkeypatch.setattr(actions, "READ_SECONDS", 0.05)
        with text._one_page, pytest.raises(Busy, match="other pages are being read"):
            keep(cast.editor, "a.html", "<p>zebra")

    def test_what_cannot_be_kept_is_not_read(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        keep(cast.editor, "a.html", "<p>zebra")
        monkeypatch.setattr(actions, "read_document", lambda *args, **options: pytest.fail("it was read"))
        with pytest.raises(Conflict):
            keep(cast.editor, "b.html", "<p>zebra")
        monkeypatch.setattr(actions, "MAX_DOCUMENTS", 1)
        with pytest.raises(Invalid, match="at most 1 documents"):
            keep(cast.editor, "b.html", "<p>lion")


class TestFolding:
    def test_marks_without_end_take_no_quadratic_time(self) -> None:
        """Putting a hundred thousand marks in order took minutes."""
        marks = "e" + ("\u0301" * 500 + "\u0316" * 500) * 100
        assert processor_s(fold, marks) < 5
        assert len(fold(marks)) <= MAX_MARKS + 1
        assert fold("cafe\u0301") == "café"
        pointed = "שָׁלוֹם " * 20
        assert fold(pointed).split() == [fold("שָׁלוֹם")] * 20

    @pytest.mark.parametrize("unit", ["@a1", "~/", "/~", "e_", "a_", "/.", "-a", "http://a.b/", "a@b"])
    def test_postgresql_parses_what_was_folded_in_a_bounded_number_of_steps(self, unit: str) -> None:
        """A passage of "@a1" took PostgreSQL 190 ms, and an upload of them 30 minutes."""
        folded = fold((unit * 1200)[:1200])
        assert max(map(len, folded.split()), default=0) <= MAX_CHAIN_CHARS
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '20s'")
            cursor.execute("SELECT count(to_tsvector('simple', %s || n)) FROM generate_series(1, 300) n", [folded])

    @pytest.mark.parametrize(
        "kept", ["info@example.com", "snake_case_name", "https://example.com/a/path", "休暇" * 100, "w" * 100, "4711-b"]
    )
    def test_usual_chains_stay(self, kept: str) -> None:
        assert fold(kept) == kept
