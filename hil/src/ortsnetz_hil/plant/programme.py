"""What the plant plays: which element follows which curve, and where the curves come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import clear_sky, csv_profiles, simbench_year
from ortsnetz_hil.plant.calendar import Window
from ortsnetz_hil.plant.csv_profiles import CsvProfiles
from ortsnetz_hil.plant.devices.specs import Inverter
from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.profiles import DayProfiles, Profile
from ortsnetz_hil.plant.request import ProfileWish
from ortsnetz_hil.plant.weather import KINDS

SCENARIO = re.compile(r"--([012])-")
SIMBENCH, CSV, CLEAR_SKY = "simbench", "csv", "clear_sky"


@dataclass(frozen=True, slots=True)
class Programme:
    """Who follows what.

    Attributes:
        profiles: the curves.
        followed: name of the profile by id of a customer's load or generator.
        inverters: inverters with the profile of their roof.
        assumptions: for people.
    """

    profiles: DayProfiles
    followed: dict[int, str]
    inverters: tuple[Inverter, ...]
    assumptions: tuple[str, ...]


def programme(
    wish: ProfileWish,
    network: PlantNetwork,
    inverters: Sequence[Inverter],
    window: Window,
    seed: int,
) -> Programme:
    """Choose a curve for every customer and every roof.

    Args:
        wish: where curves come from.
        network: the network as built; its elements name their profiles.
        inverters: with SimBench's profiles as they were placed.
        window: the calendar's window.
        seed: roofs of a clear sky come from it.

    Raises:
        InputError: a source does not exist or has no curve for an element.
    """
    _check(wish)
    file = None
    if wish.csv is not None and CSV in {wish.loads, wish.sun}:
        file = csv_profiles.read(wish.csv, window.start_ns, window.length_s)
    loads = _Cast(wish.loads, file, seed).followed(network.elements("asym_load"))
    sun = _Cast(wish.sun, file, seed)
    gens = sun.followed(network.elements("asym_gen"))
    roofs = [sun.of_roof(inverter) for inverter in inverters]
    names = [*gens.values(), *(inverter.profile for inverter in roofs)]
    known = simbench_year.profiles(
        loads.values() if wish.loads == SIMBENCH else (),
        names if wish.sun == SIMBENCH else (),
        _scenario(network),
        window.start_ns,
        window.length_s,
    )
    if file is not None:
        played = {*loads.values(), *names}
        known |= {name: curve for name, curve in file.profiles.items() if name in played}
    known |= _clear_sky(sun, names, window)
    sources = tuple(_source(wish, each) for each in dict.fromkeys((wish.loads, wish.sun)))
    return Programme(DayProfiles(known, sources), loads | gens, tuple(roofs), _assumptions(wish))


@dataclass(frozen=True, slots=True)
class _Cast:
    """Gives elements the profiles of one source."""

    source: str
    file: CsvProfiles | None
    seed: int

    def followed(self, elements: Sequence[Document]) -> dict[int, str]:
        return {int(e["id"]): self._of_customer(e) for e in elements}

    def _of_customer(self, element: Document) -> str:
        name = str(element.get("name") or element["id"])
        if self.source == CLEAR_SKY:
            return name
        own = str(element["profile"])
        if self.file is not None and self.source == CSV:
            return self.file.choose((name, own), f"'{name}'")
        return own

    def of_roof(self, inverter: Inverter) -> Inverter:
        if self.source == CLEAR_SKY:
            return msgspec.structs.replace(inverter, profile=inverter.name)
        if self.file is not None and self.source == CSV:
            wanted = (inverter.name, inverter.profile)
            profile = self.file.choose(wanted, f"'{inverter.name}'")
            return msgspec.structs.replace(inverter, profile=profile)
        return inverter


def _clear_sky(sun: _Cast, names: Sequence[str], window: Window) -> dict[str, Profile]:
    if sun.source != CLEAR_SKY:
        return {}
    return {
        name: clear_sky.profile(clear_sky.roof(sun.seed, name), window.start_ns, window.length_s)
        for name in names
    }


def _check(wish: ProfileWish) -> None:
    if wish.loads not in {SIMBENCH, CSV}:
        raise InputError(f"profiles of loads: '{wish.loads}' is neither simbench nor csv")
    if wish.sun not in {SIMBENCH, CSV, CLEAR_SKY}:
        raise InputError(f"profiles of the sun: '{wish.sun}': one of simbench, csv, clear_sky")
    if wish.sky not in KINDS:
        raise InputError(f"there is no sky '{wish.sky}': one of {', '.join(KINDS)}")
    if wish.csv is None and CSV in {wish.loads, wish.sun}:
        raise InputError("profiles come from a CSV file, and none is named")


def _scenario(network: PlantNetwork) -> int:
    """SimBench's scenario from the code that the network came from; 0 for any other source."""
    source = str(dict(network.document.get("ortsnetz", {})).get("source", ""))
    match = SCENARIO.search(source)
    return int(match[1]) if match else 0


def _source(wish: ProfileWish, source: str) -> str:
    if source == CSV and wish.csv is not None:
        return wish.csv.name
    return simbench_year.SOURCE if source == SIMBENCH else "clear sky, Haurwitz"


def _assumptions(wish: ProfileWish) -> tuple[str, ...]:
    found = []
    if SIMBENCH in {wish.loads, wish.sun}:
        found.append("SimBench's clock is taken as UTC")
    if wish.sun == SIMBENCH:
        found.append("inverters: a SimBench PV profile divided by its highest value of the year")
    if wish.sun == CLEAR_SKY:
        found.append(
            f"sun: clear sky at {clear_sky.LATITUDE_DEG:g} N, {clear_sky.LONGITUDE_DEG:g} E on "
            "roofs from the seed (Haurwitz, Erbs, isotropic sky); inverters reach their rating at "
            "the best instant of the year"
        )
    if CSV in {wish.loads, wish.sun}:
        found.append("profiles from CSV: reactive power follows active power")
    if wish.sky != "clear":
        found.append(f"clouds: {wish.sky}, moving in plant time, on top of the sun's profiles")
    return tuple(found)
