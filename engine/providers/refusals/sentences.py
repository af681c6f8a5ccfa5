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


def sentence(refusal: Refusal) -> str:
    """For people, of bounded length, without the model's name."""
    if refusal.kind is not Kind.ROOM:
        what = SENTENCES[refusal.kind]
    elif refusal.status == HTTPStatus.PAYMENT_REQUIRED:
        what = SENTENCES[Kind.QUOTA]
    else:
        what = _of_room(refusal.room or Room())
    if refusal.pause_s is not None and refusal.kind is Kind.BUSY:
        what += f" It asks to wait {in_words(refusal.pause_s)}."
    return (
        f"{what} It says ({refusal.status}): {refusal.words}" if refusal.words else f"{what} (Status {refusal.status}.)"
    )


def _of_room(room: Room) -> str:
    if room.a_minute:
        return (
            f"The request needs more than the {room.window:,} tokens that the provider allows in a minute, so waiting "
            "does not help. Shorten its texts, allow a shorter answer, or raise the limit there."
        )
    shorten = "Shorten the texts, or use a model with a larger window."
    if room.window is not None:
        return f"The model takes {room.window:,} tokens with its answer. {shorten}"
    if room.most is not None:
        return f"The model answers with at most {room.most:,} tokens. Allow a shorter answer at the agent."
    return f"The texts are too long for this model. {shorten}"


def in_words(seconds: float) -> str:
    """``4.8 s``, ``7 min`` or ``8 h``."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
