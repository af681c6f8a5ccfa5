"""Where requests may go that a team's people, crews and servers choose the addresses of."""

from __future__ import annotations

from django.conf import settings

from engine.web.addresses import Reach


def reach() -> Reach:
    """For tools, MCP servers, searches and webhooks: the public internet, and hosts that an operator names."""
    return Reach.allowing(settings.ALLOWED_PRIVATE_HOSTS)


def provider_reach() -> Reach:
    """For model providers: under ``make up`` this machine and its networks too, where Ollama and the like run."""
    return Reach.allowing(settings.ALLOWED_PRIVATE_HOSTS, local=settings.ALLOW_LOCAL_PROVIDERS)
