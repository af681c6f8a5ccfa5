"""How texts of others are written in drawings."""

from __future__ import annotations

from html import escape

from runs.run.drawing.text import truncated


def shown(text: str, most: int) -> str:
    """Cut and escaped."""
    return escape(truncated(text, most))
