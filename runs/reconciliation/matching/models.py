"""Which of a provider's names of models are one of ours: by the names that answered, by spelling, by the id's stem."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from engine.catalogue.price_names import spellings, undated

Names = Mapping[str, str]


def one_name(theirs: Iterable[str]) -> Names:
    """Each of their names with the one that it is shown under: an id without a day is the only dated one there is of
    it, as where the usage export has days and the cost export has none."""
    names = sorted(set(theirs))
    dated: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if (stem := undated(name)) is not None:
            dated[_form(stem)].append(name)
    return {
        name: dated[_form(name)][0] if undated(name) is None and len(dated.get(_form(name), ())) == 1 else name
        for name in names
    }


def joined(ours: Iterable[tuple[str, str]], theirs: Names) -> Mapping[tuple[str, str], str]:
    """The name of theirs for each of our models and what answered; the model itself where there is none."""
    by_form: dict[str, list[str]] = defaultdict(list)
    for name in theirs:
        for form in {_form(name), *map(_form, spellings(name))}:
            by_form[form].append(name)
    by_stem: dict[str, set[str]] = defaultdict(set)
    for name, shown in theirs.items():
        by_stem[_form(undated(name) or name)].add(shown)
    return {pair: _join(pair, theirs, by_form, by_stem) for pair in set(ours)}


def _join(
    pair: tuple[str, str], theirs: Names, by_form: Mapping[str, list[str]], by_stem: Mapping[str, set[str]]
) -> str:
    model, answered = pair
    for name in filter(None, (answered, model)):
        for spelled in spellings(name):
            if found := by_form.get(_form(spelled)) or by_form.get(_form(undated(spelled) or spelled)):
                return theirs[found[0]]
    name = answered or model
    if undated(name) is None:  # of two snapshots nobody knows which one it was
        for spelled in spellings(name):
            if len(found_once := by_stem.get(_form(spelled), set())) == 1:
                return next(iter(found_once))
    return model


def _form(name: str) -> str:
    """Words in any order and figures in theirs: "claude-haiku-3-5" is "claude-3-5-haiku"."""
    parts = re.findall(r"[a-z]+|\d+|[^a-z\d\s._-]+", name.casefold())
    return "-".join(
        [*sorted(part for part in parts if not part.isdigit()), *(part for part in parts if part.isdigit())]
    )
