"""What the documentation names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
TEST = re.compile(r"`(tests/[\w/.]+)`")
TARGET = re.compile(r"`make ([a-z0-9-]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_every_named_test_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    lost = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    lost += [name for name in TEST.findall(text) if not (ROOT / name).exists()]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_named_make_target_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    unknown = [t for t in TARGET.findall(page.read_text()) if f"\n{t}:" not in makefile]
    assert unknown == []


def test_requirement_files_record_no_download_addresses() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in file.read_text(), file.name
        assert "--index-url" not in file.read_text(), file.name
    lock = ROOT / "cockpit" / "web" / "package-lock.json"
    assert '"resolved"' not in lock.read_text()
