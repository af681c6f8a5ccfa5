"""Environment variables that a source sets: a default model is imported, keys never are."""

from __future__ import annotations

from agents_app.formats.python.frames import World
from agents_app.formats.report import Place
from agents_app.formats.to_spec.llms import is_secret_field
from agents_app.formats.to_spec.values import Text, Value, settled

_MODEL_NAMES = frozenset({"OPENAI_MODEL_NAME", "OPENAI_MODEL", "MODEL", "MODEL_NAME"})


def note_setting(name: str, value: Value, place: Place, world: World) -> None:
    """``os.environ["NAME"] = value``."""
    inner = settled(value)
    text = inner.template if isinstance(inner, Text) and inner.literal else ""
    report = world.reading.report
    if name in _MODEL_NAMES:
        if text:
            world.reading.default_models[place.file] = text
            message = f"{name} is {text} here: agents that name no model have it"
            report.info(place, f"{message}, unless their own file or their crew's says another.")
    elif is_secret_field(name):
        if len(text) > 20 and " " not in text:
            report.warn(
                place, f"A key is written into the source ({name}). It was not imported; consider replacing the key."
            )
        message = "Keys are never imported ({items}): add the provider's key in the team's settings."
        report.gather(message, place=place, item=name)
