"""Which accounts elsewhere sign people in, as an operator names them in the environment."""

from __future__ import annotations

from typing import Any

from crewsite import env

GOOGLE = "https://accounts.google.com"


def from_environment() -> dict[str, Any]:
    """What allauth wants to know of them; {} if there are none. Raises ``BadEnvironment`` for half a setting."""
    issuers = [
        app
        for app in (
            _issuer("sso", _name("OIDC"), env.text("OIDC_ISSUER"), "OIDC", needs_issuer=True),
            _issuer("google", "Google", GOOGLE, "GOOGLE"),
        )
        if app is not None
    ]
    found: dict[str, Any] = {}
    if issuers:
        found["openid_connect"] = {"APPS": issuers, "OAUTH_PKCE_ENABLED": True}
    if github := _client("GITHUB"):
        app = {"name": "GitHub", "client_id": github[0], "secret": github[1]}
        found["github"] = {"APPS": [app], "SCOPE": ["user:email"]}
    return found


def _name(prefix: str) -> str:
    return env.text(f"{prefix}_NAME", "single sign-on")


def _issuer(
    provider_id: str, name: str, issuer: str, prefix: str, *, needs_issuer: bool = False
) -> dict[str, Any] | None:
    client = _client(prefix)
    if client is None and not (needs_issuer and issuer):
        return None
    if client is None or not issuer:
        raise env.BadEnvironment(
            f"Set {prefix}_ISSUER, {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET, or none of them."
        )
    if not issuer.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise env.BadEnvironment(f"{prefix}_ISSUER is {issuer!r}; give its address with https.")
    settings = {"server_url": issuer, "oauth_pkce_enabled": True}
    return {"provider_id": provider_id, "name": name, "client_id": client[0], "secret": client[1], "settings": settings}


def _client(prefix: str) -> tuple[str, str] | None:
    client_id, secret = env.text(f"{prefix}_CLIENT_ID"), env.text(f"{prefix}_CLIENT_SECRET")
    if bool(client_id) != bool(secret):
        raise env.BadEnvironment(f"Set {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET both, or neither.")
    return (client_id, secret) if client_id else None
