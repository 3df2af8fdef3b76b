"""`ortsnetz edge check`: what a technician types, reads and hands on.

Devices speak the small protocol of `line_protocol`; the real ones have tests of their own in
`tests/interop/test_technician_tools.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from line_protocol import installed
from small_node import SmallNode
from small_substation import (
    Substation,
    change,
    running,
)

from ortsnetz_common import cli


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallNode:
    installed(monkeypatch)
    return SmallNode(tmp_path)


@pytest.fixture
def substation(node: SmallNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[Substation]:
    with running(node, monkeypatch) as found:
        yield found


@dataclass
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    def type_(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["ortsnetz", "edge", "check", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return type_


def test_the_report_is_read_from_the_worst_to_the_best(
    substation: Substation, typed: Callable[..., Said]
) -> None:
    change(substation.feeder, holding_1=230.0)
    agent = str(substation.write())
    said = typed(agent, "--online")
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[0].startswith("node ons-1  parameter set version 3  20")
    assert lines[-1] == "wrong: 3 sources: 2 ok, 0 need attention, 1 wrong"
    assert any(
        "MMXU1.PhV.phsB" in line and "0.1 times what it should be: the scale" in line
        for line in lines
    )
    assert not any("MMXU1.PhV.phsA" in line and "ev-1" in line for line in lines)
    assert sum("MMXU1.PhV.phsA" in line for line in lines) == 1  # of the source that is wrong
    assert (
        sum(
            "MMXU1.PhV.phsA" in line
            for line in typed(agent, "--online", "--points").out.splitlines()
        )
        == 3
    )


def test_only_the_sources_asked_for_are_asked(
    substation: Substation, typed: Callable[..., Said]
) -> None:
    agent = str(substation.write())
    said = typed(agent, "--online", "--only", "ev-1")
    assert said.code == 0
    assert "DWMX1.WLimSpt" in said.out
    assert substation.feeder.lines == []
    strange = typed(agent, "--only", "ev-9")
    assert strange.code == 2
    assert "no such source (it has: trafo, feeder, ev-1)" in strange.err


def test_the_same_for_scripts(substation: Substation, typed: Callable[..., Said]) -> None:
    substation.ev.silent = True
    found = json.loads(typed(str(substation.write()), "--online", "--json").out)
    assert found["sources"][0]["points"][0]["value"] == 230.0
    assert found["sources"][2]["findings"][0]["verdict"] == "wrong"


def test_off_line_nobody_is_asked_and_it_is_said(
    substation: Substation, typed: Callable[..., Said]
) -> None:
    said = typed(str(substation.write()))
    assert said.code == 0
    assert said.out.splitlines()[-1].endswith("no device was asked (--online asks)")
    assert substation.ev.lines == []


def test_without_an_agent_json_there_is_one_line_and_exit_code_2(
    tmp_path: Path, typed: Callable[..., Said]
) -> None:
    said = typed(str(tmp_path / "none.json"))
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "cannot be read" in said.err


def test_an_agent_that_runs_carries_no_tools() -> None:
    """Neither their memory nor their mistakes."""
    script = (
        "import sys, ortsnetz_edge.commands;"
        "print([m for m in sys.modules if 'console.probing' in m or 'console.checking' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


class Page(HTMLParser):
    """What stands in a page, and what it would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_holds_everything_and_loads_and_runs_nothing(
    substation: Substation, typed: Callable[..., Said], tmp_path: Path
) -> None:
    hostile = "<script>alert(1)</script>"
    substation.ev.who = (f"Toys{hostile}", 'T1" onload="x', "S-1")
    change(substation.feeder, holding_1=230.0)
    path = tmp_path / "report.html"
    said = typed(str(substation.write()), "--online", "--html", str(path))
    assert said.code == 1
    page = Page(path.read_text(encoding="utf-8"))
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in page.tags)
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name == "src" for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert hostile in page.words  # as text
    for words in ("ons-1", "MMXU1.PhV.phsB", "0.1 times what it should be: the scale", "127.0.0.1"):
        assert words in page.words
    marks = [a for tag, a in page.tags if tag == "rect" and a.get("class") == "mark"]
    assert len(marks) >= 12
    lowest = min(float(mark["x"] or 0) for mark in marks)
    assert lowest == 0.0  # 23 V lies below all that the gauge shows


def test_a_page_that_cannot_be_written_is_a_mistake_of_the_input(
    node: SmallNode, typed: Callable[..., Said], tmp_path: Path
) -> None:
    said = typed(str(node.write()), "--html", str(tmp_path / "none" / "x.html"))
    assert said.code == 2
    assert "cannot be written" in said.err


def test_on_a_terminal_something_moves_while_devices_are_asked(
    substation: Substation, typed: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    substation.feeder.silent = True
    agent = str(substation.write())
    leader, follower = os.openpty()
    with os.fdopen(follower, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert typed(agent, "--online").code == 1
    assert "asking 3 sources: " in os.read(leader, 65_536).decode()
    os.close(leader)
