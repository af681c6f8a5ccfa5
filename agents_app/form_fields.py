"""Form fields that Django lacks and several wings use: several files at once, long texts, and numbers of buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile


class _FilesInput(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """At most ``max_files`` files of at most ``max_bytes`` together; ``too_large`` is the error if they are larger."""

    def __init__(
        self,
        *,
        max_files: int = 50,
        max_bytes: int = 2_000_000,
        too_large: str = "The files are larger than 2 MB together; a crew is not.",
        **options: Any,
    ) -> None:
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._too_large = too_large
        super().__init__(widget=_FilesInput(), **options)

    def clean(self, data: Any, initial: Any = None) -> Sequence[Any]:
        if self.required and not data:
            raise forms.ValidationError("Choose at least one file.", code="required")
        files = [super(FilesField, self).clean(file, initial) for file in data or ()]
        if len(files) > self._max_files:
            raise forms.ValidationError(f"At most {self._max_files} files at once.")
        if sum(file.size for file in files) > self._max_bytes:
            raise forms.ValidationError(self._too_large)
        return files


class TextFilesField(FilesField):
    """Files of text: their texts by file name."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        try:
            return {file.name: text_of(file) for file in super().clean(data, initial)}
        except NotUtf8 as error:
            raise forms.ValidationError(str(error)) from error


class NotUtf8(ValueError):
    """A file that is no text, or one whose letters would be others if they were read as UTF-8."""


def text_of(upload: UploadedFile[bytes]) -> str:
    """The whole text of an uploaded file. Raises ``NotUtf8`` rather than replace a letter."""
    data: bytes = upload.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotUtf8(
            f"{upload.name or 'The file'} is no text in UTF-8. Save it as UTF-8, and send it again."
        ) from None


class Lines(forms.Textarea):
    """A text area whose lines end as they did when the page was made: browsers send CRLF for each line break."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        typed = super().value_from_datadict(data, files, name)
        return typed.replace("\r\n", "\n").replace("\r", "\n") if isinstance(typed, str) else typed


def lines(rows: int, kind: str = "") -> Lines:
    """A text area of so many rows; with ``kind="code"`` in fixed-width letters, ``"grows"`` with what is typed."""
    code = {"class": "font-monospace", "spellcheck": "false", "autocapitalize": "off"}
    return Lines(attrs={"rows": rows, **{"code": code, "grows": {"class": "grows"}}.get(kind, {})})


def whole_number(sent: Mapping[str, str], name: str) -> int:
    """The number in a hidden field, such as a revision; 0, which nothing has, for none or for what is no number."""
    typed = sent.get(name, "")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 10 else 0
