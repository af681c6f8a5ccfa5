"""What comes from modules that a source imports and that are not among its files: it is said once for each of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from agents_app.formats.report import Place, Report
from agents_app.formats.to_spec.values import Value, elsewhere_of

_LIBRARIES = sys.stdlib_module_names | {
    *("crewai", "crewai_tools", "crewai_files", "langchain", "langchain_community", "langchain_core"),
    *("langchain_openai", "langgraph", "llama_index", "openai", "anthropic", "litellm", "pydantic", "dotenv"),
    *("streamlit", "gradio", "fastapi", "flask", "django", "requests", "httpx", "numpy", "pandas", "yaml"),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: its name in a module that was not given, as the import writes the module.

    ``broken``: the module's file, if it was given and cannot be read.
    """

    name: str
    module: str
    place: Place
    broken: str = ""

    @property
    def words(self) -> str:
        if self.broken:
            return f"`{self.name}` of `{self.broken}`, which could not be read"
        return f"`{self.name}` of `{self.module}`, which is not among the files"


@dataclass(slots=True)
class AbsentModules:
    """``imported``: by dotted name, how an import writes a module that was not found, where it stands, and the module's
    file, if that cannot be read."""

    imported: dict[str, tuple[str, Place, str]] = field(default_factory=dict)

    def note(self, module: str, written: str, place: Place, *, broken: str = "") -> None:
        if module.partition(".")[0] not in _LIBRARIES:
            self.imported.setdefault(module, (written, place, broken))

    def origin(self, value: Value) -> Origin | None:
        """Where a value comes from that a module makes which was not given; None for any other."""
        found = elsewhere_of(value)
        module = found.path.rpartition(".")[0] if found else ""
        while found and module and module.partition(".")[0] not in _LIBRARIES:
            if module in self.imported:
                return Origin(found.path[len(module) + 1 :], *self.imported[module])
            module = module.rpartition(".")[0]
        return None

    def say(self, origin: Origin, report: Report, what: str) -> None:
        """``what`` comes from there, such as ``agent cook``; all of a module is one remark, at the import."""
        message = f"`{origin.module}` is not among the files: import it too, or fill in what comes from it ({{items}})."
        if origin.broken:
            message = f"`{origin.broken}` could not be read: mend it, or fill in what comes from it ({{items}})."
        report.gather(message, place=origin.place, item=what, level="warning")
