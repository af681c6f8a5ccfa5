"""Tools' settings as form fields, and back to specs: one field per known setting, the others as JSON.

Here they are only read; ``engine.spec.tool_settings`` says whether they make sense.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from agents_app.editor.forms.fields import ChosenOf, CommaField, JsonField
from engine.spec.crew_spec import ToolSpec
from engine.spec.tool_names import NEEDS_SETTINGS, TOOL_SUMMARIES
from engine.spec.tool_settings import MAX_TTL_S, METHODS, TTL_SETTING, UNASKED_SETTING
from engine.spec.validate import Complaint

OTHER = "other"
OTHER_HELP = {"mcp": 'Such as {"command": ["program", "argument"]}, where an operator allows the program.'}
PREFIX = "tool"


def _list(label: str, example: str) -> forms.Field:
    return CommaField(label=label, help_text=example)


def _text(label: str, example: str) -> forms.Field:
    return forms.CharField(required=False, max_length=2000, label=label, help_text=example)


def _ttl() -> forms.Field:
    about = "Seconds. Empty: within a run only."
    return forms.IntegerField(
        required=False, min_value=1, max_value=MAX_TTL_S, label="Reuse results across runs", help_text=about
    )


def _methods() -> forms.Field:
    return forms.MultipleChoiceField(
        required=False,
        label="Methods",
        choices=[(method, method) for method in METHODS],
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: GET only.",
    )


def _unasked() -> forms.Field:
    about = "Else a person sees each request that is no GET, and allows it or refuses it. The run waits meanwhile."
    return forms.BooleanField(required=False, label="Send without a person's approval", help_text=about)


def fields_of(tool: str) -> dict[str, forms.Field]:
    """A new field for each setting of the tool that has one."""
    own: dict[str, forms.Field] = {}
    if tool == "http_request":
        own = {
            "allowed_hosts": _list("Hosts", "Such as api.example.com, *.example.org."),
            "methods": _methods(),
            UNASKED_SETTING: _unasked(),
        }
    elif tool == "mcp":
        own = {
            "url": _text("Server's address", "Such as https://example.com/mcp."),
            "tools": _list("Only these tools", "Separated by commas. Empty: all that it has."),
            "credential": _text("Credential", "The name under which the server's token is stored."),
        }
    elif tool == "knowledge_search":
        own = {"collections": _list("Collections", "Separated by commas. Empty: all documents of the team.")}
    elif tool == "scrape_website":
        own = {"website_url": _text("Only this page", "Empty: any page that the agent names.")}
    return own | {TTL_SETTING: _ttl()}


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A tool as the form shows it: its check box and its settings. ``is_open`` if its settings need attention."""

    name: str
    label: str
    chosen: bool
    fields: Sequence[forms.BoundField]
    summary: str
    is_open: bool


class UsesTools(forms.Form):
    """A form with the field ``tools``, and the settings of each tool that it offers."""

    tools = ChosenOf()

    def offer_tools(self, current: Iterable[ToolSpec]) -> None:
        """Offers all known tools, and those of ``current`` that are not known."""
        self._configs = {tool.name: dict(tool.config) for tool in current}
        field = self.fields["tools"]
        assert isinstance(field, ChosenOf)
        field.offer(TOOL_SUMMARIES.items(), chosen=self._configs)
        for name in {**TOOL_SUMMARIES, **self._configs}:
            own, other = _split(name, self._configs.get(name, {}))
            for setting, setting_field in fields_of(name).items():
                setting_field.initial = own.get(setting)
                self.fields[_field(name, setting)] = setting_field
            if other or name in OTHER_HELP:
                self.fields[_field(name, OTHER)] = JsonField(
                    kind=dict, label="Other settings", initial=other or None, help_text=OTHER_HELP.get(name, ""), rows=2
                )

    def typed_tools(self, typed: dict[str, Any]) -> tuple[ToolSpec, ...]:
        """The chosen tools with their settings, new ones last. Takes their fields out of ``typed``."""
        chosen = typed.pop("tools")
        names = [
            *(name for name in self._configs if name in chosen),
            *(name for name in chosen if name not in self._configs),
        ]
        settings = {name: typed.pop(name) for name in list(typed) if name.startswith(f"{PREFIX}.")}
        return tuple(ToolSpec(name=name, config=self._config(name, settings)) for name in names)

    def _config(self, tool: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings as typed. If the form was sent without any field of the tool, they stay as they are."""
        if not any(name.startswith(f"{PREFIX}.{tool}.") for name in self.data):
            return dict(self._configs.get(tool, {}))
        typed = {name: settings.get(_field(tool, name)) for name in fields_of(tool)}
        config = {name: _plain(value) for name, value in typed.items() if value not in (None, False, "", (), [])}
        return config | dict(settings.get(_field(tool, OTHER)) or {})

    def tool_rows(self) -> list[ToolRow]:
        chosen = set(self["tools"].value() or ())
        choices = self.fields["tools"].choices  # type: ignore[attr-defined]
        return [self._row(str(name), str(label), str(name) in chosen) for name, label in choices]

    def _row(self, tool: str, label: str, chosen: bool) -> ToolRow:
        bound = [self[name] for name in self.fields if name.startswith(f"{PREFIX}.{tool}.")]
        complaints: Mapping[str, object] = getattr(self, "complaints", {})
        is_wrong = any(field.errors or complaints.get(field.name) for field in bound)
        config = self._configs.get(tool, {})
        summary = "; ".join(f"{name}: {_words(value)}" for name, value in config.items())
        return ToolRow(tool, label, chosen, bound, summary, is_wrong or (tool in NEEDS_SETTINGS and not config))


def tool_field(complaint: Complaint) -> str | None:
    """The field that a complaint about a tool's settings belongs to; None for any other complaint."""
    if complaint.code != "bad_tool_settings":
        return None
    tool, _, fault = complaint.message.partition(": ")
    settings = fields_of(tool)
    starts = (name for name in settings if fault.startswith(name))
    named = (name for name in settings if name in fault)
    return _field(tool, next(starts, None) or next(named, None) or next(iter(settings)))


def _field(tool: object, setting: str) -> str:
    return f"{PREFIX}.{tool}.{setting}"


def _split(tool: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two parts of the settings: those that the tool's fields can hold, and the others."""
    fields = fields_of(tool)
    own = {name: value for name, value in config.items() if name in fields and _fits(fields[name], value)}
    return own, {name: value for name, value in config.items() if name not in own}


def _fits(field: forms.Field, value: Any) -> bool:
    if isinstance(field, forms.IntegerField):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(field, forms.BooleanField):
        return isinstance(value, bool)
    if isinstance(field, forms.MultipleChoiceField):
        return isinstance(value, (list, tuple)) and all(method in METHODS for method in value)
    if isinstance(field, CommaField):
        return isinstance(value, (list, tuple)) and all(isinstance(text, str) and "," not in text for text in value)
    return isinstance(value, str)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    return list(value) if isinstance(value, tuple) else value


def _words(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
