"""Faults as data.

A fault holds from `first_s` until `last_s`, plant seconds since the beginning of the window; `name`
is how criteria and reports call it.
"""

from __future__ import annotations

from msgspec import Struct


class _Timed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    first_s: float
    last_s: float

    def holds(self, now_s: float) -> bool:
        """Whether the fault holds at an instant."""
        return self.first_s <= now_s < self.last_s


class Frozen(_Timed, frozen=True, tag="frozen", kw_only=True):
    """The meter shows its last values before the fault; `clock` tells whether its clock goes on."""

    device: str
    clock: bool = True


class Biased(_Timed, frozen=True, tag="biased", kw_only=True):
    """Voltages and powers are wrong by these factors (0.05 is 5 % too much)."""

    device: str
    u: float = 0.0
    power: float = 0.0


class Noisy(_Timed, frozen=True, tag="noisy", kw_only=True):
    """Additional noise: standard deviations relative to the reading."""

    device: str
    u: float = 0.0
    power: float = 0.0


class WrongSign(_Timed, frozen=True, tag="wrong_sign", kw_only=True):
    """Powers have the wrong sign: a current transformer was turned round."""

    device: str


class SwappedPhases(_Timed, frozen=True, tag="swapped_phases", kw_only=True):
    """Two terminals are swapped, counted from 1; `currents_only` leaves the voltages in place."""

    device: str
    terminals: tuple[int, int] = (1, 2)
    currents_only: bool = False


class Spikes(_Timed, frozen=True, tag="spikes", kw_only=True):
    """Single readings are `factor` times too large, each step with `probability`."""

    device: str
    factor: float
    probability: float


class ClockSkew(_Timed, frozen=True, tag="clock_skew", kw_only=True):
    """The device's own clock is off by `offset_s` and drifts by `drift_s_per_s`."""

    device: str
    offset_s: float
    drift_s_per_s: float = 0.0


class Missing(_Timed, frozen=True, tag="missing", kw_only=True):
    """The device does not answer."""

    device: str


class Ignores(_Timed, frozen=True, tag="ignores", kw_only=True):
    """The device confirms setpoints and does not follow them.

    Attributes:
        shows: what it says is in force: `old` its real limit, `new` what it was told (it lies).
    """

    device: str
    shows: str = "old"


class Delays(_Timed, frozen=True, tag="delays", kw_only=True):
    """Setpoints act `seconds` after they were confirmed."""

    device: str
    seconds: float


class Rejects(_Timed, frozen=True, tag="rejects", kw_only=True):
    """Setpoints are answered with an exception (Modbus: 4, server device failure)."""

    device: str


class Reboots(_Timed, frozen=True, tag="reboots", kw_only=True):
    """The device restarts.

    At `first_s` connections are reset and the port is closed; at `last_s` the device is back with
    factory settings: fall-back in force, read counter and watchdog as new.
    """

    device: str


class ChangesAddress(_Timed, frozen=True, tag="changes_address", kw_only=True):
    """The device answers at another port while the fault holds (a DHCP lease that changed)."""

    device: str
    port: int


class Multicasts(_Timed, frozen=True, tag="multicasts", kw_only=True):
    """An IED multicasts wrongly (GOOSE).

    Attributes:
        device: name of the station server.
        wrong: what it does, see `ortsnetz_iec61850.goose.misbehaviour`: `stop`, `sequence-jump`,
            `replay`, `wrong-revision`, `needs-commissioning`, `simulation`, `short-life`,
            `wrong-types`.
        block: name of the control block, in all logical devices; "" for all.
    """

    device: str
    wrong: str
    block: str = ""


class Wire(_Timed, frozen=True, tag="wire", kw_only=True):
    """A bad connection, by a TCP proxy between device under test and `link`.

    Attributes:
        link: a device's name, or `uplink` for the connection to the broker.
        loss: probability that a chunk vanishes. TCP would repeat a lost packet; what vanishes here
            is lost for the application, as behind a gateway that drops it.
        delay_s, jitter_s: each chunk comes so much later, plus up to so much.
        bytes_per_s: bandwidth; None for no limit.
        half_open: nothing comes through and nobody closes: the peer is gone without a word.
        reset: connections are reset at `first_s` and again whenever one is made.
        corrupt, duplicate: probability that a byte of a chunk is changed, or a chunk comes twice.
    """

    link: str
    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    half_open: bool = False
    reset: bool = False
    corrupt: float = 0.0
    duplicate: float = 0.0


MeterFault = Frozen | Biased | Noisy | WrongSign | SwappedPhases | Spikes | ClockSkew | Missing
DeviceFault = Ignores | Delays | Rejects | Reboots | ChangesAddress | Multicasts
Fault = MeterFault | DeviceFault | Wire
