"""Exported crews as the files that are sent: one as it is, several as a zip. The same crew gives the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping

from django.http import HttpResponse

from agents_app.writers import FORMATS, Exported, report_text
from agents_app.writers.formats import REPORT

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The date of every file in a zip: the earliest that the format knows."""
SEVERAL = "application/zip"


def file_of(exported: Exported) -> HttpResponse:
    """A crew as the file of its format; a project as a zip, with what is otherwise there as a page in it."""
    if FORMATS[exported.form].suffix:
        ((name, text),) = exported.files.items()
        return _sent(text.encode(), FORMATS[exported.form].content_type, name)
    return _sent(zipped({exported.stem: exported}), SEVERAL, f"{exported.stem}-{exported.form}.zip")


def zip_of(crews: Mapping[str, Exported], *, name: str) -> HttpResponse:
    """Crews, each in a folder of its own by the given names, which are safe as names of files."""
    return _sent(zipped(crews), SEVERAL, name)


def zipped(crews: Mapping[str, Exported]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder, exported in crews.items():
            for path, text in _files(exported):
                archive.writestr(zipfile.ZipInfo(f"{folder}/{path}", LONG_AGO), text, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _files(exported: Exported) -> Iterable[tuple[str, str]]:
    return [*exported.files.items(), *([(REPORT, report_text(exported))] if exported.form != "json" else [])]


def _sent(content: bytes, content_type: str, name: str) -> HttpResponse:
    """``name`` has letters, digits, ``-``, ``_`` and dots of ASCII alone: see ``identifiers.file_stem``."""
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
