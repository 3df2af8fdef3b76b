"""Validation: what is wrong with a network, as data and in a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from power_grid_model import CalculationType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.validation import problems, require_valid

FLOW = CalculationType.power_flow


@pytest.fixture
def document(hamlet: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(hamlet.network.to_json())
    return found


def network(document: dict[str, Any]) -> Network:
    return Network.from_json(json.dumps(document), "village.json")


def test_a_sound_network_has_no_problem(document: dict[str, Any]) -> None:
    assert problems(network(document), FLOW) == ()


def test_a_problem_says_component_attribute_element_and_reason(document: dict[str, Any]) -> None:
    document["data"]["line"][3]["i_n"] = -5.0
    (found,) = problems(network(document), FLOW)
    element = document["data"]["line"][3]
    assert (found.component, found.fields, found.ids) == ("line", ("i_n",), (element["id"],))
    assert found.sentence == (
        f"line {element['id']} '{element['name']}': i_n: must be greater than 0.0"
    )


def test_lines_between_voltage_levels_and_confused_units_are_found(
    document: dict[str, Any],
) -> None:
    data = document["data"]
    data["transformer"][0]["u2"] = 0.4  # kV
    data["line"][0]["from_node"] = data["source"][0]["node"]
    sentences = [each.sentence for each in problems(network(document), FLOW)]
    assert any("u2 0.4 V does not fit its node's 400 V" in each for each in sentences)
    assert any("joins nodes of 20000 V and 400 V" in each for each in sentences)


def test_the_first_problem_is_raised_and_the_others_are_counted(document: dict[str, Any]) -> None:
    for line in document["data"]["line"][:2]:
        line["r0"] = None
    document["data"]["asym_load"][0]["status"] = 7
    with pytest.raises(InputError) as error:
        require_valid(network(document), FLOW, "village.json")
    text = str(error.value)
    assert text.startswith("village.json: ")
    assert "(and 1 more)" in text
    assert "\n" not in text


def test_an_element_without_id_is_named_by_its_place(document: dict[str, Any]) -> None:
    del document["data"]["line"][2]["id"]
    with pytest.raises(InputError, match="line at place 2 has no id"):
        network(document)


def test_a_value_of_the_wrong_kind_is_named_by_its_element(document: dict[str, Any]) -> None:
    document["data"]["line"][2]["r1"] = "thick"
    element = document["data"]["line"][2]["id"]
    with pytest.raises(InputError, match=f"line {element}: r1: number expected"):
        network(document)
