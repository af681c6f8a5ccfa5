"""Files as people have them: notebooks, other encodings, newer Python, archives; and what is refused, within bounds."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from agents_app.formats import Imported, read, read_files, read_uploads
from agents_app.formats.archive import unpacked
from agents_app.formats.report import UnreadableError
from agents_app.formats.tree import matters
from tests.agents_app.formats.limited import Limited

CREW = """from crewai import Agent, Crew, Task
a = Agent(role="Märchen {topic}", goal="g", backstory="b", llm="gpt-4o")
t = Task(description="d", expected_output="e", agent=a)
Crew(agents=[a], tasks=[t])
"""
AGENTS = "writer:\n  role: R\n  goal: g\n  backstory: b\n"
FROM_FILE = """from crewai import Agent, Crew, Task
import yaml
a = Agent(config=yaml.safe_load(open("config/agents.yaml"))["writer"])
t = Task(description="d", expected_output="e", agent=a)
crew = Crew(agents=[a], tasks=[t])
"""


def notebook(*cells: str, output: str = "") -> str:
    return json.dumps(
        {
            "cells": [
                {"cell_type": "code", "source": cell.splitlines(True), "outputs": [{"text": output}]} for cell in cells
            ],
            "metadata": {},
            "nbformat": 4,
        }
    )


def role(imported: Imported) -> str:
    assert imported.spec is not None, imported.report
    return imported.spec.agents[0].role


class TestNotebooks:
    @pytest.mark.parametrize(
        "cell",
        [
            "! pip install crewai \\\n   crewai-tools\n%load_ext autoreload\n%autoreload 2",
            "%%bash\nexport KEY=1\nfor f in *; do echo $f; done",
            "%%html\n<b>hello</b>",
            "%%time\nx = 1",
            "Agent?",
            "files = !ls\nhere = %pwd",
            "if True:\n    !ls\n",
            "%env OPENAI_API_KEY=x",
        ],
    )
    def test_commands_are_left_out(self, cell: str) -> None:
        assert role(read(notebook(cell, CREW), "crew.ipynb")) == "Märchen {topic}"

    def test_a_line_that_only_looks_like_a_command_stays(self) -> None:
        odd = CREW.replace('"Märchen {topic}"', '("""one\n!two\n""" "%s"\n% "three")')
        assert role(read(notebook(odd), "crew.ipynb")) == "one\n!two\nthree"

    def test_what_cells_write_are_files_of_the_project(self) -> None:
        imported = read(notebook(f"%%writefile config/agents.yaml\n{AGENTS}", FROM_FILE), "crew.ipynb")
        assert role(imported) == "R"
        assert any("`config/agents.yaml`" in note.message for note in imported.report if note.level == "info")

    def test_megabytes_of_outputs_do_not_count(self) -> None:
        assert role(read(notebook(CREW, output="x" * 3_000_000), "crew.ipynb")) == "Märchen {topic}"


class TestEncodings:
    @pytest.mark.parametrize(
        "data",
        [
            CREW.encode("utf-8-sig"),
            CREW.encode("utf-16"),
            CREW.encode("utf-16-be"),
            CREW.encode("utf-16-le"),
            CREW.replace("\n", "\r\n").encode(),
            CREW.encode("cp1252"),
            f"# -*- coding: latin-1 -*-\n{CREW}".encode("latin-1"),
        ],
        ids=["BOM", "UTF-16", "UTF-16 without mark", "UTF-16 LE", "CRLF", "Windows", "declared"],
    )
    @pytest.mark.parametrize("others", [[], [("notes.yaml", b"x: 1")]], ids=["alone", "in a project"])
    def test_are_recognised(self, data: bytes, others: list[tuple[str, bytes]]) -> None:
        assert role(read_uploads([("crew.py", data), *others])) == "Märchen {topic}"

    def test_one_that_had_to_be_guessed_is_said(self) -> None:
        (warning,) = [
            note for note in read_uploads([("crew.py", CREW.encode("cp1252"))]).report if note.level == "warning"
        ]
        assert (warning.line, "not UTF-8" in warning.message) == (2, True)


def test_two_files_of_one_name_are_both_kept_and_that_is_said() -> None:
    uploads = [("config/agents.yaml", AGENTS.encode()), ("config/agents.yaml", AGENTS.replace("R", "S").encode())]
    imported = read_uploads([*uploads, ("crew.py", FROM_FILE.encode())])
    assert imported.spec is not None
    assert "not imported" in imported.spec.agents[0].goal
    assert any(note.file == "config/agents (2).yaml" and "Two files" in note.message for note in imported.report)
    assert role(read_uploads([uploads[0], uploads[0], ("crew.py", FROM_FILE.encode())])) == "R"


@pytest.mark.parametrize(
    "line",
    [
        "type Names = list[str]",
        "type Pair[T] = tuple[T, T]",
        "def first[T](items: list[T]) -> T: return items[0]",
        "class Box[T]:\n    held: T",
        "try:\n    pass\nexcept ValueError, TypeError:\n    pass",
        'd = {"a": 1}\nprint(f"it is {d["a"]} and {d.get("b")}")',
        'x = f"{", ".join(["a"])}"',
        "x = f\"{'\\n'.join(['a'])} and {'\\t'}\"",
        'x = f"""a\nb {"\\n".join(["a"])}\nc"""',
        'x = f"- {"\\n- ".join(["a"])}"',
    ],
)
def test_newer_python_is_read_as_far_as_it_differs_by_signs_alone(line: str) -> None:
    imported = read(f"{line}\n{CREW}")
    assert role(imported) == "Märchen {topic}"
    assert any("newer Python" in note.message for note in imported.report)


def test_line_breaks_within_braces_of_newer_python_are_line_breaks() -> None:
    text = "a = f\"Know {'\\n'.join(['x', 'y'])}\"\n" + CREW.replace("Märchen {topic}", "R")
    imported = read(
        text.replace('goal="', 'goal=a + "', 1) if 'goal="' in text else text.replace("goal='", "goal=a + '", 1)
    )
    assert imported.spec is not None
    assert imported.spec.agents[0].goal.startswith("Know x\ny")


def test_newer_python_that_cannot_be_read_is_named_and_the_other_files_are_read() -> None:
    newest = 'x = f"{ "\\n".join(f"{y}" for y in "abc") }"\n'
    imported = read_files({"a.py": newest, "b.py": CREW})
    assert role(imported) == "Märchen {topic}"
    (error,) = [note for note in imported.report if note.level == "error"]
    assert (error.file, error.line, "Python 3.12 or newer" in error.message) == ("a.py", 1, True)


def zipped(entries: dict[str, bytes | str], **options: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", options.pop("method", zipfile.ZIP_DEFLATED), **options) as archive:
        for path, data in entries.items():
            archive.writestr(path, data)
    return out.getvalue()


def link(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
        archive.writestr("crew.py", CREW)
    return out.getvalue()


def lying(size: int) -> bytes:
    """An archive whose list says that its file is small, and which unpacks to more."""
    data = bytearray(zipped({"crew.py": CREW.encode() * 500}))
    real = (len(CREW.encode()) * 500).to_bytes(4, "little")
    return bytes(data.replace(real, size.to_bytes(4, "little")))


def without_a_name() -> bytes:
    """An archive of whose entries one has no name."""
    data = bytearray(zipped({"a": "", "crew.py": CREW}))
    at = data.find(b"PK\x01\x02")
    data[at + 28 : at + 32] = b"\0\0\1\0"  # no name, and what was one is an extra field
    return bytes(data)


def of_two_ends(*, large: bool) -> bytes:
    """An archive with a long list, whose ordinary end says that it is short: the real one is that of a large archive
    (zip64), or is hidden by a second mark within it."""
    data = zipped({f"{n:0250}.txt": "" for n in range(6_000)})
    at = data.rfind(b"PK\x05\x06")
    count, size, where = struct.unpack("<HLL", data[at + 10 : at + 20])
    if not large:
        return data[:at] + struct.pack("<4s4s2H2LH", b"PK\x05\x06", b"PK\x05\x06", 0, 1, size, where, 0)
    real = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, where)
    real += struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    return data[:at] + real + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 100, 0, 0)


def test_the_list_of_entries_is_not_read_where_another_end_says_that_it_is_short(monkeypatch: Any) -> None:
    archives = [of_two_ends(large=True), of_two_ends(large=False)]
    monkeypatch.setattr(zipfile, "ZipFile", None)
    for data in archives:
        with pytest.raises(UnreadableError, match="more than 5,000 files"):
            list(unpacked(data, name="a.zip", matters=matters))


class TestArchives:
    def test_what_matters_is_taken_out_and_the_rest_counted(self) -> None:
        entries = {
            "shop-main/crew.py": FROM_FILE,
            "shop-main/config/agents.yaml": AGENTS,
            "shop-main/uv.lock": "x" * 100,
            "shop-main/logo.png": b"\x89PNG",
            "shop-main/.git/config": "[core]",
            "shop-main/node_modules/a/index.py": "raise SystemExit",
            "shop-main/venv/lib/site.py": "raise SystemExit",
            "shop-main/inner.zip": zipped({"x.py": CREW}),
            "shop-main/.env": "OPENAI_API_KEY=sk-1",
        }
        imported = read_uploads([("shop.zip", zipped(entries))])
        assert role(imported) == "R"
        (note,) = [note for note in imported.report if "passed over" in note.message]
        assert note.message == (
            "7 files that no crew needs were passed over: "
            "1 archive, 1 image, 1 lock file, 1 other file, 3 tool's own files."
        )

    def test_backslashes_are_folders(self) -> None:
        imported = read_uploads([("a.zip", zipped({"p\\crew.py": FROM_FILE, "p\\config\\agents.yaml": AGENTS}))])
        assert role(imported) == "R"

    @pytest.mark.parametrize(
        ("data", "part"),
        [
            (zipped({"crew.py": CREW, "../../up.py": "x"}), "leads out of"),
            (zipped({"C:/crew.py": CREW}), "leads out of"),
            (link("agents.yaml"), "is a link"),
            (zipped({f"{n}.txt": "" for n in range(6_000)}), "more than 5,000 files"),
            (zipped({"a/" * 40 + "crew.py": CREW, "b.py": CREW}), "20 folders"),
            (lying(100), "damaged"),
            (zipped({"crew.py": CREW}, method=zipfile.ZIP_BZIP2), "packed in another way"),
            (zipped({"crew.py": CREW})[:-30], "damaged"),
            (b"PK\x05\x06" + b"\0" * 18, "none of the formats"),
            (without_a_name(), "damaged"),
        ],
        ids=["climbs", "drive", "link", "many", "deep", "lies", "bzip2", "cut", "empty", "nameless"],
    )
    def test_what_is_refused_says_why(self, data: bytes, part: str) -> None:
        imported = read_uploads([("a.zip", data)])
        assert imported.spec is None
        assert part in imported.report[0].message, imported.report

    def test_a_link_that_no_crew_needs_does_not_stand_in_the_way(self) -> None:
        assert role(read_uploads([("a.zip", link("docs"))])) == "Märchen {topic}"


ATTACKS: dict[str, list[tuple[str, bytes]]] = {
    "a bomb": [("a.zip", zipped({"crew.py": b"\0" * 400_000_000}))],
    "a bomb of what is not needed": [("a.zip", zipped({"data.bin": b"\0" * 400_000_000, "crew.py": CREW}))],
    "many entries": [("a.zip", zipped({f"d{n}/crew.py": "" for n in range(10_000)}))],
    "many files": [(f"d{n}/crew.py", CREW.encode()) for n in range(10_000)],
    "50 MB": [("crew.py", b"x = 1\n" * 8_000_000)],
    "a long file": [("crew.py", b"x = 1\n" * 100_000), ("b.py", CREW.encode())],
    "imports in a circle": [
        (f"m{n}.py", f"from m{(n + 1) % 200} import *\nfrom m{(n + 7) % 200} import x\nx = 1\n".encode())
        for n in range(200)
    ],
    "classes in a circle": [
        (f"m{n}.py", f"from m{(n + 1) % 100} import C as D\nclass C(D): pass\nC().x\n".encode()) for n in range(100)
    ],
    "aliases": [
        (
            "agents.yaml",
            ("a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(90))).encode(),
        ),
        ("crew.py", FROM_FILE.encode()),
    ],
    "merge keys": [
        (
            "agents.yaml",
            (
                "a0: &a0 {k0: v}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: *a{n}, k{n + 1}: v}}\n" for n in range(300))
            ).encode(),
        )
    ],
    "deep JSON": [("agents.json", b'{"a":' * 50_000), ("crew.py", CREW.encode())],
    "a notebook's cells": [("a.ipynb", notebook(*["!x"] * 1_900).encode())],
    "many commas": [("crew.jsonc", b'{"tasks": ["/*' + b"," * 900_000), ("b.py", CREW.encode())],
    "newer again and again": [("crew.py", (b'print(f"{d["a"]}")\n' * 1_000) + b"def (")],
}


@pytest.fixture(scope="module")
def limited() -> Iterator[Limited]:
    with Limited() as process:
        yield process


@pytest.mark.parametrize("uploads", ATTACKS.values(), ids=ATTACKS.keys())
def test_bad_input_ends_within_two_seconds_and_200_mb(limited: Limited, uploads: list[tuple[str, bytes]]) -> None:
    """Of processor time, which the operating system counts, and beside what Python itself takes."""
    answer = limited.read_uploads([[path, base64.b64encode(data).decode()] for path, data in uploads])
    assert answer.get("spec") or any(level == "error" for level, _, _ in answer.get("report", ())), answer
    assert answer["seconds"] < 2
    assert answer["megabytes"] < 200
