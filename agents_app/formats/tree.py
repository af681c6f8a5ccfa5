"""Makes a project's tree of texts of what was uploaded: files with their paths, and zip archives of such.

It decides which files matter to a crew, in which letters they are written, and what files without a folder are called.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from agents_app.formats.archive import clean_path, is_archive, unpacked
from agents_app.formats.report import NOWHERE, Place, Report, UnreadableError, counted
from engine.text import storable

SOURCES = frozenset({"py", "ipynb", "yaml", "yml", "json", "jsonc"})
"""Endings of files that may say what a crew is."""
TEXTS = frozenset({"md", "txt", "prompt", "j2", "jinja", "jinja2", "markdown"})
"""Endings of texts that code may read, such as prompts."""
MAX_FILES = 500
MAX_FILE_CHARS = 8_000_000
"""Of a notebook with its outputs; ``paste`` bounds what is left of it."""

FOLDERS = frozenset(
    {
        *(
            "site-packages",
            ".venv",
            "venv",
            "__pycache__",
            "node_modules",
            ".git",
            "__MACOSX",
            ".idea",
            ".vscode",
        ),
        *(".github", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", "__pypackages__"),
    }
)
_FILES = re.compile(
    r"(?:^|/)(?:package(?:-lock)?\.json|tsconfig[\w.]{0,40}\.json|composer\.json|manifest\.json|pnpm-lock\.yaml|"
    r"docker-compose[\w.-]{0,40}\.ya?ml|compose\.ya?ml|\.pre-commit-config\.yaml|mkdocs\.yml|requirements[\w.-]{0,40}\.txt|"
    r"LICENSE(?:\.\w{1,8})?|langgraph\.json|vercel\.json|\.[^/]{1,100})$"
)
_KINDS = {
    "image": frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "ico"}),
    "lock file": frozenset({"lock"}),
    "document": frozenset({"pdf", "docx", "csv", "xlsx", "html", *TEXTS}),
}
_CODING = re.compile(r"^[ \t\f]{0,40}#[^\n]{0,100}?coding[:=][ \t]{0,8}([-\w.]{1,40})")
_LATIN = frozenset({"iso8859-1", "cp1252", "iso8859-15", "ascii", "cp1251", "cp1250", "gbk", "euc_jp", "shift_jis"})


def unfolded(uploads: Iterable[tuple[str, bytes]], report: Report) -> dict[str, str]:
    """The texts that matter, by path. Raises ``UnreadableError`` for what is not to be read at all.

    What no crew needs is counted in the report, not listed. Archives are unpacked once: not those within them.
    """
    uploads = list(uploads)
    passed = _Passed()
    files: list[tuple[str, bytes]] = []
    for given, data in uploads:
        name = storable(given, nul="")
        if is_archive(data) and name.rpartition(".")[2].lower() in ("zip", name.lower()):
            within = "" if len(uploads) == 1 else PurePosixPath(name).stem + "/"
            for path, content in unpacked(data, name=name, matters=matters):
                passed.sort(within + storable(path, nul=""), content, files)
        else:
            passed.sort(name, data, files, alone=len(uploads) == 1)
    if len(files) > MAX_FILES:
        raise UnreadableError(
            f"The project has {len(files):,} sources; at most {MAX_FILES} are read. Import a part of it."
        )
    texts: dict[str, str] = {}
    for path, data in files:
        text = _decoded(data, path, report)
        if text is not None:
            _put(texts, path, text, report)
    passed.tell(report)
    return texts


def matters(path: str) -> bool:
    """Whether a file of this path may say something of a crew."""
    return not _is_passed_over(path) and _ending(path) in SOURCES | TEXTS


def _is_passed_over(path: str) -> bool:
    return any(part in FOLDERS for part in path.split("/")[:-1]) or _FILES.search(path) is not None


def _ending(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


class _Passed:
    """Files that no crew needs, by kind."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()

    def sort(self, path: str, data: bytes, files: list[tuple[str, bytes]], *, alone: bool = False) -> None:
        """Puts a file to those that are read, or counts it. A file that comes alone is read whatever its name."""
        path = path if alone and not path else clean_path(path)
        if not alone and not matters(path):
            self._kinds[_kind(path)] += 1
        elif len(data) > MAX_FILE_CHARS:
            raise UnreadableError(
                f"The file has {len(data):,} bytes; at most {MAX_FILE_CHARS:,} are read.", Place(None, path)
            )
        elif data.strip() or alone:
            files.append((path, data))

    def tell(self, report: Report) -> None:
        if total := sum(self._kinds.values()):
            kinds = ", ".join(counted(count, kind) for kind, count in sorted(self._kinds.items()))
            verb = "was" if total == 1 else "were"
            report.info(NOWHERE, f"{counted(total, 'file')} that no crew needs {verb} passed over: {kinds}.")


def _kind(path: str) -> str:
    if any(part in FOLDERS for part in path.split("/")[:-1]):
        return "tool's own file"
    ending = _ending(path)
    if ending in ("zip", "tar", "gz", "tgz", "7z", "rar"):
        return "archive"
    name = path.rpartition("/")[2]
    if name in ("package-lock.json", "pnpm-lock.yaml"):
        return "lock file"
    return next((kind for kind, endings in _KINDS.items() if ending in endings), "other file")


def _put(texts: dict[str, str], path: str, text: str, report: Report) -> None:
    """Under its path; a second file of that path gets a name of its own, unless it says the same."""
    if texts.get(path) == text:
        return
    free, number = path, 1
    stem, dot, ending = path.rpartition(".")
    while free in texts:
        number += 1
        free = f"{stem} ({number}){dot}{ending}"
    if free != path:
        message = (
            f"Two files are called `{path}`: this one is `{free}` here. Upload the folder or a zip archive of it, "
        )
        report.warn(Place(None, free), message + "so that each crew gets the files that lie beside it.")
    texts[free] = text


def _decoded(data: bytes, path: str, report: Report) -> str | None:
    """The text of a file: UTF-8, UTF-16 by its mark or its zeros, or what a line of Python says."""
    place = Place(None, path)
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if b"\0" in data[:400] and len(data) % 2 == 0:
        for zeros, encoding in ((data[1:400:2], "utf-16-le"), (data[0:400:2], "utf-16-be")):
            if zeros.count(0) * 10 > len(zeros) * 9:
                return data.decode(encoding, "replace")
    if b"\0" in data[:4_000] and _ending(path) in TEXTS:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        encoding = _declared(data) or "cp1252"
        line = data.count(b"\n", 0, error.start) + 1
        message = (
            f"The file is not UTF-8; it was read as {encoding}. Look at letters with accents, or save it as UTF-8."
        )
        report.warn(Place(line, place.file), message)
        return data.decode(encoding, "replace")


def _declared(data: bytes) -> str:
    """The encoding that one of the first two lines of Python names, if it is one that is known here."""
    for line in data.split(b"\n", 2)[:2]:
        if match := _CODING.match(line[:200].decode("latin-1")):
            try:
                name = codecs.lookup(match[1]).name
            except LookupError:
                return ""
            return name if name in _LATIN else ""
    return ""
