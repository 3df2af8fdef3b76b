"""Every skip must be permitted by `allowed_skips.txt`; any other skip fails the run."""

from __future__ import annotations

import os
from collections.abc import Generator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run: a test that fails fails for everybody. To look for new examples:
# HYPOTHESIS_PROFILE=explore .venv/bin/pytest ...
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

ALLOWED = Path(__file__).parent / "allowed_skips.txt"


def _allowed() -> list[tuple[str, str]]:
    rules = []
    for line in ALLOWED.read_text().splitlines():
        text = line.split("#", 1)[0].strip()
        if text:
            test, _, reason = text.partition("|")
            rules.append((test.strip(), reason.strip()))
    return rules


class SkipLedger:
    """Collects skips and compares them with the permitted ones."""

    def __init__(self) -> None:
        self.forbidden: list[str] = []
        self.permitted = 0
        self._rules = _allowed()

    def note(self, nodeid: str, reason: str) -> None:
        if any(fnmatch(nodeid, test) and fnmatch(reason, why) for test, why in self._rules):
            self.permitted += 1
        else:
            self.forbidden.append(f"{nodeid}: {reason}")


LEDGER = pytest.StashKey[SkipLedger]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEDGER] = SkipLedger()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        item.config.stash[LEDGER].note(item.nodeid, reason.removeprefix("Skipped: "))
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.stash[LEDGER].forbidden and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ledger = terminalreporter.config.stash[LEDGER]
    if ledger.permitted:
        terminalreporter.write_line(f"{ledger.permitted} permitted skips (tests/allowed_skips.txt)")
    for entry in ledger.forbidden:
        terminalreporter.write_line(f"FORBIDDEN SKIP {entry}", red=True)
