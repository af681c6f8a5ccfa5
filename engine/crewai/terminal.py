"""What the Python API shows at the terminal: foreign texts made harmless, and a person who is asked about answers."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterable

from engine.record.journal import Verdict
from engine.record.memory_journal import Reviewer

HIDDEN = "[secret]"
MIN_SECRET_CHARS = 8
"""Shorter values, such as ``none`` or ``test``, are no secrets, and hiding them would spoil ordinary words."""
_SECRET_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$")
_COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f\ud800-\udfff]"
)
"""What a terminal obeys or hides instead of showing it: control characters but tab and line feed, marks that turn the
direction of writing around, invisible tags, and halves of characters."""


def harmless(text: str) -> str:
    r"""The text with every character spelled out that a terminal would obey instead of showing, as ``\x1b``."""
    return _COMMANDS.sub(lambda found: _spelled_out(ord(found[0])), text)


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text with each of the secrets replaced. To be called before the text is cut."""
    for secret in secrets:
        if len(secret) >= MIN_SECRET_CHARS:
            text = text.replace(secret, HIDDEN)
    return text


def environment_secrets() -> list[str]:
    """Values of the environment's variables whose names say that they are secret, such as ``OPENAI_API_KEY``."""
    return [value for name, value in os.environ.items() if _SECRET_NAMES.search(name.upper())]


def at_terminal() -> Reviewer | None:
    """The reviewer at the terminal; None if there is no terminal."""
    return ask_at_terminal if sys.stdin is not None and sys.stdin.isatty() else None


async def ask_at_terminal(task: str, answer: str) -> Verdict:
    """Shows the answer and reads a line. An empty line approves it; any other is a comment that sends it back."""
    question = f"\n--- {task} ---\n{answer}\n\nPress Enter to approve, or type what should be different: "
    typed = await asyncio.to_thread(input, harmless(question))
    return Verdict(approved=not typed.strip(), comment=typed.strip())


def _spelled_out(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
