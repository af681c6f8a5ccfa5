"""What people type about knowledge documents."""

from __future__ import annotations

from django import forms

from agents_app.form_fields import FilesField
from agents_app.knowledge.actions import MAX_COLLECTION_CHARS
from agents_app.knowledge.text import MEDIA_TYPES

MAX_BYTES_AT_ONCE = 20_000_000


class UploadForm(forms.Form):
    """Several files for one collection. ``upload_document`` decides file by file which of them are kept."""

    uploads = FilesField(
        label="Files",
        max_bytes=MAX_BYTES_AT_ONCE,
        too_large="The files are larger than 20 MB together. Choose fewer at once.",
        allow_empty_file=True,
        help_text="Text, Markdown, CSV or JSON of at most 5 MB, HTML of at most 2 MB each. Convert PDF to text.",
    )
    collection = forms.CharField(
        required=False,
        max_length=MAX_COLLECTION_CHARS,
        widget=forms.TextInput(attrs={"list": "collections", "placeholder": "default"}),
        help_text="A tool can be limited to collections; without a name it is “default”.",
    )

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.fields["uploads"].widget.attrs["accept"] = ",".join(MEDIA_TYPES)
