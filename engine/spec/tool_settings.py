"""What is wrong with a tool's settings: one function for each tool that has any. The tools are not loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from engine.spec.crew_spec import ToolSpec

TTL_SETTING = "cache_ttl_s"
"""A setting of every tool: for how many seconds its results are reused across runs."""
MAX_TTL_S = 31_536_000
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNASKED_SETTING = "without_approval"
"""Of ``http_request``: whether it sends what may change something without asking a person."""
MAX_NAMED = 100
MAX_RESULTS = 100
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\*(?:\.{_LABEL}){{2,}}|\[[0-9a-f:.]+\])", re.IGNORECASE)

Config = dict[str, Any]


def fault_of(tool: ToolSpec) -> str:
    """What to change in the tool's settings before it can be used, or ""."""
    ttl_s = tool.config.get(TTL_SETTING, 1)
    if isinstance(ttl_s, bool) or not isinstance(ttl_s, (int, float)) or not 0 < ttl_s <= MAX_TTL_S:
        return f"{TTL_SETTING} is a number of seconds, at most {MAX_TTL_S:,}."
    config = {name: value for name, value in tool.config.items() if name != TTL_SETTING}
    faults = FAULTS.get(tool.name)
    return next(faults(config), "") if faults else ""


def _web_search(config: Config) -> Iterator[str]:
    n_results = config.get("n_results", 1)
    if isinstance(n_results, bool) or not isinstance(n_results, int) or not 1 <= n_results <= MAX_RESULTS:
        yield f"n_results is a whole number from 1 to {MAX_RESULTS}."


def _scrape_website(config: Config) -> Iterator[str]:
    url = config.get("website_url", "")
    if not isinstance(url, str):
        yield "website_url must be an address."
    elif url and not _is_web_address(url):
        yield f"website_url is {url[:200]!r}, which is not a full http:// or https:// address."


def _http_request(config: Config) -> Iterator[str]:
    yield from _unknown_settings(config, ("allowed_hosts", "methods", UNASKED_SETTING))
    hosts = config.get("allowed_hosts")
    if not _are_texts(hosts) or not hosts:
        yield "Name the hosts that may be asked: allowed_hosts, such as api.example.com or *.example.com."
    for host in hosts or ():
        if not _HOST.fullmatch(host):
            yield (
                f"{host[:200]!r} is not a host name. Give it without https:// and path, names in other alphabets in "
                "their xn-- form; a star stands only before a name of two parts or more, as in *.example.com."
            )
    methods = config.get("methods", ["GET"])
    if not _are_texts(methods) or not methods or not set(methods) <= set(METHODS):
        yield f"methods is a list of some of {', '.join(METHODS)}."
    if not isinstance(config.get(UNASKED_SETTING, False), bool):
        yield f"{UNASKED_SETTING} is true or false."


def _mcp(config: Config) -> Iterator[str]:
    known = ("url", "command", "tools", "credential")
    if {"headers", "token", "api_key", "env"} & config.keys():
        yield "Secrets are not settings: store the token as a credential of the team, and give its name as credential."
    yield from _unknown_settings(config, known)
    if ("url" in config) == ("command" in config):
        yield "Give the server's url, or the command that starts it, and not both."
    if "url" in config and not (isinstance(config["url"], str) and _is_web_address(config["url"])):
        yield "url is not a full http:// or https:// address."
    if "command" in config and (not _are_texts(config["command"]) or not config["command"]):
        yield "command is a list: the program, then its arguments."
    if "tools" in config and (not _are_texts(config["tools"]) or not config["tools"]):
        yield f"tools is a list of 1 to {MAX_NAMED} names. Leave it out for all tools of the server."
    if "credential" in config and not (isinstance(config["credential"], str) and "url" in config):
        yield "credential is the name under which the token for the server's url is stored."


def _unknown_settings(config: Config, known: tuple[str, ...]) -> Iterator[str]:
    for name in config:
        if name not in known:
            yield f"There is no setting {name[:80]!r}. Known are: {', '.join(known)}."


def _are_texts(values: object) -> bool:
    is_list = isinstance(values, (list, tuple)) and len(values) <= MAX_NAMED
    return is_list and all(isinstance(value, str) and value for value in values)  # type: ignore[attr-defined]


def _is_web_address(text: str) -> bool:
    """Whether whoever reads it takes it for one: what httpx cannot read would fail when the tool is used."""
    try:
        parts, url = urlsplit(text), httpx.URL(text)
        return url.scheme in ("http", "https") and bool(parts.hostname and url.host) and "@" not in parts.netloc
    except (ValueError, httpx.InvalidURL):
        return False


FAULTS: dict[str, Callable[[Config], Iterator[str]]] = {
    "web_search": _web_search,
    "scrape_website": _scrape_website,
    "http_request": _http_request,
    "mcp": _mcp,
}
