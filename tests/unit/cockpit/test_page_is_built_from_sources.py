"""The committed page is the one that its sources make; found without node."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "cockpit" / "web"
BUILT = ROOT / "cockpit" / "server" / "src" / "ortsnetz_cockpit" / "web"
# What the page depends on, as in cockpit/web/build-record.ts.
NAMES = (
    "build-record.ts",
    "index.html",
    "package-lock.json",
    "package.json",
    "src",
    "tsconfig.json",
    "vite.config.ts",
)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sources_hash(root: Path) -> str:
    """SHA-256 over `<sha256 of the file>  <path>` and a line feed, in the order of the paths."""
    files = [
        path
        for name in NAMES
        for path in [root / name, *(root / name).rglob("*")]
        if path.is_file()
    ]
    relative = sorted(path.relative_to(root).as_posix() for path in files)
    lines = [f"{_sha256((root / path).read_bytes())}  {path}\n" for path in relative]
    return _sha256("".join(lines).encode())


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BUILT / "build.json").read_text())
    return found


def test_the_built_page_is_that_of_the_sources(record: dict[str, Any]) -> None:
    assert record["sources"] == _sources_hash(SOURCES), "the page is stale: run `make web`"


def test_the_built_files_are_those_of_the_build(record: dict[str, Any]) -> None:
    found = {
        path.relative_to(BUILT).as_posix(): _sha256(path.read_bytes())
        for path in BUILT.rglob("*")
        if path.is_file() and path.name != "build.json"
    }
    assert found == record["files"], "a built file was changed by hand: run `make web`"


def test_a_changed_source_makes_the_build_stale(tmp_path: Path, record: dict[str, Any]) -> None:
    for name in NAMES:
        for path in [SOURCES / name, *(SOURCES / name).rglob("*")]:
            if path.is_file():
                copy = tmp_path / path.relative_to(SOURCES)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    assert _sources_hash(tmp_path) == record["sources"]
    (tmp_path / "src" / "style" / "base.css").write_text("body { color: red }")
    assert _sources_hash(tmp_path) != record["sources"]


def test_the_page_loads_nothing_from_elsewhere_and_has_no_inline_script() -> None:
    page = (BUILT / "index.html").read_text()
    assert "http://" not in page
    assert "https://" not in page
    assert "<style" not in page
    scripts = [part.partition("</script>")[0] for part in page.split("<script")[1:]]
    assert scripts
    assert all(script.rstrip().endswith(">") for script in scripts), "an inline script"


def test_the_lock_file_records_no_download_addresses() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if "integrity" not in entry]


def test_the_licences_of_what_is_bundled_are_shipped() -> None:
    licences = (BUILT / "licences.txt").read_text()
    for name in ("react ", "react-dom ", "uplot "):
        assert f"\n{name}" in licences
    assert licences.count("Permission is hereby granted") >= 3
