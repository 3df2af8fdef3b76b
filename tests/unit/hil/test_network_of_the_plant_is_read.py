"""The plant's reading of a network file: what it takes, and what it refuses by name."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import network_file
from ortsnetz_hil.plant.power_flow import Injections, PowerFlow

ORTSNETZ = Path(sys.executable).with_name("ortsnetz")


@pytest.fixture(scope="module")
def document(default_network: Path) -> dict[str, Any]:
    return dict(json.loads(default_network.read_text()))


def changed(document: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> str:
    copied = copy.deepcopy(document)
    change(copied["data"])
    return json.dumps(copied)


def test_a_network_with_three_transformers_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "cigre.json"
    subprocess.run(
        [str(ORTSNETZ), "network", "import", "cigre-lv", "-o", str(path)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    network = network_file.parse(path.read_text(), "cigre-lv")
    loads, none = network.data["asym_load"], np.empty((0, 3))
    state = PowerFlow(network).solve(
        Injections(loads["p_specified"], loads["q_specified"], none, none)
    )
    assert state.transformers.s_from.shape == (3, 3)
    assert state.balance < 1e-6
    assert state.energized.all()
    transformers = network.data["transformer"]
    assert network.busbar() == set(transformers["to_node"].tolist())
    # load and losses: each transformer gives what its part of the network takes
    assert state.source_s.real == pytest.approx(loads["p_specified"].sum(), rel=0.08)
    assert state.source_s.real > loads["p_specified"].sum()


def test_only_closed_links_belong_to_the_busbar(document: dict[str, Any]) -> None:
    def add_links(data: dict[str, Any]) -> None:
        busbar = data["transformer"][0]["to_node"]
        others = [node["id"] for node in data["node"] if node["id"] != busbar][:2]
        data["link"] = [
            {"id": 9000 + k, "from_node": busbar, "to_node": node,
             "from_status": closed, "to_status": 1}
            for k, (node, closed) in enumerate(zip(others, (1, 0), strict=True))
        ]  # fmt: skip

    network = network_file.parse(changed(document, add_links), "linked")
    ends = network.data["link"]["to_node"].tolist()
    assert ends[0] in network.busbar()
    assert ends[1] not in network.busbar()


@pytest.mark.parametrize(
    ("component", "element"),
    [
        ("sym_load", {"id": 9000, "node": 1, "status": 1, "type": 0, "p_specified": 1.0,
                      "q_specified": 0.0}),
        ("sym_gen", {"id": 9000, "node": 1, "status": 1, "type": 0, "p_specified": 1.0,
                     "q_specified": 0.0}),
        ("generic_branch", {"id": 9000, "from_node": 1, "to_node": 2, "from_status": 1,
                            "to_status": 1, "r1": 1.0, "x1": 1.0, "g1": 0.0, "b1": 0.0}),
    ],
)  # fmt: skip
def test_a_component_that_the_plant_does_not_cover_is_refused_by_name(
    document: dict[str, Any], component: str, element: dict[str, Any]
) -> None:
    text = changed(document, lambda data: data.update({component: [element]}))
    with pytest.raises(InputError, match=rf"street: the plant does not cover .* {component}"):
        network_file.parse(text, "street")


@pytest.mark.parametrize("component", ["transformer", "source", "line", "asym_load"])
def test_a_network_without_what_the_plant_needs_is_refused(
    document: dict[str, Any], component: str
) -> None:
    text = changed(document, lambda data: data.pop(component))
    with pytest.raises(InputError, match=rf"street: the network has no {component}"):
        network_file.parse(text, "street")
