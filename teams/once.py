"""What is sent twice is done once: the second gets the answer of the first. Programs name it by an ``Idempotency-Key``,
forms by the hidden field of the tag ``form_key``.

The work and its answer commit together, so there is never one without the other. While the work is done, its
transaction holds a lock of PostgreSQL on the key. The lock ends with the transaction, and that with its process: at
once if the process dies, within ``idle_in_transaction_session_timeout`` if it freezes or is cut off. Then nothing was
done, and the next request does it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

from django.contrib import messages
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.http.response import HttpResponseRedirectBase
from django.shortcuts import redirect
from django.urls import reverse

from teams.access import TeamRequest
from teams.models import IdempotentAnswer, Team
from teams.refusals import Conflict

FIELD = "form_key"
KEY_OF_FORM = "form "
"""Begins the keys of forms. The rest is a digest of what was sent, which no other request can have."""
Prepared = TypeVar("Prepared")
Made = TypeVar("Made")
ResponseT = TypeVar("ResponseT", bound=HttpResponseBase)
View = Callable[..., Any]


def done_once(
    team: Team,
    key: str,
    request_hash: str,
    prepare: Callable[[], Prepared],
    make: Callable[[Prepared], dict[str, Any]],
) -> dict[str, Any]:
    """The answer of ``make``, or the one that was given under this key before. ``Conflict`` under the key of another
    request, and while the first is still being answered. ``prepare`` does what takes long and writes nothing."""
    if earlier := _earlier(team, key):
        return _again(earlier, request_hash)
    prepared = prepare()
    with transaction.atomic():
        _lock(team, key, wait=False)
        if earlier := _earlier(team, key):
            return _again(earlier, request_hash)
        answer = make(prepared)
        IdempotentAnswer.objects.create(team=team, key=key, request_hash=request_hash, answer=answer)
    return answer


SHOWN_ONCE = (
    "The form was sent twice, and one {what} was made. Its secret was shown then: if you have not seen it, remove that "
    "{what} and make another."
)


def made_once(request: TeamRequest, make: Callable[[], Made]) -> Made | None:
    """For a view that goes on with what its form makes, as by a mail, for which no transaction may wait: what ``make``
    gives; None if the same form was sent before. What refuses is raised, and then nothing is remembered."""
    if not request.POST.get(FIELD):
        return make()
    digest = _digest(request)
    with transaction.atomic():
        if _before(request.who.team, digest) is not None:
            return None
        made = make()
        _remember(request.who.team, digest, request.path)
    return made


def form_once(*, shows_once: str = "", page: str = "") -> Callable[[View], View]:
    """Declares a view whose form makes something, below ``member``: the same form sent again leads where the first one
    led. What a form is recognised by is its key and all that it sends, so that one which is changed after a look back
    makes another thing; a form that was refused is not remembered.

    A view that leads somewhere without having made it says so by ``not_done``. ``shows_once``: what a view makes that
    answers with its secret, which is kept nowhere; the form sent again leads to the ``page`` and is told so. To htmx,
    which is answered with a part, the part is given anew.
    """

    def declare(view: View) -> View:
        @wraps(view)
        def once(request: TeamRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method != "POST" or not request.POST.get(FIELD):
                return view(request, *args, **kwargs)  # type: ignore[no-any-return]
            team, digest = request.who.team, _digest(request)
            with transaction.atomic():
                if earlier := _before(team, digest):
                    if shows_once:
                        messages.warning(request, SHOWN_ONCE.format(what=shows_once))
                    return redirect(earlier.answer["address"])
                response: HttpResponseBase = view(request, *args, **kwargs)
                if (address := _leads_to(request, response, page)) is not None:
                    _remember(team, digest, address)
            return response

        once.sent_once = True  # type: ignore[attr-defined]
        return once

    return declare


def not_done(response: ResponseT) -> ResponseT:
    """Marks an answer of a view that has made nothing, a redirect or a preview: the same form may be sent again."""
    response.is_refusal = True  # type: ignore[attr-defined]
    return response


def _before(team: Team, digest: str) -> IdempotentAnswer | None:
    """The answer to this form, after the first one's transaction has ended."""
    key = KEY_OF_FORM + digest
    _lock(team, key, wait=True)
    return _earlier(team, key)


def _remember(team: Team, digest: str, address: str) -> None:
    key = KEY_OF_FORM + digest
    IdempotentAnswer.objects.create(team=team, key=key, request_hash=digest, answer={"address": address})


def _leads_to(request: TeamRequest, response: HttpResponseBase, page: str) -> str | None:
    """Where a form that is sent again leads; None if the first was refused."""
    if getattr(response, "is_refusal", False):
        return None
    if isinstance(response, HttpResponseRedirectBase):
        return str(response["Location"])
    if response.status_code != 200:
        return None
    if page:
        return reverse(page, kwargs={"team": request.who.team.slug})
    return request.path if request.htmx else None


def _digest(request: TeamRequest) -> str:
    """Of everything that the person sends: two forms of one digest are one form."""
    found = hashlib.sha256()
    for part in _parts(request):
        found.update(hashlib.sha256(part).digest())
    return found.hexdigest()


def _parts(request: TeamRequest) -> Iterator[bytes]:
    yield f"{request.user.pk} {request.get_full_path()}".encode()
    for name in sorted(request.POST):
        if name != "csrfmiddlewaretoken":
            for value in (name, *request.POST.getlist(name), ""):
                yield value.encode("utf-8", "surrogatepass")
    for name in sorted(request.FILES):
        for file in request.FILES.getlist(name):
            yield f"{name} {file.name}".encode("utf-8", "surrogatepass")
            yield from file.chunks()
            file.seek(0)


def _earlier(team: Team, key: str) -> IdempotentAnswer | None:
    return IdempotentAnswer.objects.filter(team=team, key=key).first()


def _again(earlier: IdempotentAnswer, request_hash: str) -> dict[str, Any]:
    if earlier.request_hash != request_hash:
        raise Conflict(f"The idempotency key {earlier.key!r} was used for another request. Use a new key.")
    answer: dict[str, Any] = earlier.answer
    return answer


def _lock(team: Team, key: str, *, wait: bool) -> None:
    """Until the transaction ends. ``Conflict`` if another one has the lock, unless it is to be waited for."""
    number = int.from_bytes(hashlib.sha256(f"{team.pk}\n{key}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
            return
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        (locked,) = cursor.fetchone()
    if not locked:
        raise Conflict("The first request with this idempotency key is still being answered. Ask again in a moment.")
