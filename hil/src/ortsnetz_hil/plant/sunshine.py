"""How much sun reaches each roof: its profile, under the clouds that pass over it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.calendar import Instant
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.customers import Customers
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.profiles import Curves, DayProfiles
from ortsnetz_hil.plant.weather import Sky, positions_m

Shares = NDArray[np.float64]


class Sunshine:
    """The sun on the inverters' roofs, and the sky over the customers' own generators."""

    def __init__(
        self,
        configuration: PlantConfiguration,
        network: PlantNetwork,
        profiles: DayProfiles,
        customers: Customers,
    ) -> None:
        inverters = configuration.inverters
        self._curves = Curves([profiles.sun(spec.profile, spec.name) for spec in inverters])
        self._count = len(inverters)
        nodes = [*(spec.node for spec in inverters), *customers.generator_nodes]
        self._sky: Sky | None = None
        if configuration.weather.sky != "clear" and nodes:
            places = positions_m(network, nodes, configuration.seed)
            begin_ns = configuration.window.start_ns
            self._sky = Sky(configuration.weather.sky, configuration.seed, places, begin_ns)

    def shares(self, now_s: float, instant: Instant) -> tuple[Shares, Shares | None]:
        """Sun on the roofs, and transmission over the customers' generators.

        Args:
            now_s: plant time, in which clouds move.
            instant: calendar instant, in which the sun moves.

        Returns:
            Share of each inverter's rating, shape (inverters,); transmission at each generator of
            the file, None under a clear sky.
        """
        sun = self._curves.at(instant.second)
        if self._sky is None:
            return sun, None
        clear = self._sky.shares(now_s)
        return sun * clear[: self._count], clear[self._count :]
