"""Requests to hosts that the crew's designer named: for APIs that have no tool of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx

from engine.bounded import Effort
from engine.errors import TooMuchWork
from engine.tools.tool import Effect, ToolFacts, ToolFailed
from engine.web.guarded_http import HEADERS, GuardedHttp
from engine.web.html_text import readable_text_aside

MAX_READ_CHARS = 40_000
"""Of a request that a person has to allow: so much is shown whole on a page."""


class HttpRequest:
    """``allowed_hosts``: exact names, or ``*.example.com`` for all names below one. Redirects may not leave them.

    If ``methods`` has more than GET, a call may change something: it is never repeated, its result never reused, and
    a person has to allow it, unless ``without_approval``. ``effort``: for reading all pages of the run.
    """

    def __init__(
        self,
        http: GuardedHttp,
        *,
        allowed_hosts: tuple[str, ...],
        methods: tuple[str, ...],
        without_approval: bool = False,
        effort: Effort | None = None,
    ) -> None:
        self._http = http
        self._effort = effort or Effort()
        self._hosts = tuple(host.lower() for host in allowed_hosts)
        facts = request_facts(allowed_hosts, methods)
        self.facts = facts if without_approval else replace(facts, request=self._request)

    async def run(self, arguments: dict[str, Any]) -> str:
        method, content = _method_and_content(arguments)
        page = await self._http.request(
            method, arguments["url"], check=self._check_host, explain_errors=True, **content
        )
        if "html" not in page.media_type:
            return page.text
        try:
            return await readable_text_aside(page.text, self._effort)
        except TooMuchWork as error:  # said, so that a call that changed something is not made again
            raise ToolFailed(f"The request was made and answered. {error}") from error

    def _request(self, arguments: dict[str, Any]) -> str:
        """The request to the letter as it would be sent; "" for one that only reads. It never holds a secret."""
        method, content = _method_and_content(arguments)
        if method == "GET":
            return ""
        try:
            request = httpx.Request(method, arguments["url"], headers=HEADERS, **content)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ToolFailed(f"This is not a usable address: {error}.") from error
        self._http.reach.check_url(request.url)
        self._check_host(request.url)
        headers = "\n".join(f"{name.title()}: {value}" for name, value in request.headers.items())
        text = f"{method} {request.url}\n{headers}\n\n{request.content.decode()}".rstrip()
        if len(text) > MAX_READ_CHARS:
            raise ToolFailed(
                f"A person has to read this request, so it may have at most {MAX_READ_CHARS:,} characters."
            )
        return text

    def _check_host(self, url: httpx.URL) -> None:
        host = url.raw_host.decode("ascii").lower().rstrip(".")
        if not any(host == allowed or _is_below(host, allowed) for allowed in self._hosts):
            raise ToolFailed(f"{host} is not one of the hosts that may be asked: {', '.join(self._hosts)}.")


def _method_and_content(arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    method = arguments.get("method", "GET")
    try:
        content = {"content": arguments["body"].encode()} if "body" in arguments else {}
        if "json" in arguments:
            if content:
                raise ToolFailed("Give json or body, not both.")
            json.dumps(arguments["json"], ensure_ascii=False).encode()  # as httpx will
            content = {"json": arguments["json"]}
    except UnicodeError as error:
        raise ToolFailed(f"What is to be sent is no text: {error}.") from error
    if content and method == "GET":
        raise ToolFailed("A GET request has no json and no body.")
    return method, content


def meant_request(text: str) -> tuple[str, list[str], str]:
    """What a crew meant by a request that ``_request`` wrote down: method and address, kind of content, and body.

    All other headers are ours and our HTTP client's, and may be others after an update.
    """
    head, _, body = text.partition("\n\n")
    first, *headers = head.split("\n")
    return first, [line for line in headers if line.startswith("Content-Type: ")], body


def request_facts(allowed_hosts: tuple[str, ...], methods: tuple[str, ...]) -> ToolFacts:
    """What the model is told: only what these settings allow."""
    reads_only = set(methods) <= {"GET"}
    fields: dict[str, Any] = {
        "method": {"type": "string", "enum": list(methods)},
        "url": {"type": "string", "description": "the full address"},
    }
    if not reads_only:
        fields["json"] = {"type": "object", "description": "what to send, as JSON"}
        fields["body"] = {"type": "string", "description": "what to send, as text, where it is not JSON"}
    return ToolFacts(
        name="http_request",
        description=f"Make an HTTP request ({', '.join(methods)}) to {', '.join(allowed_hosts)}.",
        parameters={
            "type": "object",
            "properties": fields,
            "required": ["url"] if "GET" in methods else ["method", "url"],
            "additionalProperties": False,
        },
        effect=Effect.PURE if reads_only else Effect.UNSAFE,
        cacheable=reads_only,
    )


def _is_below(host: str, allowed: str) -> bool:
    return allowed.startswith("*.") and host.endswith(allowed[1:])
