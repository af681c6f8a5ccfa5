"""What both clients share: how a request is made, and what an answer means. No request is sent in here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast
from uuid import uuid4

import httpx

from crewsite_client.address import API, checked_address, checked_token, leaves_machine
from crewsite_client.answers import File
from crewsite_client.asks import Ask
from crewsite_client.errors import OF_STATUS, Refused, ServerFault, Unreachable
from crewsite_client.retrying import Retries, retry_after_s

T = TypeVar("T")
AGENT = "crewsite-client/0.1"
CONNECT_S = 10.0
LEAST_HIDDEN = 8
"""Signs of a token below which it is no secret, and stands in half of all words."""
MOST_BYTES = 200_000_000
"""Of an answer, unpacked."""
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
            "headers": {"User-Agent": AGENT, "Accept": "application/json"},
            "timeout": httpx.Timeout(self.timeout_s, connect=min(CONNECT_S, self.timeout_s)),
            "trust_env": leaves_machine(self.url),
            "follow_redirects": False,
        }

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
        if not response.is_success:
            raise self.refusal(response)
        if ask.answer is File:
            return cast("T", _file(response))
        return cast("T", self.json_of(response.content))

    def json_of(self, text: str | bytes) -> Any:
        """Raises ``Unreachable`` for what is no JSON object."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self.no_crewsite()
        return found

    def no_crewsite(self) -> Unreachable:
        return Unreachable(f"{self.url} answered, but not as Crewsite does. Is the address right?")

    def next_page(self, found: dict[str, Any], cursor: str) -> str:
        """The cursor of the page after this one, "" after the last. ``Unreachable`` for one that leads back to it."""
        following = found.get("next")
        if following and following == cursor:
            raise self.no_crewsite()
        return str(following or "")

    def refusal(self, response: httpx.Response) -> Exception:
        """The error that an answer is; its body has been read."""
        if response.is_redirect:
            return Unreachable(f"{self.url} sends elsewhere ({response.status_code}). Is the address right?")
        try:
            error = json.loads(response.content)["error"]
            code, message = str(error["code"]), str(error["message"])
            fields = {str(name): self.auth.hidden(str(fault)) for name, fault in error.get("fields", {}).items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            code, fields = "error", {}
            message = f"{self.url} answered {response.status_code} {response.reason_phrase}".rstrip() + "."
        status = response.status_code
        kind = ServerFault if status >= 500 else OF_STATUS.get(status, Refused)
        return kind(status, code, self.auth.hidden(message), fields, retry_after=retry_after_s(response))

    def unreachable(self, fault: httpx.RequestError) -> Unreachable:
        if isinstance(fault, httpx.TimeoutException):
            return Unreachable(f"{self.url} did not answer in time.")
        reason = self.auth.hidden(str(fault)) or type(fault).__name__
        return Unreachable(f"{self.url} cannot be reached: {reason}")


class Body:
    """Takes the parts of an answer as they come, already unpacked, up to ``MOST_BYTES``."""

    def __init__(self, connection: Connection, response: httpx.Response) -> None:
        self._connection = connection
        self._response = response
        self._content = bytearray()

    def add(self, part: bytes) -> None:
        """Raises ``Unreachable`` beyond what any answer has."""
        self._content += part
        if len(self._content) > MOST_BYTES:
            raise self._connection.no_crewsite()

    def whole(self) -> httpx.Response:
        """The answer as if it had been read in one go."""
        packed = ("content-encoding", "content-length", "transfer-encoding")
        headers = [(name, value) for name, value in self._response.headers.multi_items() if name not in packed]
        request = self._response.request
        return httpx.Response(
            self._response.status_code, headers=headers, content=bytes(self._content), request=request
        )


def _headers(ask: Ask[Any]) -> dict[str, str]:
    headers = {}
    if ask.keyed:
        headers["Idempotency-Key"] = ask.key or str(uuid4())
    if ask.match is not None:
        headers["If-Match"] = f'"{ask.match}"'
    if ask.answer is File:
        headers["Accept"] = "*/*"
    return headers


def _is_repeatable(ask: Ask[Any]) -> bool:
    return ask.method == "GET" or ask.keyed


def _file(response: httpx.Response) -> File:
    named = re.search(r'filename="?([^";]+)"?', response.headers.get("Content-Disposition", ""))
    name = re.split(r"[/\\]", named.group(1))[-1] if named else ""
    name = "".join(sign for sign in name if sign.isprintable()).lstrip(".")
    return File(name or "crew", response.headers.get("Content-Type", "").partition(";")[0], response.content)


def event_headers(last_id: str) -> Mapping[str, str]:
    headers = {"Accept": "text/event-stream"}
    return headers | {"Last-Event-ID": last_id} if last_id else headers
