"""A refusal in a sentence: what happened, what to do about it, and the provider's own words."""

from __future__ import annotations

from http import HTTPStatus

from engine.errors import Room
from engine.providers.refusals.kinds import Kind
from engine.providers.refusals.meaning import Refusal

SENTENCES = {
    Kind.KEY: "The provider does not take this key. Put a working one in its place.",
    Kind.PERMISSION: "The provider takes the key, and does not let it do this. Allow it there, or use another model.",
    Kind.QUOTA: "Nothing is left to spend at the provider. Add credit or raise the limit there, or use another model.",
    Kind.BUSY: "The provider is asked more often than it allows. Run fewer at once, or raise the limit there.",
    Kind.MODEL: "The provider does not know this model, or no longer offers it. Check the id, or choose another model.",
    Kind.ADDRESS: "The server has no such address. Check the base URL.",
    Kind.CONTENT: "The provider's rules on contents forbid this. Change the texts, or use another model.",
    Kind.SETTING: "The model does not take one of the settings that were sent. Change it at the agent.",
    Kind.DOWN: "The provider has trouble of its own. Look at its status page, and run again later.",
    Kind.REQUEST: "The provider does not take the request.",
}


SHORTEN = "Shorten the texts, allow a shorter answer, or use a model with a larger window."


def sentence(refusal: Refusal) -> str:
    """For people, of bounded length, without the model's name.

    Where tokens are the matter it says no more than what happened: perhaps less is asked for next.
    """
    what = _of_room(refusal) if refusal.kind is Kind.ROOM else SENTENCES[refusal.kind]
    if refusal.pause_s is not None and refusal.kind is Kind.BUSY:
        what += f" It asks to wait {in_words(refusal.pause_s)}."
    return (
        f"{what} It says ({refusal.status}): {refusal.words}" if refusal.words else f"{what} (Status {refusal.status}.)"
    )


def _of_room(refusal: Refusal) -> str:
    room = refusal.room or Room()
    if refusal.status == HTTPStatus.PAYMENT_REQUIRED:
        return f"What is left to spend at the provider is enough for an answer of {room.most or 0:,} tokens."
    if room.a_minute:
        return f"The request needs more than the {room.window:,} tokens that the provider allows in a minute."
    if room.window is not None:
        return f"The model takes {room.window:,} tokens with its answer, and the request allows for more."
    if room.most is not None:
        return f"The model answers with at most {room.most:,} tokens, and the request allows for more."
    return "The request is too long for this model."


def in_words(seconds: float) -> str:
    """``4.8 s``, ``7 min`` or ``8 h``."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
