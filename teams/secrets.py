"""How secrets are kept: provider keys encrypted with the installation's keys, tokens and links as hashes of
themselves.
"""

from __future__ import annotations

import hashlib
import secrets

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def seal(text: str) -> bytes:
    """Encrypts with the newest key of ``ENCRYPTION_KEYS``."""
    return _fernet().encrypt(text.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """Decrypts with whichever key it was sealed with; ``InvalidToken`` if none of them fits."""
    return _fernet().decrypt(bytes(sealed)).decode()


def new_secret(prefix: str = "") -> str:
    """An unguessable text (256 bits) to be shown once."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret. It needs no salt and no slow hash, because it holds 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
