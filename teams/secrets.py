"""How secrets are kept: those that are needed again encrypted with the installation's keys, all others as hashes."""

from __future__ import annotations

import hashlib
import secrets

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def seal(text: str) -> bytes:
    """Encrypts with the newest key of ``ENCRYPTION_KEYS``."""
    return _fernet().encrypt(text.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """Decrypts with whichever key sealed it. Raises ``InvalidToken`` if none of them fits."""
    return _fernet().decrypt(bytes(sealed)).decode()


def new_secret(prefix: str = "") -> str:
    """A text that nobody can guess (256 random bits), to be shown once."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret of ``new_secret``. With its 256 random bits it needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
