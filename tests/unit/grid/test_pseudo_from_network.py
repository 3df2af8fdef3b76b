"""Who is who in a network file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from studies.hidden_meters import CLASSES, network_of
from studies.simbench_year import simbench_year

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.pseudo.from_network import customers_of
from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.source import load
from ortsnetz_grid.network.model import Network

CODE = "1-LV-rural1--0-sw"


def changed(component: str, place: int = 0, **fields: Any) -> Network:
    document = json.loads(network_of(CODE).to_json())
    document["data"][component][place].update(fields)
    return Network.from_json(json.dumps(document), "changed")


def test_simbench_s_customers_have_their_class_and_energy() -> None:
    network, year = network_of(CODE), simbench_year()
    found = customers_of(network)
    assert found.unknown == ()
    by_element = {each.element: each for each in found.known}
    for each in network.document["data"]["asym_load"]:
        customer = by_element[each["id"]]
        assert customer.kind == CLASSES[each["profile"][:2]]
        hours = year.hours_of_use(each["profile"])
        assert customer.annual_kwh == pytest.approx(sum(each["p_specified"]) / 1e3 * hours)
    for each in network.document["data"]["asym_gen"]:
        roof = by_element[each["id"]]
        hours = year.hours_of_use(each["profile"])
        assert roof.kind == "pv"
        # the class's mean plant, not this roof
        assert roof.annual_kwh == pytest.approx(each["kwp"] * hours, rel=0.2)


def test_tomorrow_s_network_has_heat_pumps_and_charge_points() -> None:
    code = "1-LV-rural1--2-sw"
    network = convert(load(code), code, 1)
    kinds = {each.kind for each in customers_of(network).known}
    assert kinds == {
        "farm", "household", "pv", "charging_home", "heat_pump_air", "heat_pump_soil"
    }  # fmt: skip
    loads = network.document["data"]["asym_load"]
    storage = {each["id"] for each in loads if each.get("kind") == "storage"}
    assert storage
    assert storage == set(customers_of(network).unknown)


def test_a_phase_that_the_file_knows_is_known() -> None:
    single = changed("asym_load", p_specified=[0.0, 3000.0, 0.0])
    assert customers_of(single).known[0].share == (0.0, 1.0, 0.0)
    assert customers_of(network_of(CODE)).known[0].share is None


def test_a_large_plant_is_three_phase_and_a_small_one_may_be_on_any() -> None:
    first = network_of(CODE).document["data"]["asym_gen"][0]["id"]
    for peak, share in ((9000.0, (1 / 3, 1 / 3, 1 / 3)), (3000.0, None)):
        found = customers_of(changed("asym_gen", p_specified=[peak / 3] * 3)).known
        (roof,) = [each for each in found if each.element == first]
        assert roof.share == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize(
    "fields",
    [{"profile": None}, {"profile": "cathedral"}, {"annual_kwh": None}, {"profile": "PV3"}],
)
def test_who_is_not_described_is_unknown_and_not_nothing(fields: dict[str, Any]) -> None:
    network = changed("asym_load", **fields)
    first = network.document["data"]["asym_load"][0]["id"]
    assert customers_of(network).unknown == (first,)


def test_who_is_out_of_service_is_neither() -> None:
    network = changed("asym_load", status=0)
    first = network.document["data"]["asym_load"][0]["id"]
    found = customers_of(network)
    assert first not in {*found.unknown, *(each.element for each in found.known)}


@pytest.mark.parametrize("energy", [-1.0, "much", True])
def test_an_energy_that_is_none_is_refused_by_name(energy: Any) -> None:
    with pytest.raises(InputError, match=r"asym_load \d+ '.*': annual_kwh is .*; state a number"):
        customers_of(changed("asym_load", annual_kwh=energy))
