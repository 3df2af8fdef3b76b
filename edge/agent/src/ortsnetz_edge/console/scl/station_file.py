"""A parameter set for the sources of an SCL file, with marks where people have to say something.

It has the form of a parameter set, without signature: station, and the texts of its profiles. What
no SCL file says (where in the network, on which phases, how exact, what is guaranteed) is marked;
a node refuses a set with a mark in words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import SCHEMA
from ortsnetz_common.parameters.refusal import marks_in
from ortsnetz_common.parameters.station import Device, Meter, TapChanger
from ortsnetz_edge.console.scl.connections import Fields, to_fill_in
from ortsnetz_edge.console.scl.writing import Written

_WHERE = "id in the network file of"
_U_SIGMA = "standard deviation of a phase voltage, relative to nominal, such as 0.005"
_P_SIGMA = "standard deviation of a phase power, W"
_PHASES = "network phases at its terminals 1, 2, 3, such as abc"
_METER = {
    "role": "transformer, feeder or customer",
    "element": f"{_WHERE} its branch (transformer or line), of its node for a customer",
    "phases": _PHASES,
    "side": "end of the branch where it sits, from or to; null for a customer",
    "u_sigma": _U_SIGMA,
    "p_sigma": _P_SIGMA,
}
_DEVICE = {
    "kind": "ev, pv, heat_pump, storage, load or energy_manager",
    "element": f"{_WHERE} its load (asym_load) or generator (asym_gen)",
    "phase_count": "1 or 3",
    "phases": _PHASES,
    "rated_w": "rated power, W",
    "floor_w": "power that is guaranteed, W",
    "floor_rule": "the rule behind it: 14a EnWG, none, or one of the set's own",
    "reaction_s": "longest time until it follows a set point, s",
    "fallback_w": "limit when the node has been blind for long, W",
    "u_sigma": _U_SIGMA,
    "p_sigma": _P_SIGMA,
}
_TAP_CHANGER = {
    "element": f"{_WHERE} its transformer",
    "setpoint_pu": "voltage at the busbar when nobody says otherwise, of nominal, such as 1.0",
}
_SOURCE = {
    "node": f"{_WHERE} the medium-voltage node",
    "u_pu": "its voltage as it is assumed, of nominal",
    "sigma_pu": "standard deviation of that",
}
_SET = {
    "node": "name of the node",
    "version": "a number higher than that of the set in force",
    "network_sha256": "SHA-256 of the network file",
}
_FIELDS: dict[str, tuple[type[Struct], dict[str, str]]] = {
    "meters": (Meter, _METER),
    "devices": (Device, _DEVICE),
    "tap_changers": (TapChanger, _TAP_CHANGER),
}


def write_station(path: Path, written: Iterable[Written]) -> int:
    """Write the set of what has been written; how many marks it has.

    Raises:
        InputError: the file is there already, or cannot be written.
    """
    content = _set_of([each for each in written if each.path is not None])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    except FileExistsError as error:
        raise InputError(f"{path} is there already: it is not overwritten") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    return sum(1 for _ in marks_in(content))


def _set_of(written: list[Written]) -> Fields:
    entries: dict[str, list[Fields]] = {"meters": [], "devices": [], "tap_changers": []}
    for each in written:
        for where, entry in _entries(each):
            entries[where].append(entry)
    station = {**entries, "pseudo": [], "source": _marked(_SOURCE)}
    profiles = {each.kind: _text(each) for each in written}
    return {"schema": SCHEMA, **_marked(_SET), "station": station, "profiles": profiles}


def _entries(written: Written) -> Iterator[tuple[str, Fields]]:
    """The source of a profile: what takes limits is a device, what has taps a tap changer."""
    for how, connection in written.connections.items():
        where = "meters" if how else written.kept_in
        name = f"{written.kind}-{how}" if how else written.kind
        kind, marks = _FIELDS[where]
        entry: Fields = {"name": name, "profile": written.kind, "connection": connection}
        entry |= _marked(marks)
        yield where, {field: entry[field] for field in kind.__struct_fields__ if field in entry}


def _text(written: Written) -> Any:
    """The profile's text; a device without a set point would be refused."""
    if written.kept_in == "meters" or written.path is None:
        return written.text
    return to_fill_in(f"text of {written.path.name}, once its set point has been completed")


def _marked(fields: dict[str, str]) -> Fields:
    return {name: to_fill_in(words) for name, words in fields.items()}
