"""How often a password may be guessed, from where, and who is not locked out by it."""

from __future__ import annotations

from datetime import timedelta
from threading import BoundedSemaphore
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from teams.actions import issue_signin_link, issue_token
from teams.guessing import hashing, tries
from teams.models import TryCount
from teams.refusals import Busy
from teams.signin import forms
from tests.cast import PASSWORD, Cast
from tests.pages import html

pytestmark = pytest.mark.django_db

OWNER = "owner@example.com"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here is how often a password is looked at, not how long that takes."""
    monkeypatch.setattr(hashing.BoundedHasher, "iterations", 1)


def post(client: Client, password: str = "wrong", email: str = OWNER) -> Any:
    return client.post("/signin/", {"username": email, "password": password})


def from_address(address: str) -> Client:
    return Client(REMOTE_ADDR=address)


def statuses(times: int, **typed: str) -> list[int]:
    client = Client()
    return [post(client, **typed).status_code for _ in range(times)]


def test_the_sixth_wrong_password_within_five_minutes_is_not_looked_at(cast: Cast) -> None:
    assert statuses(7) == [200] * 5 + [429] * 2
    assert post(Client(), PASSWORD).status_code == 429


def test_a_refusal_says_when_to_come_back_and_the_same_whether_the_account_exists(cast: Cast) -> None:
    there, nowhere = Client(), Client()
    for _ in range(5):
        post(there), post(nowhere, email="nobody@example.com")
    refusals = [post(there), post(nowhere, email="nobody@example.com")]
    assert [answer.status_code for answer in refusals] == [429, 429]
    assert all(0 < int(answer["Retry-After"]) <= 300 for answer in refusals)
    pages = [html(answer).replace("nobody@example.com", OWNER) for answer in refusals]
    assert "Too many tries that did not fit. Wait 5 minutes" in pages[0]
    without_tokens = [[line for line in page.splitlines() if "csrf" not in line] for page in pages]
    assert without_tokens[0] == without_tokens[1]


def test_a_password_is_hashed_once_whether_the_account_exists_has_a_password_or_is_closed(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[int] = []

    def encode(self: object, password: str, salt: str, iterations: int | None = None) -> str:
        hashed.append(iterations or hashing.BoundedHasher.iterations)
        return "x"

    monkeypatch.setattr(hashing.BoundedHasher, "iterations", 1_000_000)
    monkeypatch.setattr(hashing.PBKDF2PasswordHasher, "encode", encode)
    cast.viewer.user.set_unusable_password()
    cast.viewer.user.save()
    cast.editor.user.is_active = False
    cast.editor.user.save()
    sums = []
    for email in (OWNER, "viewer@example.com", "editor@example.com", "nobody@example.com"):
        hashed.clear()
        assert post(Client(), email=email).status_code == 200
        sums.append(sum(hashed))
    assert sums == [hashing.BoundedHasher.iterations] * 4


def test_a_right_password_counts_for_nothing(cast: Cast) -> None:
    assert statuses(10, password=PASSWORD) == [302] * 10
    assert not TryCount.objects.filter(count__gt=0).exists()


def test_an_account_has_one_count_however_it_is_spelt(cast: Cast) -> None:
    spellings = [
        "owner@example.com",
        "OWNER@example.com",
        "Owner@Example.com",
        " owner@example.com ",
        "ｏwner@example.com",
    ]
    client = Client()
    assert [post(client, email=email).status_code for email in spellings] == [200] * 5
    assert post(client).status_code == 429


def test_one_address_may_try_twenty_passwords_at_whatever_accounts(cast: Cast) -> None:
    answers = [post(Client(), email=f"person{number}@example.com").status_code for number in range(21)]
    assert answers == [200] * 20 + [429]
    assert post(from_address("192.0.2.9"), PASSWORD).status_code == 302


def test_neighbours_of_one_ipv6_network_count_as_one_address(cast: Cast) -> None:
    answers = [post(from_address(f"2001:db8::{number:x}")).status_code for number in range(1, 7)]
    assert answers == [200] * 5 + [429]
    assert post(from_address("2001:db8:0:1::1")).status_code == 200


def test_many_addresses_together_may_try_thirty_passwords_at_one_account(cast: Cast) -> None:
    answers = [post(from_address(f"192.0.2.{number}")).status_code for number in range(31)]
    assert answers == [200] * 30 + [429]


def test_what_is_refused_at_one_limit_counts_at_no_other(cast: Cast) -> None:
    """Else one address alone could use up the tries of an account for everybody."""
    statuses(100)
    assert post(from_address("192.0.2.1"), PASSWORD).status_code == 302


def test_strangers_do_not_lock_the_owner_out_of_a_browser_in_which_they_signed_in(cast: Cast) -> None:
    usual = Client()
    post(usual, PASSWORD)
    usual.post("/signout/")
    for number in range(31):
        post(from_address(f"192.0.2.{number}"))  # uses up the account's tries
    statuses(6)  # and those of this account from the owner's own address
    assert post(Client(), PASSWORD).status_code == 429
    assert post(usual, PASSWORD).status_code == 302


def test_a_known_browser_has_ten_tries_of_its_own_at_its_own_account(cast: Cast) -> None:
    usual = Client()
    usual.get(f"/signin/{issue_signin_link(cast.owner.user)}/")
    usual.post("/signout/")
    assert [post(usual).status_code for _ in range(11)] == [200] * 10 + [429]
    cookie = usual.cookies["crewsite_known_browser"]
    assert (cookie["httponly"], cookie["path"], cookie["samesite"]) == (True, "/signin/", "Lax")
    others = [post(usual, email="editor@example.com").status_code for _ in range(6)]
    assert others == [200] * 5 + [429]


def test_a_cookie_that_was_made_up_or_altered_is_no_known_browser(cast: Cast) -> None:
    usual = Client()
    post(usual, PASSWORD)
    genuine = usual.cookies["crewsite_known_browser"].value
    for number, value in enumerate(("", "x", f"y{genuine}", genuine[:-1], "a:b:c", "é")):
        client = from_address(f"192.0.2.{number}")
        client.cookies["crewsite_known_browser"] = value
        assert [post(client).status_code for _ in range(6)][-1] == 429


def test_a_limit_ends_with_its_window(cast: Cast) -> None:
    statuses(6)
    TryCount.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    assert statuses(6) == [200] * 5 + [429]


def test_windows_that_ended_are_forgotten(cast: Cast) -> None:
    statuses(1)
    assert tries.forget_ended() == 0
    TryCount.objects.filter(count=1).update(ends_at=timezone.now() - timedelta(seconds=1))
    assert tries.forget_ended() == 3


def test_the_table_names_nobody(cast: Cast) -> None:
    statuses(1)
    assert "owner" not in str(list(TryCount.objects.values()))
    assert "127.0.0.1" not in str(list(TryCount.objects.values()))


def test_when_too_many_wait_the_next_is_asked_to_come_back_and_not_counted(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    taken = BoundedSemaphore(1)
    taken.acquire()
    monkeypatch.setattr(hashing, "_places", taken)
    with django_assert_num_queries(0):
        answers = [post(Client(), PASSWORD) for _ in range(10)]
    assert {answer.status_code for answer in answers} == {429}
    assert int(answers[0]["Retry-After"]) > 0
    assert "Try again in a few seconds" in html(answers[0])
    assert f'value="{OWNER}"' in html(answers[0])
    taken.release()
    assert post(Client(), PASSWORD).status_code == 302


def test_whatever_hashes_a_password_is_bounded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = BoundedSemaphore(1)
    taken.acquire()
    monkeypatch.setattr(hashing, "_places", taken)
    for hashes in (lambda: cast.owner.user.set_password("new"), lambda: cast.owner.user.check_password("x")):
        with pytest.raises(Busy):
            hashes()


def test_a_password_of_any_length_is_refused_without_a_hash(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing.BoundedHasher, "encode", None)
    answer = post(Client(), "x" * (forms.MAX_PASSWORD_CHARS + 1))
    assert answer.status_code == 200
    assert not TryCount.objects.exists()


class TestOtherSecrets:
    def test_the_twenty_first_wrong_link_is_answered_429_and_a_right_one_still_works(self, cast: Cast) -> None:
        client = Client()
        answers = [client.get(f"/signin/wrong-{number}/") for number in range(21)]
        assert [answer.status_code for answer in answers] == [410] * 20 + [429]
        assert 0 < int(answers[-1]["Retry-After"]) <= 300
        assert client.get(f"/signin/{issue_signin_link(cast.owner.user)}/").status_code == 302

    def test_the_sixty_first_wrong_token_is_answered_429_and_a_right_one_still_works(self, cast: Cast) -> None:
        answers = [Client(headers={"Authorization": f"Bearer crw_{n}"}).get("/api/v1/runs") for n in range(61)]
        assert [answer.status_code for answer in answers] == [401] * 60 + [429]
        assert answers[-1].json()["error"]["code"] == "too_many_tries"
        assert 0 < int(answers[-1]["Retry-After"]) <= 60
        _, secret = issue_token(cast.owner)
        assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/runs").status_code == 200
