"""Static files straight out of other people's packages, those that ``STATIC_PACKAGES`` lists; hashed names for all."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage, Error
from django.core.files.storage import FileSystemStorage, Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class PackageFinder(BaseFinder):
    """Finds the files of ``STATIC_PACKAGES``; a missing package is said by ``manage.py check``."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [
            Error(f"{path} is not installed.", hint="Run `make up` or `make test` once.", id="crewsite.E001")
            for path in _files().values()
            if not path.is_file()
        ]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        file = _files().get(path)
        found = str(file) if file is not None and file.is_file() else None
        return ([found] if found else []) if find_all else found

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, Storage]]:
        for address, file in _files().items():
            yield file.name, _Renamed(file.parent, address=address)


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Our own modules import each other by their hashed names too; references to source maps are left as they are."""

    support_js_module_import_aggregation = True
    patterns = tuple(
        (kind, tuple(rule for rule in rules if "sourceMappingURL" not in str(rule)))
        for kind, rules in CompressedManifestStaticFilesStorage.patterns
    )


class _Renamed(FileSystemStorage):
    """One file of a folder under another address: collectstatic asks a storage for ``prefix`` and name."""

    def __init__(self, folder: Path, *, address: str) -> None:
        super().__init__(location=folder)
        self.prefix = str(Path(address).parent)


def _files() -> dict[str, Path]:
    return {address: _package(package) / file for address, (package, file) in settings.STATIC_PACKAGES.items()}


def _package(name: str) -> Path:
    if name.startswith("@"):
        return Path(settings.BASE_DIR) / "node_modules" / name
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return Path("/not installed") / name
    return Path(spec.submodule_search_locations[0])
