"""The operator's records: what is missing in them and what is recorded wrongly, on purpose."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.configuration import PlantMeter
from ortsnetz_hil.plant.metering import metered_nodes
from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.placement import LETTERS, ORDERS
from ortsnetz_hil.plant.random_streams import stream
from ortsnetz_hil.plant.request import StationErrors
from ortsnetz_hil.plant.season import Season


@dataclass(frozen=True, slots=True)
class Records:
    """What the operator's records say, as far as it is not the truth.

    Attributes:
        network: the network as built, before devices and before loads are split.
        errors: how wrong the records are.
        season: the day that is played.
        metered: nodes whose one customer has a meter.
        missing: ids of the loads that the records do not have.
        phases: recorded phases by meter, where they are wrong.
        outdoor_c: mean outdoor temperature of the day.
    """

    network: PlantNetwork
    errors: StationErrors
    season: Season
    metered: frozenset[int]
    missing: frozenset[int]
    phases: dict[str, str]
    outdoor_c: float

    def loads(self) -> list[Document]:
        """Loads of customers that the records know."""
        return [load for load in self.network.elements("asym_load") if not self.misses(load)]

    def misses(self, load: Document) -> bool:
        """Whether the records do not have a load."""
        return int(load["id"]) in self.missing

    def measures(self, load: Document) -> bool:
        """Whether a load is what a customer's meter measures."""
        return int(load["node"]) in self.metered


def records(
    network: PlantNetwork,
    meters: tuple[PlantMeter, ...],
    *,
    errors: StationErrors,
    season: Season,
    outdoor_c: float,
    seed: int,
) -> Records:
    """Draw what is wrong in the records.

    Args:
        network: the network as built.
        meters: the plant's meters.
        errors: how many of each error are wanted.
        season: the day that is played.
        outdoor_c: mean outdoor temperature of the day.
        seed: of the plant.

    Raises:
        InputError: errors are out of range, or there are fewer customers than shall be wrong.
    """
    for what in ("line_error", "transformer_error"):
        if not 0 <= getattr(errors, what) < 1:
            raise InputError(f"station: {what}: {getattr(errors, what)} is not between 0 and 1")
    metered = frozenset(metered_nodes(meters))
    return Records(
        network=network,
        errors=errors,
        season=season,
        metered=metered,
        missing=_missing(network, metered, errors.missing_customers, seed),
        phases=_wrong_phases(meters, errors.wrong_phases, seed),
        outdoor_c=outdoor_c,
    )


def _missing(
    network: PlantNetwork, metered: frozenset[int], count: int, seed: int
) -> frozenset[int]:
    known = [
        int(load["id"]) for load in network.elements("asym_load") if load["node"] not in metered
    ]
    _enough("missing_customers", count, len(known), "customers without a meter")
    rng = stream(seed, "customers that the records miss")
    return frozenset(int(load) for load in rng.permutation(known)[:count])


def _wrong_phases(meters: tuple[PlantMeter, ...], count: int, seed: int) -> dict[str, str]:
    """Another phase for single-phase customers, another order of the cores for the others."""
    customers = [meter for meter in meters if meter.loads]
    _enough("wrong_phases", count, len(customers), "customers with a meter")
    rng = stream(seed, "phases that the records have wrong")
    chosen = sorted(int(i) for i in rng.permutation(len(customers))[:count])
    wrong = {}
    for meter in (customers[i] for i in chosen):
        orders = LETTERS if len(meter.phases) == 1 else ORDERS
        others = [order for order in orders if order != meter.phases]
        wrong[meter.name] = others[int(rng.integers(len(others)))]
    return wrong


def _enough(what: str, count: int, there: int, of: str) -> None:
    if not 0 <= count <= there:
        raise InputError(f"station: {what}: {count} are wanted; there are {there} {of}")
