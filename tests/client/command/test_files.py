"""Files on the user's machine: rows in and out, projects, profiles."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as settings_of_server

from agents_app.formats.archive import MAX_ENTRIES, MAX_UNPACKED_BYTES
from agents_app.formats.tree import SOURCES, TEXTS
from agents_app.imports.uploads import MAX_UPLOAD_BYTES
from crewsite_client.answers import BatchRow
from crewsite_client.command import settings
from crewsite_client.command.files import project_files, reading, rows_file
from crewsite_client.command.files.project_files import packed
from crewsite_client.command.files.results import write_results
from crewsite_client.command.files.rows_file import mapped, read_rows
from crewsite_client.command.files.writing import written
from crewsite_client.command.here import Stop
from runs.batches.order import MAX_ROWS

TOKEN = "crw_" + "secret" * 5


def read(folder: Path, name: str, content: bytes) -> Any:
    (folder / name).write_bytes(content)
    return read_rows(str(folder / name))


def test_rows_are_read_however_they_are_written(tmp_path: Path) -> None:
    wanted = [{"city": 'Ulm, "Donau"', "note": "two\nlines"}, {"city": "=1+1"}]
    for name, content in (
        ("a.csv", b'\xef\xbb\xbfcity,note\r\n"Ulm, ""Donau""","two\nlines"\r\n\r\n=1+1,\r\n'),
        ("b.csv", b'city;note\n"Ulm, ""Donau""";"two\nlines"\n=1+1\n'),
        ("c.tsv", 'city\tnote\n"Ulm, ""Donau"""\t"two\nlines"\n=1+1\t\n'.encode("utf-16")),
        ("d.json", json.dumps([wanted[0], {"city": "=1+1", "note": None}]).encode()),
        ("e.jsonl", b"".join(json.dumps(row).encode() + b"\r\n" for row in wanted)),
    ):
        found = read(tmp_path, name, content)
        assert (found.columns, found.rows) == (["city", "note"], wanted), name


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "no rows"),
        ("a.csv", b"city\n", "no rows"),
        ("a.csv", b"city,city\na,b\n", "two columns 'city'"),
        ("a.csv", b"city\na,b\n", "line 2: 2 cells under 1 columns"),
        ("a.csv", b'city\n"a\n', "line 2"),
        ("a.csv", b"city\n\xff\n", "not UTF-8"),
        ("a.csv", b"city\na\nb\0\n", "NUL character in line 3"),
        ("a.jsonl", b'{"a": 1}\n{"a": }\n', "line 2: no JSON: Expecting value at column 7"),
        ("a.json", b"[1]", "row 1 is no object"),
        ("a.json", b"[" * 100_000, "no JSON"),
        ("a.xlsx", b"PK", "say with --format"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(Stop, match=said) as caught:
        read(tmp_path, name, content)
    assert caught.value.exit_code == 2


def test_columns_find_their_inputs(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", b"Home City,other,mail\nUlm,x,a@b\n")
    assert mapped(found, ["home_city", "mail"], {}) == ([{"home_city": "Ulm", "mail": "a@b"}], ["other"])
    assert mapped(found, ["home_city", "topic"], {"other": "topic"})[0] == [{"home_city": "Ulm", "topic": "x"}]
    kept = {"home_city": "Ulm", "other": "x", "mail": "a@b"}
    assert mapped(found, ["home_city"], {}, keep=True) == ([kept], [])
    with pytest.raises(Stop, match="no column 'strange'"):
        mapped(found, ["home_city"], {"strange": "home_city"})
    with pytest.raises(Stop, match="Two columns fit"):
        mapped(found, ["home_city"], {"other": "home_city"})


def row(**more: Any) -> BatchRow:
    usual: BatchRow = {
        "row": 1,
        "inputs": {"city": "=HYPERLINK(1)"},
        "run": "r",
        "status": "succeeded",
        "output": {"raw": "+answer", "json": {"score": -3, "why": "@x", "tags": ["a"]}},
        "error": None,
        "cost_usd": "0.01",
        "duration_ms": 1500,
        "url": None,
    }
    return {**usual, **more}  # type: ignore[typeddict-item]


def test_results_are_written_with_nothing_that_a_spreadsheet_would_reckon(tmp_path: Path) -> None:
    failed = row(row=2, inputs={"country": "DE"}, status="failed", output=None, error={"code": "x", "message": "-no"})
    assert write_results(tmp_path / "r.csv", [row(), failed]) == 2
    lines = list(csv.reader(io.StringIO((tmp_path / "r.csv").read_bytes().decode())))
    head = ["row", "city", "country", "status", "output", "output.score", "output.why", "output.tags"]
    assert lines == [
        [*head, "cost_usd", "seconds", "run", "error"],
        ["1", "'=HYPERLINK(1)", "", "succeeded", "'+answer", "-3", "'@x", '["a"]', "0.01", "1.500", "r", ""],
        ["2", "", "DE", "failed", "", "", "", "", "0.01", "1.500", "r", "'-no"],
    ]
    write_results(tmp_path / "r.jsonl", [row(), failed])
    assert [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()] == [row(), failed]
    for rows in ([], [row(), failed]):
        write_results(tmp_path / "r.json", iter(rows))
        assert json.loads((tmp_path / "r.json").read_text()) == rows


def test_more_rows_than_memory_has_room_for_are_written(tmp_path: Path) -> None:
    """A table's columns are known after the last row; meanwhile the rows are in a file, of which nothing is left."""
    text = "x" * 1_000

    def rows() -> Iterator[BatchRow]:
        for at in range(5_000):
            yield row(row=at, output={"raw": text, "json": {f"field {at % 50}": at}})

    for name in ("r.csv", "r.jsonl"):
        tracemalloc.start()
        assert write_results(tmp_path / name, rows()) == 5_000
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 2_000_000 < 5_000_000 < (tmp_path / name).stat().st_size
    with (tmp_path / "r.csv").open(newline="") as file:
        head, *lines = csv.reader(file)
    assert len([name for name in head if name.startswith("output.field")]) == 50
    assert {len(line) for line in lines} == {len(head)}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["r.csv", "r.jsonl"]
    wide = (row(output={"raw": "", "json": {f"{at}.{part}": 1 for part in range(100)}}) for at in range(1_000))
    with pytest.raises(Stop, match="more than 2,000 columns"):
        write_results(tmp_path / "wide.csv", wide)
    assert not (tmp_path / "wide.csv").exists()


def test_texts_that_are_no_unicode_are_written_too(tmp_path: Path) -> None:
    odd = row(output={"raw": "a\ud800b", "json": None})
    write_results(tmp_path / "r.csv", [odd])
    assert "a?b" in (tmp_path / "r.csv").read_text()
    write_results(tmp_path / "r.jsonl", [odd])
    assert json.loads((tmp_path / "r.jsonl").read_text()) == odd


def test_a_file_becomes_what_it_is_when_it_is_whole(tmp_path: Path) -> None:
    target, link = tmp_path / "a.csv", tmp_path / "link.csv"
    target.write_text("before")
    link.symlink_to(target)
    with pytest.raises(Stop, match="is there already"), written(link, force=False):
        pass
    with suppress(ZeroDivisionError), written(target, force=True) as file:
        file.write(b"half" * (1 // 0))
    assert target.read_text() == "before"
    with written(link, force=True) as file:
        file.write(b"after")
    assert (target.read_text(), link.is_symlink()) == ("after", True)
    with pytest.raises(Stop, match="is there already"), written(tmp_path / "b.csv", force=False):
        (tmp_path / "b.csv").write_text("somebody else's")  # meanwhile
    assert (tmp_path / "b.csv").read_text() == "somebody else's"
    for wrong, said in ((tmp_path / "none" / "a.csv", "no folder"), (tmp_path, "is a folder")):
        with pytest.raises(Stop, match=said), written(wrong, force=True):
            pass
    with written(Path("/dev/null"), force=False) as file:
        file.write(b"x")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.csv", "b.csv", "link.csv"]


def test_limits_are_the_servers(tmp_path: Path) -> None:
    assert rows_file.MOST_ROWS == MAX_ROWS
    assert reading.MOST_BYTES == MAX_UPLOAD_BYTES > settings_of_server.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert (project_files.MOST_UNPACKED_BYTES, project_files.MOST_FILES) == (MAX_UNPACKED_BYTES, MAX_ENTRIES)
    assert {f".{ending}" for ending in SOURCES | TEXTS} == project_files.READ


def test_nothing_larger_is_read_than_could_be_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(10**11)  # a file of holes
    for use, said in (
        (lambda: read_rows(str(large)), "more than 64 MB"),
        (lambda: reading.read_object(large), "more than 5 MB"),
        (lambda: packed([str(large)]), "more than 5 MB"),
    ):
        with pytest.raises(Stop, match=said):
            use()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(large.open("rb")))
    with pytest.raises(Stop, match="- has more than 64 MB"):
        read_rows("-", "csv")
    many = read(tmp_path, "many.csv", b"city\n" + b"Ulm\n" * (rows_file.MOST_ROWS + 1))
    with pytest.raises(Stop, match="10,001 rows; at most 10,000"):
        mapped(many, ["city"], {})
    project = tmp_path / "project"
    (project / "deep").mkdir(parents=True)
    for at in range(60):
        (project / "deep" / f"{at:02}.py").write_text("x" * 10)
    os.mkfifo(project / "waits.py")  # nobody writes into it
    (project / os.fsdecode(b"\xff.py")).write_text("x")
    assert packed([str(project)])[1] == [os.fsdecode(b"\xff.py")]
    opened: list[Path] = []
    monkeypatch.setattr(project_files, "read", lambda path, most: opened.append(path) or path.read_bytes())
    for name, limit, said in (
        ("MOST_UNPACKED_BYTES", 400, "sources and texts have more than"),
        ("MOST_FILES", 40, "more than 40 sources and texts"),
        ("MOST_SEEN", 40, "more than 40 files and folders"),
    ):
        opened.clear()
        with monkeypatch.context() as patch:
            patch.setattr(project_files, name, limit)
            with pytest.raises(Stop, match=said):
                packed([str(project)])
        assert len(opened) <= 41


def test_a_project_is_sent_without_its_secrets_and_its_surroundings(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    for name, text in {
        "src/crew.py": "crew",
        "config/agents.yaml": "agents",
        ".env": "OPENAI_API_KEY=secret",
        ".git/config.txt": "no",
        "node_modules/x/a.json": "{}",
        "picture.png": "no",
        "large.txt": "x" * 2_000_001,
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    (tmp_path / "outside.py").write_text("outside")
    (project / "link.py").symlink_to(tmp_path / "outside.py")
    ((name, content),), passed = packed([str(project)])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["config/agents.yaml", "src/crew.py"]
    assert (name, passed) == ("project.zip", ["large.txt"])
    assert packed([str(project)])[0] == [(name, content)]  # to the byte, for a key
    assert packed([str(tmp_path / "outside.py")])[0] == [("outside.py", b"outside")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(Stop, match="nothing that could be a crew"):
        packed([str(tmp_path / "empty")])


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of two profiles, which is not there before."""
    file = tmp_path / "deep" / "profiles.json"
    monkeypatch.setenv(settings.FILE, str(file))
    for name in (settings.URL, settings.TOKEN, settings.PROFILE):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(settings.NoSettings, match="crewsite login"):
        settings.chosen(None, None, over_http=False)
    before = os.umask(0)
    try:
        for name in ("default", "work"):
            settings.keep(name, settings.Profile(f"https://{name}.example.com", TOKEN + name))
    finally:
        os.umask(before)
    return file


def test_profiles_are_for_their_owner_alone(kept: Path) -> None:
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(kept.parent.iterdir()) == [kept]
    assert not settings.readable_by_others()
    assert TOKEN not in repr(settings.profiles())
    assert settings.forget("work")
    assert not settings.forget("work")
    kept.chmod(0o644)
    assert settings.readable_by_others()
    kept.write_text('{"profiles": {"default": {"token": "' + TOKEN + '"}}}')
    with pytest.raises(settings.NoSettings) as caught:
        settings.profiles()
    assert TOKEN not in str(caught.value)


def test_a_token_goes_to_its_own_server_alone(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen() == ("https://default.example.com", TOKEN + "default")
    assert chosen(profile="work") == ("https://work.example.com", TOKEN + "work")
    assert chosen("https://default.example.com/") == ("https://default.example.com", TOKEN + "default")
    with pytest.raises(settings.NoSettings, match="no token"):
        chosen("https://elsewhere.example.com")
    with pytest.raises(settings.NoSettings, match="no profile 'gone'"):
        chosen(profile="gone")
    monkeypatch.setenv(settings.PROFILE, "work")
    assert chosen()[0] == "https://work.example.com"
    monkeypatch.setenv(settings.TOKEN, "another")
    assert chosen() == ("https://work.example.com", "another")
    monkeypatch.setenv(settings.URL, "https://given.example.com")
    assert chosen() == ("https://given.example.com", "another")
    monkeypatch.delenv(settings.TOKEN)
    with pytest.raises(settings.NoSettings, match="no token"):
        chosen()


def chosen(url: str | None = None, profile: str | None = None) -> tuple[str, str]:
    found = settings.chosen(url, profile, over_http=False)
    return found.url, found.token
