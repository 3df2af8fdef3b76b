"""A device's own watchdog raises nothing, or it is said: a dead agent takes nothing back."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import msgspec
from small_node import SmallNode, charger

from ortsnetz_edge.control.fallbacks import warnings

ORTSNETZ = Path(sys.executable).parent / "ortsnetz"


def test_a_device_that_falls_back_to_its_floor_is_no_word_worth() -> None:
    assert list(warnings([charger()])) == []


def test_an_agent_warns_of_a_device_whose_watchdog_gives_it_more_than_its_floor() -> None:
    (said,) = warnings([msgspec.structs.replace(charger(), fallback_w=10 * 690.0)])
    assert "'ev-1': 60 s after this agent has died" in said
    assert "6900 W" in said
    assert "its floor, 4830 W" in said
    assert "set fallback_w to floor_w" in said


def test_a_device_without_a_watchdog_keeps_what_it_has() -> None:
    alone = msgspec.structs.replace(charger(), fallback_w=10 * 690.0, watchdog_s=None)
    assert list(warnings([alone])) == []


def test_the_agent_says_it_when_it_starts(tmp_path: Path) -> None:
    node = SmallNode(tmp_path)
    node.device(fallback_w=10 * 690.0)
    command = [str(ORTSNETZ), "edge", "run", str(node.write())]
    agent = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    giving_up = threading.Timer(30.0, agent.kill)
    giving_up.start()
    try:
        assert agent.stderr is not None
        said = next((line for line in agent.stderr if "'ev-1'" in line), "")
    finally:
        giving_up.cancel()
        agent.kill()
        agent.communicate()
    assert "WARNING 'ev-1': 60 s after this agent has died" in said
