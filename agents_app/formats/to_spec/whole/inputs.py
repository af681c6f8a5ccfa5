"""Finds a crew's default inputs: what the source passes to ``kickoff`` or to the function that builds the crew."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from agents_app.formats.to_spec.fields import Reading, pay_names, plain_text
from agents_app.formats.to_spec.values import Constant, Definition, Field, Items, Mapping, Unknown, settled
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders


def crew_inputs(
    spec: CrewSpec, crew: Definition | None, extra: list[Field], reading: Reading, foreign: AbstractSet[int]
) -> dict[str, str]:
    """Name to text, for each placeholder of the crew for which the source has a literal text.

    ``foreign``: those of ``extra``, by ``id()``, that are perhaps not this crew's: of these nothing is missed.
    """
    names = dict.fromkeys(placeholders(spec))
    sources = [crew.fields["inputs"]] if crew and "inputs" in crew.fields else extra
    texts: dict[str, str] = {}
    for entry in sources:
        row = _first_row(entry, reading)
        pay_names(row, reading)
        for name, value in row.items():
            text = plain_text(settled(value.value), reading.budget)
            if name not in names and id(entry) in foreign:
                pass  # its crew was not given, which is said
            elif name not in names:
                reading.report.gather("kickoff gives {items}, which no text uses.", place=value.place, item=name)
            elif text is None and isinstance(value.value, Unknown) and not value.value.source:
                pass  # whoever runs the source is asked for it too
            elif text is None:
                reading.report.info(
                    value.place, f"The value of {{{name}}} is computed by code; it has no default here."
                )
            else:
                texts.setdefault(name, text)
    return {name: text.strip() for name in names if (text := texts.get(name, reading.defaults.get(name))) is not None}


def _first_row(field: Field, reading: Reading) -> dict[str, Field]:
    value = settled(field.value)
    if isinstance(value, Items):
        reading.budget.pay_elements(len(value.items))
        rows = [row for row in value.items if isinstance(row, Mapping)]
        if len(rows) > 1:
            message = (
                f"The source runs the crew for {len(rows)} inputs; the first are the defaults here. Launch the others "
            )
            reading.report.info(field.place, message + "as a batch.")
        value = rows[0] if rows else Constant(None)
    return value.fields if isinstance(value, Mapping) else {}
