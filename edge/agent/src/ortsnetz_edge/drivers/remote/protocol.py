"""A field protocol whose driver is a process of its own; fulfils `contract.DriverProtocol`."""

from __future__ import annotations

import sys

from ortsnetz_common.errors import InputError
from ortsnetz_common.link import driver_process as say
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Driver, Probe, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.remote.consultation import Consultation
from ortsnetz_edge.drivers.remote.driver import RemoteDriver
from ortsnetz_edge.drivers.remote.probe import RemoteProbe
from ortsnetz_edge.drivers.remote.process import Limits, Plan, ProcessCounters
from ortsnetz_edge.drivers.remote.session import Session

GROUP = "ortsnetz.driver_processes"
"""Entry points: name of the protocol, and the module that `python -m` runs. The agent reads the
name of the module and never imports it: it may be under another licence, or crash."""


def command_of(module: str) -> tuple[str, ...]:
    """How the process of a module is started."""
    return (sys.executable, "-m", module)


class RemoteProtocol:
    """Opens drivers that share one process."""

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        environment: Environment,
        limits: Limits | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            name: of the protocol.
            command: starts the process.
            environment: what the drivers get, on the other side.
            limits: of the process.
        """
        clock = self._clock = environment.clock
        self._name = name
        hello = say.Hello(
            version=say.VERSION,
            stepped=clock.stepped,
            credentials_dir=str(environment.credentials_dir.absolute()),
            profiles=dict(environment.library.own),
        )
        counters = ProcessCounters(name, environment.counters)
        plan = Plan(name, command, hello, clock, limits or Limits(), counters)
        self._consultation = Consultation(plan)
        self.session = Session(plan, self._consultation)
        self._probes: set[int] = set()
        self._number = 0

    @property
    def counters(self) -> ProcessCounters:
        """Restarts and their reasons since the start."""
        return self.session.counters

    def validate(self, source: Source) -> tuple[str, ...]:
        """What is wrong with a source's configuration; see `contract.DriverProtocol.validate`."""
        answer = self._consultation.ask(say.Validate(source))
        if not isinstance(answer, say.Validated):
            raise self._unexpected()
        return answer.complaints

    def open(self, source: Source) -> Driver:
        """A driver for a source; see `contract.DriverProtocol.open`."""
        answer = self._consultation.ask(say.Open(source, subscribe=not self._clock.stepped))
        if not isinstance(answer, say.Opened):
            raise self._unexpected()
        return RemoteDriver(source, answer, self.session, self._clock)

    def probe(self, connection: Connection) -> Probe:
        """A probe for an address; see `contract.DriverProtocol.probe`."""
        self._number += 1
        self._consultation.ask(say.OpenProbe(self._number, connection))
        self._probes.add(self._number)
        return RemoteProbe(self._number, connection, self.session, self._close_probe)

    def close(self) -> None:
        """End a process that has only been consulted."""
        self._consultation.close()

    def _close_probe(self, number: int) -> bool:
        self._probes.discard(number)
        return not self._probes and not self.session.sources

    def _unexpected(self) -> InputError:
        self._consultation.close()
        return InputError(f"driver process '{self._name}' answers another question")
