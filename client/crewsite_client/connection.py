"""What both clients share: how a request is made, and what an answer means. No request is sent in here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import NoneType
from typing import Any, BinaryIO, TypeVar, cast
from uuid import uuid4

import httpx

from crewsite_client.address import API, checked_address, checked_token, leaves_machine
from crewsite_client.answers import File
from crewsite_client.asks import Ask
from crewsite_client.errors import OF_STATUS, Refused, ServerFault, TooLarge, Unreachable, Unsendable
from crewsite_client.patience import Patience
from crewsite_client.retrying import Retries, retry_after_s
from crewsite_client.shapes import MisshapenError, check

T = TypeVar("T")
AGENT = "crewsite-client/0.1"
CONNECT_S = 10.0
LEAST_HIDDEN = 8
"""Signs of a token below which it is no secret, and stands in half of all words."""
MOST_BYTES = 200_000_000
"""Of a file in memory, unpacked."""
MOST_JSON_BYTES = 50_000_000
"""Of any other answer: what is read of JSON takes many times its bytes."""
MOST_SAVED = 5_000_000_000
"""Of a file that is written away as it comes."""
PACKED = "gzip"
MOST_TOLD = 10_000
"""Characters of a text of an error."""
MOST_NAME = 255
LESS = 8
"""So many times smaller is a page after one that was too large."""
MOST_EMPTY_PAGES = 20
"""One after the other."""
EVENTS_SILENT_S = 60.0
"""A stream of events says every 15 s that it is still there."""


class TokenAuth(httpx.Auth):
    """Puts the token into requests, and into nothing that is shown or logged."""

    def __init__(self, token: str) -> None:
        self._token = checked_token(token)

    def __repr__(self) -> str:
        return "TokenAuth(…)"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("A token is not written down with what uses it.")

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def hidden(self, text: str) -> str:
        """The text without the token, should somebody have put it there."""
        return text.replace(self._token, "…") if len(self._token) >= LEAST_HIDDEN else text


class Connection:
    """Where requests go, and how long they may take."""

    def __init__(
        self, url: str, token: str, *, timeout_s: float = 30.0, retries: Retries | None = None, over_http: bool = False
    ) -> None:
        self.url = checked_address(url, over_http=over_http)
        self.auth = TokenAuth(token)
        self.retries = retries or Retries()
        self.timeout_s = timeout_s

    def http_options(self) -> dict[str, Any]:
        """For httpx's clients. Requests to this machine go through no proxy, whatever the environment says: it would
        get the token in the clear."""
        return {
            "base_url": self.url + API,
            "auth": self.auth,
            "headers": {"User-Agent": AGENT, "Accept": "application/json", "Accept-Encoding": PACKED},
            "timeout": httpx.Timeout(self.timeout_s, connect=min(CONNECT_S, self.timeout_s)),
            "trust_env": leaves_machine(self.url),
            "follow_redirects": False,
            "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none is kept
        }

    def patience(self, request: httpx.Request) -> Patience:
        return Patience(self.timeout_s, int(request.headers.get("Content-Length") or 0))

    def request_options(self, ask: Ask[Any]) -> dict[str, Any]:
        """For ``build_request``; the same request is sent at each try, to the byte."""
        options: dict[str, Any] = {"params": ask.parameters, "headers": _headers(ask)}
        if ask.files:
            options["files"] = [("files", (path.rpartition("/")[2], content)) for path, content in ask.files]
            paths = [path for path, _ in ask.files]
            options["data"] = {**(ask.body or {}), "paths": paths}
        elif ask.json_text is not None:
            options["content"] = ask.json_text
            options["headers"]["Content-Type"] = "application/json"
        return options

    def wait_after_fault(self, ask: Ask[Any], fault: httpx.RequestError, tried: int) -> float:
        """Seconds until the next try. Raises ``Unreachable`` where there is none."""
        wait = self.retries.after_fault(fault, tried, repeatable=_is_repeatable(ask))
        if wait is None:
            raise self.unreachable(fault) from fault
        return wait

    def wait_after_answer(self, ask: Ask[Any], response: httpx.Response, tried: int) -> float | None:
        """Seconds until the next try; None: the answer stands."""
        return self.retries.after_answer(response, tried, repeatable=_is_repeatable(ask), keyed=ask.keyed)

    def answer(self, ask: Ask[T], response: httpx.Response) -> T:
        """What the answer says. Raises ``Refused`` for an error, and ``Unreachable`` for what no Crewsite says."""
        self.check_good(response)
        if ask.answer is NoneType:
            return cast("T", None)
        if ask.answer is File:
            return cast("T", File(*self.named(response), response.content))
        return self.shaped(ask.answer, response.content)

    def shaped(self, kind: type[T], text: str | bytes) -> T:
        """The JSON object of this kind that the text is. Raises ``Unreachable`` for what is none."""
        try:
            found = json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise self.no_crewsite("no JSON") from None
        try:
            check(kind, found)
        except MisshapenError as fault:
            raise self.no_crewsite(f"of its {kind.__name__} {fault}") from None
        return cast("T", found)

    def check_good(self, response: httpx.Response) -> None:
        """Raises the error that an answer is."""
        if not response.is_success:
            raise self.refusal(response)

    def named(self, response: httpx.Response) -> tuple[str, str]:
        """The name and the media type of a file. Raises ``Unreachable`` for a page, as something in between gives it:
        no file of a Crewsite is one."""
        media_type = _media_type(response)
        if media_type == "text/html":
            raise self.no_crewsite("a page in place of a file")
        named = re.search(r'filename="?([^";]+)"?', response.headers.get("Content-Disposition", ""))
        name = re.split(r"[/\\]", named.group(1))[-1] if named else ""
        name = re.sub(r"[^A-Za-z0-9._-]+", "", name).lstrip(".-")[-MOST_NAME:]
        return name or "file", media_type

    def check_events(self, response: httpx.Response) -> None:
        """Raises ``Unreachable`` for what is no stream of events."""
        if _media_type(response) != "text/event-stream":
            raise self.no_crewsite("no stream of events")
        self.check_packing(response)

    def check_packing(self, response: httpx.Response) -> None:
        """Raises ``Unreachable`` for what is packed otherwise than was asked: little would become much."""
        if response.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity", PACKED):
            raise self.no_crewsite("packed as was not asked for")

    def no_crewsite(self, what: str) -> Unreachable:
        return Unreachable(f"{self.url} answered, but not as Crewsite does ({what}). Is the address right?")

    def refusal(self, response: httpx.Response) -> Exception:
        """The error that an answer is; its body has been read."""
        if response.is_redirect:
            return Unreachable(f"{self.url} sends elsewhere ({response.status_code}). Is the address right?")
        try:
            error = json.loads(response.content)["error"]
            code, message = self._told(error["code"]), self._told(error["message"])
            fields = {self._told(name): self._told(fault) for name, fault in error.get("fields", {}).items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            code, fields = "error", {}
            message = self._told(f"{self.url} answered {response.status_code} {response.reason_phrase}".rstrip() + ".")
        status = response.status_code
        kind = ServerFault if status >= 500 else OF_STATUS.get(status, Refused)
        return kind(status, code, message, fields, retry_after=retry_after_s(response))

    def _told(self, text: Any) -> str:
        """What an error says: without the token, and not without end."""
        return self.auth.hidden(str(text)[:MOST_TOLD])

    def unreachable(self, fault: httpx.RequestError) -> Unreachable:
        if isinstance(fault, httpx.TimeoutException):
            return Unreachable(f"{self.url} did not answer in time.")
        reason = self.auth.hidden(str(fault)) or type(fault).__name__
        return Unreachable(f"{self.url} cannot be reached: {reason}")


class Paging:
    """Where a list is that is read page by page. Raises ``Unreachable`` for one that cannot come to an end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._empty = 0
        self._limit: int | None = None
        self.cursor = ""

    def ask(self, page: Callable[[str], Ask[Any]]) -> Ask[Any]:
        ask = page(self.cursor)
        return ask if self._limit is None else replace(ask, query={**ask.query, "limit": self._limit})

    def take_less(self, ask: Ask[Any], fault: TooLarge) -> None:
        """Smaller pages from now on: models write at length. Raises the fault of one that cannot be smaller."""
        limit = int(ask.query["limit"])
        if limit <= 1:
            raise fault
        self._limit = max(1, limit // LESS)

    def goes_on(self, found: list[Any], following: str | None) -> bool:
        """Whether there is a page after this one."""
        self._empty = 0 if found else self._empty + 1
        if following and (following == self.cursor or self._empty > MOST_EMPTY_PAGES):
            raise self._connection.no_crewsite("pages without an end")
        self.cursor = following or ""
        return bool(following)


class Body:
    """Takes the parts of an answer as they come, already unpacked, into memory or ``into`` a file."""

    def __init__(
        self,
        connection: Connection,
        response: httpx.Response,
        patience: Patience,
        *,
        is_file: bool = False,
        into: BinaryIO | None = None,
    ) -> None:
        """An error never goes into ``into``. Raises ``Unreachable`` for what is not to be unpacked."""
        connection.check_packing(response)
        self._connection = connection
        self._response = response
        if not response.is_success:
            is_file, into = False, None
        if into is not None:
            into.seek(0)
            into.truncate()
        self._most = MOST_SAVED if into else MOST_BYTES if is_file else MOST_JSON_BYTES
        self._content = bytearray()
        self._into = into
        self._patience = patience
        self.size = 0

    def add(self, part: bytes) -> None:
        """Raises ``Unreachable`` beyond what any answer has."""
        self.size += len(part)
        if self.size > self._most:
            raise TooLarge(f"{self._connection.url} answers more than {self._most // 1_000_000:,} MB.")
        self._patience.got(len(part))
        if self._into is None:
            self._content += part
        else:
            self._into.write(part)

    def whole(self) -> httpx.Response:
        """The answer as if it had been read in one go."""
        packed = (b"content-encoding", b"content-length", b"transfer-encoding")
        headers = [(name, value) for name, value in self._response.headers.raw if name.lower() not in packed]
        request = self._response.request
        return httpx.Response(
            self._response.status_code, headers=headers, content=bytes(self._content), request=request
        )


def _headers(ask: Ask[Any]) -> dict[str, str]:
    headers = {}
    if ask.keyed:
        headers["Idempotency-Key"] = _checked(ask.key, "An idempotency key") if ask.key else str(uuid4())
    if ask.match is not None:
        headers["If-Match"] = f'"{_checked(str(ask.match), "A revision")}"'
    if ask.answer is File:
        headers["Accept"] = ask.accept
    return headers


def _is_repeatable(ask: Ask[Any]) -> bool:
    return ask.method == "GET" or ask.keyed


def is_header(text: str) -> bool:
    """Whether a text that is to mark something can stand in a header."""
    return len(text) <= MOST_NAME and text == text.strip() and all(" " <= sign <= "~" for sign in text)


def _checked(text: str, what: str) -> str:
    """Raises ``Unsendable``: what cannot stand in a header would be taken for a fault of the connection."""
    if not is_header(text):
        raise Unsendable(f"{what} has at most {MOST_NAME} letters, digits and signs of ASCII alone.")
    return text


def _media_type(response: httpx.Response) -> str:
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _no_number(text: str) -> float:
    raise ValueError(text)


def event_headers(last_id: str) -> Mapping[str, str]:
    headers = {"Accept": "text/event-stream"}
    return headers | {"Last-Event-ID": _checked(last_id, "An event's id")} if last_id else headers
