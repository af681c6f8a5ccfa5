"""What people and programs upload to be imported: files with the paths that they have in their project."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.files.uploadedfile import UploadedFile

from agents_app.formats.archive import MAX_PATH_CHARS
from agents_app.formats.tree import MAX_FILES
from engine.text import is_storable
from teams.refusals import Invalid

MAX_UPLOAD_BYTES = 5_000_000
MAX_UPLOADS = MAX_FILES + 100
"""Files that no crew needs among them."""


def named(uploads: Sequence[UploadedFile[bytes]], paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """Each file with its path: browsers send names alone, so the paths come beside the files, in their order.

    Without paths the names count. Raises ``Invalid``.
    """
    if paths and len(paths) != len(uploads):
        raise Invalid(
            f"There are {len(uploads)} files and {len(paths)} paths.",
            fields={"paths": "Give one path for each file, in the same order, or none at all."},
        )
    if len(uploads) > MAX_UPLOADS:
        raise Invalid(f"At most {MAX_UPLOADS} files are read at once.", fields={"files": "Too many."})
    if sum(upload.size or 0 for upload in uploads) > MAX_UPLOAD_BYTES:
        raise Invalid(f"The files are larger than {MAX_UPLOAD_BYTES:,} bytes together.", fields={"files": "Too large."})
    if any(len(path) > MAX_PATH_CHARS or not is_storable(path) for path in paths):
        raise Invalid("A path cannot be kept.", fields={"paths": f"At most {MAX_PATH_CHARS} characters, and no NUL."})
    names = paths or [upload.name or "file" for upload in uploads]
    return [(name, upload.read()) for name, upload in zip(names, uploads, strict=True)]
