"""The forms of a page, filled in as by somebody who means well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from urllib.parse import urljoin

GOOD = {
    "role": "Writer",
    "model": "gpt-4o-mini",
    "description": "Write it.",
    "text": "Well done.",
    "inputs.company": "Acme",
    "url": "https://example.com/hook",
    "api_key": "sk-secret",
    "input_usd_per_mtok": "1",
    "output_usd_per_mtok": "2",
    "name": "Ours",
    "q": "lake",
    "password": "long and never guessed",
}
"""What is typed into an empty field of this name, because its form is not taken without."""


@dataclass
class Form:
    """``sent``: what a browser sends, by name. ``unsent``: names that it would not send as they stand. ``files``: names
    of uploads. ``path`` is where it is sent, with its query.
    """

    path: str
    method: str
    ident: str = ""
    sent: dict[str, list[str]] = field(default_factory=dict)
    unsent: dict[str, list[str]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    buttons: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return sorted({*self.sent, *self.unsent, *self.files} - {"csrfmiddlewaretoken"})

    def by_buttons(self) -> Iterator[Form]:
        """As each of its buttons sends it."""
        for path, sent in self.buttons or [(self.path, {})]:
            yield replace(self, path=path, sent=self.sent | sent)


def forms_of(page: str, path: str) -> list[Form]:
    """All that a page at this path has, also what scripts send without a form around it."""
    reader = _Reader(path)
    reader.feed(page)
    reader.close()
    return [one for form in reader.forms for one in form.by_buttons()]


class _Reader(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select: tuple[Form, str] | None = None
        self._text: tuple[Form, str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            path = urljoin(self._path, given.get("action", "")).partition("#")[0]
            self._form = Form(path, given.get("method", "get").upper(), given.get("id", ""))
            self.forms.append(self._form)
        elif "hx-post" in given:
            self.forms.append(Form(urljoin(self._path, given["hx-post"]), "POST"))
        if tag == "option" and self._select is not None:
            self._option(*self._select, given)
        elif (form := self._of(given.get("form"))) is not None:
            self._control(form, tag, given)

    def _control(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "submit" if tag == "button" else "text")
        if kind == "submit" and tag in ("button", "input"):
            path = urljoin(self._path, given["formaction"]) if "formaction" in given else form.path
            form.buttons.append((path, {name: [given.get("value", "")]} if name else {}))
        elif name and tag == "select":
            self._select = form, name
            form.sent[name] = []
        elif name and tag == "textarea":
            self._text = form, name, ""
        elif name and tag == "input":
            self._input(form, name, given, kind)

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            form, name, text = self._text
            self._text = form, name, text + data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._text is not None:
            form, name, text = self._text
            self._text = None
            form.sent.setdefault(name, []).append(text.removeprefix("\n") or GOOD.get(name, ""))

    def _of(self, ident: str | None) -> Form | None:
        return next((form for form in self.forms if form.ident == ident), None) if ident else self._form

    @staticmethod
    def _input(form: Form, name: str, given: dict[str, str], kind: str) -> None:
        value = given.get("value", "")
        if kind == "file":
            form.files.add(name)
        elif kind == "radio" and ("checked" in given or name not in form.sent):
            form.sent[name] = [value]
        elif kind == "checkbox":
            chosen = form.sent if "checked" in given else form.unsent
            chosen.setdefault(name, []).append(value or "on")
        elif kind not in ("radio", "reset", "button", "image"):
            form.sent.setdefault(name, []).append(value or GOOD.get(name, ""))

    @staticmethod
    def _option(form: Form, name: str, given: dict[str, str]) -> None:
        """Without one that is selected, a browser sends the first."""
        if "selected" in given or not form.sent[name]:
            form.sent[name] = [given.get("value", "")]
