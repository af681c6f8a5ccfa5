"""What a crew's inputs are called: each after what it stands for, and no two different things by one name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agents_app.formats.to_spec.values import ASKED, Definition, Secret, Text, Unknown

MAX_NAME = 60


@dataclass(slots=True)
class InputNames:
    """``names``: by ``Unknown.which``, or by label for what has none; ``taken``: the names of all inputs so far;
    ``numbers``: by label, the last number that one of its inputs got; ``labels``: by ``Unknown.which``, all its labels.

    A parameter or a setting has the name that the source gives it, wherever it is used. What is computed or asked for
    has the name that stands nearest to the texts that hold it; where these differ, the one that it had before. If
    something else has that name, it says where it was found.
    """

    names: dict[int | str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)
    labels: dict[int, set[str]] = field(default_factory=dict)

    def of(self, part: Unknown | Secret) -> str:
        """The name of an input, without braces."""
        which, within = (part.which, part.within) if isinstance(part, Unknown) else (0, "")
        label = part.label
        if isinstance(part, Unknown) and part.named and len(self.labels.get(which, ())) > 1:
            label = part.named
        if (which or label) not in self.names:
            plain = label.lower() if label.isupper() else label
            self.names[which or label] = name = self._free(plain, within) if which else label
            self.taken.add(name)
        return self.names[which or label]

    def reserve(self, definitions: Iterable[Definition]) -> None:
        """Keeps the names that the source gives itself from what is computed."""
        for definition in definitions:
            for field_given in definition.fields.values():
                value = field_given.value
                for part in value.computed if isinstance(value, Text) else (value,):
                    if isinstance(part, Secret) or (isinstance(part, Unknown) and not part.which):
                        self.of(part)
                    elif isinstance(part, Unknown):
                        self.labels.setdefault(part.which, set()).add(part.label)

    def of_mark(self, label: str, which: int) -> str:
        """The name of an input that has been named before, by what stands in its mark."""
        return self.names.get(which or label, label)

    def _free(self, label: str, within: str) -> str:
        if label == ASKED and within:
            label, within = within, ""
        own = f"{within}_{label}"[:MAX_NAME] if within else label
        name = own if label in self.taken else label
        while name in self.taken:
            self.numbers[label] = number = self.numbers.get(label, 1) + 1
            name = f"{label}_{number}"
        return name
