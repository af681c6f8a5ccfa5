"""Profiles: which server, with which token. They lie in one file that only its owner can read."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

import click

FILE = "CREWSITE_CONFIG"
URL, TOKEN, PROFILE = "CREWSITE_URL", "CREWSITE_TOKEN", "CREWSITE_PROFILE"
USUAL = "default"


class NoSettings(click.ClickException):
    exit_code = 2


@dataclass(frozen=True, slots=True)
class Profile:
    url: str
    token: str
    over_http: bool = False

    def __repr__(self) -> str:
        return f"Profile({self.url!r})"


def path() -> Path:
    named = os.environ.get(FILE)
    return Path(named) if named else Path(click.get_app_dir("crewsite")) / "profiles.json"


def profiles() -> dict[str, Profile]:
    """By name. Raises ``NoSettings`` if the file is none of ours, without a word of what it holds."""
    try:
        text = path().read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise NoSettings(f"{path()} cannot be read.") from None
    try:
        return {
            str(name): Profile(str(one["url"]), str(one["token"]), one.get("over_http") is True)
            for name, one in json.loads(text)["profiles"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoSettings(f"{path()} is not as 'crewsite login' writes it. Remove it and sign in again.") from None


def keep(name: str, profile: Profile) -> None:
    """Writes it beside the others, in a file of mode 0600 from its first byte on."""
    _write(profiles() | {name: profile})


def forget(name: str) -> bool:
    """Whether there was one."""
    kept = profiles()
    if kept.pop(name, None) is None:
        return False
    _write(kept)
    return True


def readable_by_others() -> bool:
    try:
        return os.name == "posix" and bool(path().stat().st_mode & 0o077)
    except OSError:
        return False


def chosen(url: str | None, profile: str | None, *, over_http: bool) -> Profile:
    """What was given on the command line, else in the environment, else in the profile.

    A profile's token goes to the profile's own address alone: an address from elsewhere needs a token from elsewhere.
    """
    url = url or os.environ.get(URL) or None
    token = os.environ.get(TOKEN) or None
    name = profile or os.environ.get(PROFILE) or None
    kept = profiles() if token is None or url is None else {}
    if name is not None and name not in kept and (url is None or token is None):
        raise NoSettings(f"There is no profile {name!r} in {path()}. 'crewsite login --profile {name}' makes it.")
    one = kept.get(name or USUAL)
    if url is None:
        if one is None:
            raise NoSettings(f"Say which server: 'crewsite login', or {URL} and {TOKEN}.")
        return Profile(one.url, token or one.token, over_http or one.over_http)
    if token is None:
        if one is None or one.url != url.strip().rstrip("/"):
            raise NoSettings(f"There is no token for {url}. Set {TOKEN}, or use 'crewsite login --url {url}'.")
        return Profile(one.url, one.token, over_http or one.over_http)
    return Profile(url, token, over_http)


def _write(kept: dict[str, Profile]) -> None:
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    text = json.dumps({"profiles": {name: asdict(one) for name, one in sorted(kept.items())}}, indent=2)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
