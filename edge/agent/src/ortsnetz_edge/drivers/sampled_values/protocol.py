"""Opens streams of Sampled Values as sources; fulfils `contract.DriverProtocol`."""

from __future__ import annotations

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.sampled_values.driver import SampledValuesDriver
from ortsnetz_edge.drivers.sampled_values.probe import StreamProbe
from ortsnetz_edge.drivers.sampled_values.recordings import Recordings
from ortsnetz_edge.profiles.schema import Profile, ProtocolFamily, SampledValuesOptions


class SampledValues:
    """Each source has a connection to the receiver of its own."""

    def __init__(self, environment: Environment, recordings: Recordings | None = None) -> None:
        self._environment, self._recordings = environment, recordings

    def validate(self, source: Source) -> tuple[str, ...]:
        """What is wrong with a source's configuration; nothing is connected."""
        try:
            self.open(source)
        except InputError as error:
            return (str(error),)
        return ()

    def open(self, source: Source) -> SampledValuesDriver:
        """A driver for a source. Raises InputError."""
        profile = self._profile(source)
        if self._environment.clock.stepped:
            raise InputError(
                f"'{source.name}': samples come in real time, and the bench's is stepped"
            )
        try:
            return SampledValuesDriver(source, profile, self._environment.clock, self._recordings)
        except InputError as error:
            text = str(error)
            named = text if source.name in text else f"'{source.name}': {text}"
            raise InputError(named) from error

    def probe(self, connection: Connection) -> StreamProbe:
        """A probe for a stream in the form of 9-2LE. Raises InputError."""
        return StreamProbe(connection, SampledValuesOptions(), self._environment.clock)

    def _profile(self, source: Source) -> Profile:
        profile = self._environment.library.load(source.profile)
        if profile.protocol is not ProtocolFamily.SAMPLED_VALUES:
            raise InputError(
                f"'{source.name}': profile '{source.profile}' is one of {profile.protocol}"
            )
        return profile
