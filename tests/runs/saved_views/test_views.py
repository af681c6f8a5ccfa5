"""Pages of saved views: saved from the list, opened by an address, and refused at the form."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from runs.history.saved import MOST_SHOWN
from runs.models import SavedView
from runs.saved_views.actions import Shown, save_view
from tests.cast import Cast
from tests.pages import HOSTILE, RUNS, html, signed_in

pytestmark = pytest.mark.django_db
VIEWS = f"{RUNS}views/"
FORM = {"name": "Failed", "whose": "team", "q": "status:failed", "sort": "cost", "columns": "cost,waste"}


def test_what_is_saved_is_opened_by_its_address_and_marked_on_the_list(cast: Cast) -> None:
    client = signed_in(cast.editor)
    saved = client.post(VIEWS, FORM)
    view = SavedView.objects.get()
    assert saved["Location"] == f"{VIEWS}{view.pk}/"
    other = signed_in(cast.viewer)
    opened = other.get(saved["Location"])
    asked = parse_qs(urlsplit(opened["Location"]).query)
    assert asked == {"q": ["status:failed"], "sort": ["cost"], "columns": ["cost,waste"]}
    page = html(other.get(opened["Location"]))
    assert re.search(rf'href="{VIEWS}{view.pk}/" aria-current="page"', page)
    assert 'aria-current="page"' not in html(other.get(RUNS)).split("Saved views")[1].split("</nav>")[0]


def test_a_taken_name_offers_to_replace_and_keeps_what_was_typed(cast: Cast) -> None:
    client = signed_in(cast.editor)
    client.post(VIEWS, FORM)
    refused = client.post(VIEWS, FORM | {"name": "FAILED", "q": "status:running"})
    assert refused.status_code == 409
    assert "The team has a view “Failed” already" in html(refused)
    assert 'value="FAILED"' in html(refused)
    assert client.post(VIEWS, FORM | {"name": "FAILED", "q": "status:running", "replace": "1"}).status_code == 302
    assert SavedView.objects.get().q == "status:running"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"q": "cost:x"}, "not an amount"),
        ({"sort": "colour"}, "There is no order"),
        ({"columns": "colour"}, "There is no column"),
        ({"name": " "}, "required"),
        ({"whose": "world"}, "valid choice"),
    ],
)
def test_what_cannot_be_saved_is_told(cast: Cast, wrong: dict[str, str], words: str) -> None:
    refused = signed_in(cast.editor).post(VIEWS, FORM | wrong)
    assert refused.status_code == 422
    assert words in html(refused)
    assert not SavedView.objects.exists()


def test_a_viewer_saves_for_themselves_alone(cast: Cast) -> None:
    client = signed_in(cast.viewer)
    assert client.post(VIEWS, FORM).status_code == 422
    assert client.post(VIEWS, FORM | {"whose": "mine"}).status_code == 302
    ours = save_view(cast.owner, "Ours", Shown("", "newest", "cost"), for_team=True)
    assert client.post(f"{VIEWS}{ours.pk}/remove/").status_code == 403
    assert client.post(f"{VIEWS}{ours.pk}/rename/", {"name": "x"}).status_code == 403


def test_anothers_own_view_is_not_there(cast: Cast) -> None:
    view = save_view(cast.viewer, "Private", Shown("", "newest", "cost"), for_team=False)
    client = signed_in(cast.owner)
    assert client.get(f"{VIEWS}{view.pk}/").status_code == 404
    assert client.post(f"{VIEWS}{view.pk}/remove/").status_code == 404
    assert client.post(f"{VIEWS}{view.pk}/rename/", {"name": "x"}).status_code == 404
    assert "Private" not in html(client.get(VIEWS))
    assert "Private" not in html(client.get(RUNS))
    assert SavedView.objects.get().name == "Private"


def test_renaming_and_removing(cast: Cast) -> None:
    one, other = (save_view(cast.viewer, name, Shown("", "newest", "cost"), for_team=False) for name in ("A", "B"))
    client = signed_in(cast.viewer)
    refused = client.post(f"{VIEWS}{one.pk}/rename/", {"name": "b"})
    assert refused.status_code == 422
    assert "You have a view “B” already" in html(refused)
    assert client.post(f"{VIEWS}{one.pk}/rename/", {"name": "C"}).status_code == 302
    assert client.post(f"{VIEWS}{other.pk}/remove/").status_code == 302
    assert [view.name for view in SavedView.objects.all()] == ["C"]


def test_names_are_text_and_the_list_shows_a_few(cast: Cast) -> None:
    for number in range(MOST_SHOWN + 2):
        save_view(
            cast.viewer,
            f"{number:02}{HOSTILE[:50]}",
            Shown("", "newest", f"cost,{'by' * (number == 13)}"),
            for_team=False,
        )
    client = signed_in(cast.viewer)
    page = html(client.get(RUNS, {"columns": "cost,by"}))
    assert "<script>alert" not in page
    assert page.count('class="chip" href="/t/acme/runs/views/') == MOST_SHOWN + 1
    assert f"All {MOST_SHOWN + 2} views" in page
    assert "<script>alert" not in html(client.get(VIEWS))
