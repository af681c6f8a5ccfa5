"""The frozen document of a closed bill: one JSON text, whose bytes never change, and its hash.

It is the head, one line of text for each line of the bill, and an end. The head holds all sums, prices and
definitions, so that a page reads it alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection
from psycopg.sql import SQL

from runs.ledger.invariants.closed_bills import BETWEEN, DOCUMENT, END
from runs.models import ClosedBill, ClosedLine
from runs.sql import statement

CHUNK = 2000


def head_text(head: Mapping[str, Any]) -> str:
    """The text before the first line: the head, a key on each line, and the beginning of the lines."""
    keys = (f"{json.dumps(name)}:{_compact(value)}" for name, value in head.items())
    return "{" + ",\n".join(keys) + ',\n"lines":[\n'


def head_of(bill: ClosedBill) -> dict[str, Any]:
    """The head as it was frozen. Amounts are decimal texts in USD."""
    found: dict[str, Any] = json.loads(bill.head + END)
    del found["lines"]
    return found


def sha256_of(bill_id: int, head: str) -> str:
    """The hash of the document that this head and the lines of that bill make."""
    with connection.cursor() as cursor:
        cursor.execute(HASH, {"bill": bill_id, "head": head})
        found: str = cursor.fetchone()[0]
    return found


def document(bill: ClosedBill) -> Iterator[str]:
    """The document, piece by piece."""
    yield bill.head
    between = ""
    for text in line_texts(bill):
        yield between + text
        between = BETWEEN
    yield END


def line_texts(bill: ClosedBill) -> Iterator[str]:
    """The lines' texts, read in parts, so that memory holds few at a time."""
    position = 0
    while True:
        after = ClosedLine.objects.filter(bill=bill, position__gt=position).order_by("position")
        part = list(after.values_list("position", "text")[:CHUNK])
        yield from (text for _, text in part)
        if len(part) < CHUNK:
            return
        position = part[-1][0]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


HASH = statement(
    "SELECT encode(sha256(convert_to({document}, 'UTF8')), 'hex')",
    document=DOCUMENT.format(head=SQL("%(head)s::text"), bill=SQL("%(bill)s")),
)
