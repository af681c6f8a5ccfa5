"""Refuses secrets that somebody may guess, before anything is signed or sealed with them."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet

from crewsite.env import BadEnvironment

LEAST_CHARS = 32
LEAST_DIFFERENT_CHARS = 10
NEW_SECRET_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"  # noqa: S105 - how to make one
NEW_ENCRYPTION_KEY = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


def refuse_weak(secret_key: str, encryption_keys: Sequence[str]) -> None:
    """Raises ``BadEnvironment``, which says how to make a good one."""
    if len(secret_key) < LEAST_CHARS or len(set(secret_key)) < LEAST_DIFFERENT_CHARS:
        raise BadEnvironment(
            f"SECRET_KEY can be guessed: it signs sessions, and needs {LEAST_CHARS} random characters or more. "
            f"Make one: {NEW_SECRET_KEY}"
        )
    if not all(_is_fernet_key(key) for key in encryption_keys):
        raise BadEnvironment(
            f"ENCRYPTION_KEYS holds something that is no random Fernet key. Make one: {NEW_ENCRYPTION_KEY}"
        )


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return len(set(key)) >= LEAST_DIFFERENT_CHARS
