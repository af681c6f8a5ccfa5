"""The list of crews, and a crew as a whole: made, copied, archived, and as it was frozen."""

from __future__ import annotations

from typing import Any

import pytest

from agents_app import queries
from agents_app.actions import archive_crew, create_crew, cut_version
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from tests.cast import Cast, make_crew, maker_of
from tests.pages import CREW, CREWS, html, signed_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("客户支持", "ke-hu-zhi-chi"),
        ("Поддержка", "podderzhka"),
        ("Ärzte für Größe", "arzte-fur-grosse"),
        ("!?", "crew"),
    ],
)
def test_the_address_of_a_crew_is_readable_in_every_script(cast: Cast, name: str, slug: str) -> None:
    assert create_crew(cast.owner, name=name).slug == slug
    assert create_crew(cast.owner, name=name).slug == f"{slug}-2"


class TestList:
    def test_without_crews_it_says_what_to_do(self, cast: Cast) -> None:
        page = html(signed_in(cast.editor).get(CREWS))
        assert f'href="{CREWS}import/"' in page
        assert 'href="/t/acme/templates/"' in page

    def test_a_viewer_is_not_offered_what_a_viewer_may_not(self, cast: Cast) -> None:
        assert f"{CREWS}import/" not in html(signed_in(cast.viewer).get(CREWS))
        assert signed_in(cast.viewer).get(f"{CREWS}import/").status_code == 403

    def test_it_shows_each_crew_once_with_its_counts(self, cast: Cast, crew: Crew) -> None:
        cut_version(crew, by=cast.owner.user)
        (row,) = signed_in(cast.viewer).get(CREWS).context["crews"]
        assert (row.name, row.agent_count, row.task_count, row.latest) == ("Company brief", 3, 3, 1)

    def test_search_narrows_it_and_says_when_nothing_fits(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.viewer)
        assert CREW in html(client.get(CREWS, {"q": "BRIEF"}))
        page = html(client.get(CREWS, {"q": "nothing of this"}))
        assert CREW not in page
        assert "nothing of this" in page

    def test_a_search_that_is_too_long_or_takes_too_long_says_what_to_do(
        self, cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = signed_in(cast.viewer)
        assert "at most 100 characters" in html(client.get(CREWS, {"q": "x" * 101}))
        monkeypatch.setattr(queries, "SEARCH_SECONDS", 0.0)
        assert "took the database too long" in html(client.get(CREWS, {"q": "brief"}))
        assert CREW in html(client.get(CREWS)), "without a search there is no such bound"

    def test_the_same_address_gives_a_fragment_to_htmx(self, cast: Cast, crew: Crew) -> None:
        fragment = html(signed_in(cast.viewer).get(CREWS, {"q": "brief"}, headers={"HX-Request": "true"}))
        assert CREW in fragment
        assert "<html" not in fragment

    def test_strangers_and_archived_crews_are_not_in_it(self, cast: Cast, crew: Crew) -> None:
        assert signed_in(cast.stranger).get(CREWS).status_code == 404
        archive_crew(maker_of(crew), crew)
        assert CREW not in html(signed_in(cast.viewer).get(CREWS))
        assert signed_in(cast.viewer).get(CREW).status_code == 404

    def test_it_takes_as_many_queries_for_ten_crews_as_for_one(
        self, cast: Cast, crew: Crew, django_assert_max_num_queries: Any
    ) -> None:
        client = signed_in(cast.viewer)
        for _ in range(9):
            make_crew(cast.owner)
        with django_assert_max_num_queries(6):
            client.get(CREWS)


class TestNew:
    def test_a_name_makes_an_empty_crew(self, cast: Cast) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}new/", {"name": "My first"})
        assert response["Location"].startswith(f"{CREWS}my-first/")

    def test_without_a_name_there_is_none(self, cast: Cast) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}new/", {"name": "  "})
        assert "name" in response.context["form"].errors
        assert not Crew.objects.exists()


class TestOne:
    def test_archiving_takes_it_out_of_the_list(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{CREW}archive/", follow=True)
        assert CREW not in html(response)

    def test_a_copy_is_a_draft_of_its_own(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{CREW}copy/")
        copied = Crew.objects.exclude(pk=crew.pk).get()
        assert response["Location"].startswith(f"{CREWS}{copied.slug}/")
        assert spec_of(copied).tasks == spec_of(crew).tasks
