"""Three-phase power flow of radial and meshed networks, many scenarios at once."""

from ortsnetz_grid.network.power_flow.appliances import Appliances
from ortsnetz_grid.network.power_flow.flows import Flows
from ortsnetz_grid.network.power_flow.injections import Injections
from ortsnetz_grid.network.power_flow.solver import PowerFlow, Settings

__all__ = ["Appliances", "Flows", "Injections", "PowerFlow", "Settings"]
