"""Networks of the studies: published low and medium voltage networks that nothing was tuned to.

SimBench's come with its package (ODbL), the others with pandapower: CIGRE (TF C6.04.02), the IEEE
European LV feeder, Kerber's German suburbs and villages (dissertation, TU Munich 2011), the LV
network of a study of voltage control. All enter through the product's importer.
"""

from __future__ import annotations

import contextlib
import io
import logging
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.source import load
from ortsnetz_grid.network.model import Network

PHASE_SEED = 1


@dataclass(frozen=True)
class Grid:
    """Where a network comes from.

    Attributes:
        name: for people.
        read: gives it as pandapower has it.
        meshed: close every open switch.
    """

    name: str
    read: Callable[[], Any]
    meshed: bool = False


def _generated(name: str) -> Callable[[], Any]:
    def read() -> Any:
        from pandapower import networks

        return getattr(networks, name)()

    return read


_SIMBENCH = (
    "1-LV-rural1--0-sw",
    "1-LV-rural2--0-sw",
    "1-LV-rural3--2-sw",
    "1-LV-semiurb4--0-sw",
    "1-LV-semiurb5--1-sw",
    "1-LV-urban6--0-sw",
    "1-MV-rural--0-sw",
    "1-MV-comm--0-sw",
    "1-MV-semiurb--0-sw",
    "1-MV-urban--0-sw",
)
_PANDAPOWER = {
    "kerber-landnetz": "create_kerber_landnetz_freileitung_1",
    "kerber-dorfnetz": "create_kerber_dorfnetz",
    "kerber-vorstadt": "create_kerber_vorstadtnetz_kabel_1",
    "voltage-control-lv": "create_synthetic_voltage_control_lv_network",
    "cigre-mv": "create_cigre_network_mv",
    "oberrhein-mv": "mv_oberrhein",
}
GRIDS = {
    grid.name: grid
    for grid in (
        *(Grid(code, partial(load, code)) for code in _SIMBENCH),
        *(Grid(code, partial(load, code)) for code in ("cigre-lv", "ieee-european-lv")),
        *(Grid(name, _generated(function)) for name, function in _PANDAPOWER.items()),
        Grid("1-MV-rural, rings closed", partial(load, "1-MV-rural--0-sw"), meshed=True),
        Grid("1-MV-urban, rings closed", partial(load, "1-MV-urban--0-sw"), meshed=True),
    )
}


def register(code: str) -> None:
    """Let a SimBench code or published feeder be found by its name, too."""
    GRIDS.setdefault(code, Grid(code, partial(load, code)))


@cache
def network_of(name: str) -> Network:
    """A network by name, phases drawn from one seed."""
    grid = GRIDS[name]
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # the libraries' warnings are about themselves
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            random.seed(PHASE_SEED)  # pandapower draws line types of some networks
            net = grid.read()
            if grid.meshed:
                net.switch["closed"] = True
            return convert(net, name, PHASE_SEED)
    finally:
        logging.disable(disabled)
