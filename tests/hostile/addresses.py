"""Every address of the application, read from the URL conf, so that a new view is asked too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Address:
    """``pattern`` is as in the URL conf; ``names`` are its parameters; ``policy`` is what ``teams.access`` declared."""

    view: str
    pattern: str
    policy: str = ""

    @property
    def names(self) -> set[str]:
        return set(re.findall(r"<(?:\w+:)?(\w+)>", self.pattern))

    def path(self, values: dict[str, Any]) -> str:
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: quote(str(values[match[1]]), safe=""), self.pattern)


@cache
def addresses() -> tuple[Address, ...]:
    return tuple(_addresses(get_resolver(), "", ""))


def _addresses(resolver: URLResolver, before: str, namespace: str) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        pattern = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _addresses(entry, pattern, f"{entry.namespace}:" if entry.namespace else namespace)
        elif isinstance(entry, URLPattern):
            yield Address(f"{namespace}{entry.name}", pattern, getattr(entry.callback, "policy", ""))
