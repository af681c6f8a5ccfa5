"""The rules of the tree that a machine can keep: import directions, what git may hold, sizes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 400
MAX_MODULES = 16
LARGE_ON_PURPOSE = {"agents_app/formats/python"}
MAX_TEMPLATE_CHARS = 160
REGISTRIES = ("pythonhosted" + ".org", "registry.npm" + "js.org", "pypi" + ".org/simple")
TEXT = {".py", ".md", ".txt", ".in", ".toml", ".json", ".yaml", ".yml", ".html", ".css", ".js", ".sh", ""}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def product_modules() -> list[Path]:
    packages = ("crewsite", "engine", "teams", "agents_app", "runs", "client/crewsite_client")
    return [path for package in packages for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts]


@pytest.fixture(scope="module")
def texts() -> dict[Path, str]:
    return {path: path.read_text("utf-8", "replace") for path in tracked() if path.suffix in TEXT}


def test_imports_go_downwards_only() -> None:
    command, path = Path(sys.executable).parent / "lint-imports", os.environ | {"PYTHONPATH": str(ROOT / "client")}
    done = subprocess.run([command], cwd=ROOT, env=path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_names_a_package_registrys_host(texts: dict[Path, str]) -> None:
    assert [path for path, text in texts.items() if any(host in text for host in REGISTRIES)] == []


def test_no_file_holds_a_path_of_the_machine_it_was_written_on(texts: dict[Path, str]) -> None:
    assert [path for path, text in texts.items() if f"{ROOT.parent}/" in text and str(ROOT.parent) != "/"] == []


def test_no_line_of_a_template_is_too_long_to_be_read(texts: dict[Path, str]) -> None:
    long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path, text in texts.items()
        if path.is_relative_to(ROOT / "templates")
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > MAX_TEMPLATE_CHARS
    ]
    assert long == []


def test_third_party_front_end_code_is_not_in_git() -> None:
    strays = [path for path in tracked() if re.search(r"\.min\.(js|css)$|node_modules", str(path.relative_to(ROOT)))]
    assert strays == []


def test_no_module_has_grown_into_two_rooms() -> None:
    long = {
        str(path.relative_to(ROOT)): n for path in product_modules() if (n := path.read_text().count("\n")) > MAX_LINES
    }
    assert long == {}


def test_no_folder_has_grown_into_a_corridor() -> None:
    modules = [path.parent for path in product_modules() if path.name != "__init__.py"]
    large = {str(folder.relative_to(ROOT)) for folder in modules if modules.count(folder) > MAX_MODULES}
    assert large <= LARGE_ON_PURPOSE
