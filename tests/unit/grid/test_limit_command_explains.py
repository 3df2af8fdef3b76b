"""What `ortsnetz limit --explain` says is what is so, above all where limits cannot be kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.unit.grid.test_limit_command import case

from ortsnetz_grid.commands.limit import limit

Json = dict[str, Any]
CAR = {"id": 41, "kind": "ev", "request_w": [16e3] * 3, "floor_w": [15e3] * 3}
ROOF = {"id": 42, "kind": "pv", "request_w": [-2e3] * 3, "floor_w": [0, 0, 0]}


class Said:
    """Runs the command on some devices of the case of a 40 kVA transformer."""

    def __init__(self, folder: Path, listed: list[Json], *options: str) -> None:
        named = {device["id"] for device in listed}
        written = case()
        if 41 not in named:
            written["data"]["asym_load"][1]["p_specified"] = [15e3] * 3
        asked = {"limits": {"u_pu": [0.9, 1.1], "loading": 1.0}, "devices": listed}
        for name, content in (("case", written), ("devices", asked)):
            (folder / name).write_text(json.dumps(content))
        paths = [str(folder / name) for name in ("case", "devices", "out")]
        result = CliRunner().invoke(limit, [*paths[:2], "-o", paths[2], "--explain", *options])
        assert result.exit_code == 0, result.output
        self.lines = result.output.splitlines()
        self.answer: Json = json.loads((folder / "out").read_text())

    def loading(self) -> float:
        worst: float = self.answer["worst"]["loading"]["value"]
        return worst


def test_a_roof_that_relieves_an_overload_is_not_switched_off(tmp_path: Path) -> None:
    said = Said(tmp_path, [CAR, ROOF])
    assert said.answer["devices"][1]["p_w"] == pytest.approx([-2e3] * 3)
    assert said.lines[0] == "infeasible: No setting keeps all limits; this one exceeds them least."
    floors = Said(tmp_path, [CAR, ROOF], "--infeasible", "floors")
    assert floors.answer["devices"][1]["p_w"] == [0.0] * 3
    assert floors.lines[0] == (
        "infeasible: No setting keeps all limits; devices are at their floors."
    )
    assert floors.loading() > said.loading() + 0.1  # 6 kW of 40 kVA


def test_missing_relief_is_said_once_for_each_phase_and_adds_up(tmp_path: Path) -> None:
    said = Said(tmp_path, [CAR, ROOF])
    assert [one["what"][-1] for one in said.answer["shortfall"]] == ["a", "b", "c"]
    assert sum("of relief missing" in line for line in said.lines) == 3
    # the devices and the house draw so much more, in all, than the transformer carries
    missing_w = sum(one["relief_w"] for one in said.answer["shortfall"])
    assert missing_w == pytest.approx((said.loading() - 1) * 40e3, rel=0.02)


def test_without_devices_nobody_is_said_to_be_at_a_floor(tmp_path: Path) -> None:
    said = Said(tmp_path, [])
    assert said.lines[0] == (
        "infeasible: Limits are violated, and there is no device that could be held back."
    )


def test_a_device_that_is_held_back_a_little_is_not_said_to_get_what_it_asks(
    tmp_path: Path,
) -> None:
    inverter = {"reactive_var": 5e3, "apparent_va": 1e3}
    little = {"request_w": [1e3] * 3, "floor_w": [0, 0, 0]}
    said = Said(
        tmp_path, [CAR | {"floor_w": [0, 0, 0]}, ROOF | inverter, CAR | little | {"id": 40}]
    )
    roof = said.answer["devices"][1]
    assert 0.99 < roof["k"] < 1
    assert abs(sum(roof["q_var"])) > 1.0
    assert roof["reason"].startswith("limited to 5.995 of 6.000 kW feed-in")
    assert said.answer["warnings"] == [
        "a request beyond apparent_va leaves reactive power only where it is held back: device 42"
    ]


def test_the_help_has_its_example_as_it_can_be_copied() -> None:
    words = CliRunner().invoke(limit, ["--help"]).output
    assert "\\b" not in words
    _, _, rest = words.partition("has all fields:\n")
    example = json.loads(rest.partition("\n\n")[0])
    assert example["devices"][0]["floor_w"] == [1610, 1610, 1610]
