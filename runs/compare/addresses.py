"""The one address that holds a comparison: read from a query string, and written into one."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlencode

from django.http import QueryDict

from runs.compare.sides import Asked
from runs.typed_values import uuid_or_none

MAX_TEXTS = 100
"""Of one kind in an address; more are left out without being looked at."""
MAX_ADDED_CHARS = 600
BATCH_PAGE = re.compile(r"/batches/([0-9a-fA-F-]{36})/")
RUN_PAGE = re.compile(r"/runs/([0-9a-fA-F-]{36})/")
VERSION = re.compile(r"^[-a-zA-Z0-9_]+@\d{1,9}$")
KIND = {"yes": True, "no": False}


def read(query: QueryDict) -> Asked:
    """Nothing is refused here: what cannot be shown is said beside the rest."""
    align: dict[str, str] = {}
    for text in query.getlist("align")[:MAX_TEXTS]:
        old, colon, new = text.partition(":")
        if colon and old:
            align[old] = new
    return Asked(
        runs=_listed(query, "runs"),
        versions=_listed(query, "versions"),
        batches=_listed(query, "batches"),
        filters=tuple(text.strip() for text in query.getlist("q")[:MAX_TEXTS] if text.strip()),
        baseline=_id(query.get("baseline", "").strip()),
        align=align,
        simulated=KIND.get(query.get("simulated", "")),
    )


def _id(text: str) -> str:
    """A side's id: that of a run in its usual spelling."""
    pk = uuid_or_none(text)
    return text if pk is None else str(pk)


def _listed(query: QueryDict, name: str) -> tuple[str, ...]:
    texts = (text.strip() for given in query.getlist(name)[:MAX_TEXTS] for text in given.split(","))
    return tuple(text for text in texts if text)[:MAX_TEXTS]


def written(asked: Asked) -> str:
    """The query string, without "?"."""
    pairs = [("runs", ",".join(asked.runs)), ("versions", ",".join(asked.versions))]
    pairs += [("batches", ",".join(asked.batches))]
    pairs += [("q", text) for text in asked.filters]
    pairs += [("baseline", asked.baseline)]
    pairs += [("align", f"{old}:{new}") for old, new in (asked.align or {}).items()]
    if asked.simulated is not None:
        pairs.append(("simulated", "yes" if asked.simulated else "no"))
    return urlencode([(name, text) for name, text in pairs if text], safe=",@:")


def without(asked: Asked, side_id: str) -> Asked:
    return replace(
        asked,
        runs=tuple(text for text in asked.runs if _id(text) != side_id),
        versions=tuple(text for text in asked.versions if text != side_id),
        batches=tuple(text for text in asked.batches if _id(text) != side_id),
        filters=tuple(text for text in asked.filters if text != side_id),
        baseline="" if asked.baseline == side_id else asked.baseline,
    )


def against(asked: Asked, baseline: str, *, of_two: bool) -> Asked:
    """With another baseline. ``of_two``: just two are compared, so what was chosen of tasks is turned round."""
    align = {new: old for old, new in (asked.align or {}).items() if new} if of_two else {}
    return replace(asked, baseline=baseline, align=align)


def with_align(asked: Asked, old: str, new: str) -> Asked:
    return replace(asked, align={**(asked.align or {}), old: new})


def with_added(asked: Asked, text: str) -> Asked:
    """With what somebody typed: a run's id or address, that of a batch, crew@3, or else a filter."""
    text = text.strip()
    if batch := BATCH_PAGE.search(text):
        return replace(asked, batches=(*asked.batches, batch[1]))
    page = RUN_PAGE.search(text)
    if page or uuid_or_none(text):
        return replace(asked, runs=(*asked.runs, page[1] if page else text))
    if VERSION.match(text):
        return replace(asked, versions=(*asked.versions, text))
    return replace(asked, filters=(*asked.filters, text)) if text else asked
