"""Base URLs as people copy them from documentation, in the form in which the client needs them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from engine.providers.servers.known import AZURE_API_VERSION

ENDPOINTS = re.compile(r"/(?:chat/completions|completions|messages|models|responses|embeddings)$")
OLLAMA = re.compile(r"/(?:v1|api(?:/(?:chat|generate|tags|show))?)$")
AZURE = re.compile(r"/openai(?:/deployments(?:/.*)?)?$")
BEDROCK_REGION = re.compile(r"bedrock(?:-runtime)?\.([\w-]+)\.amazonaws\.com$")
V1_ALONE = frozenset({"hosted_vllm", "lm_studio", "llamafile"})
"""Servers that answer below /v1 and nowhere else."""


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """``url`` ends without a slash. ``api_version``: that of Azure; ``region``: that of Bedrock; "" elsewhere."""

    url: str
    api_version: str = ""
    region: str = ""


def base_url_of(provider: str, typed: str, api_version: str = "") -> BaseUrl:
    """``typed`` without what the client adds by itself: ``http://127.0.0.1:11434/v1`` is Ollama's 127.0.0.1:11434.

    An address that cannot be read is given back as it is.
    """
    text = typed.strip()
    try:
        return _base_url_of(provider, httpx.URL(text), api_version)
    except (httpx.InvalidURL, UnicodeError):  # the second for a host that is no Punycode
        return BaseUrl(text, api_version)


def _base_url_of(provider: str, url: httpx.URL, api_version: str) -> BaseUrl:
    """The path stays as it is written: read, ``%2F`` would be another path, and ``%00`` none at all."""
    version = api_version or url.params.get("api-version", "")
    path = ENDPOINTS.sub("", url.raw_path.partition(b"?")[0].decode("ascii").rstrip("/"))
    if provider == "ollama":
        path = OLLAMA.sub("", path)
    elif provider == "anthropic":
        path = path.removesuffix("/v1")
    elif provider == "azure":
        path = AZURE.sub("", path)
    elif provider in V1_ALONE:
        path = path or "/v1"
    region = BEDROCK_REGION.search(url.host)
    return BaseUrl(
        str(url.copy_with(path=path or "/", query=None, fragment=None)).rstrip("/"),
        (version or AZURE_API_VERSION) if provider == "azure" else "",
        region[1] if region else "",
    )
