"""A closed bill as a file to keep. The whole file is made before it is sent, so few are made at once."""

from __future__ import annotations

from django.http import HttpResponse

from runs.closing.csv_file import csv_lines
from runs.closing.document import document
from runs.closing.rates import Rate
from runs.models import ClosedBill
from teams.work_bounds import SharedPlaces

PLACES = SharedPlaces(
    4,
    "Other files of bills are being made. Try again in a moment.",
    each=2,
    busy_each="Two files of your team's bills are being made. Try again once one of them is complete.",
)
TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8"}


def file_of(bill: ClosedBill, suffix: str, rate: Rate | None = None) -> HttpResponse:
    """``suffix`` is ``json``, the frozen document byte by byte, or ``csv``, its lines. Raises ``Busy``."""
    free = PLACES.take(bill.team_id)
    try:
        text = "".join(csv_lines(bill, rate) if suffix == "csv" else document(bill))
    finally:
        free()
    response = HttpResponse(text.encode(), content_type=TYPES[suffix])
    name = f"{bill.team.slug}-bill-{bill.number}-{bill.month:%Y-%m}.{suffix}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
