"""What people paste or upload to import a crew."""

from __future__ import annotations

from django import forms

from agents_app.form_fields import FilesField, lines


class ImportForm(forms.Form):
    """Pasted text, or files; if there are files, the text is ignored."""

    source = forms.CharField(required=False, max_length=2_000_000, strip=False, widget=lines(20, "code"))
    uploads = FilesField(
        required=False, label="Or files", help_text="One or several: .py, .yaml, .json, .jsonc, .ipynb, .md"
    )

    def texts(self) -> dict[str, str]:
        """The sources by file name, which is "" for pasted text."""
        files = self.cleaned_data["uploads"]
        if not files:
            return {"": self.cleaned_data["source"]}
        return {file.name: file.read().decode("utf-8-sig", "replace") for file in files}


class SaveImportForm(forms.Form):
    """A previewed spec as our JSON, and the name to save it under."""

    name = forms.CharField(max_length=200, required=False)
    spec = forms.CharField(widget=forms.HiddenInput, strip=False)
