"""Faults as scenario files write them: `{name: deaf, ignores: ev-07, from: 30 s, to: 90 s}`.

The keys are the tags of `ortsnetz_hil.faults.specs`; what each fault does is described there.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct, field

from ortsnetz_hil.scenarios.durations import Seconds

Terminal = Annotated[int, Meta(ge=1, le=3)]
Probability = Annotated[float, Meta(ge=0.0, le=1.0)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Positive = Annotated[float, Meta(gt=0.0)]
Deviation = Annotated[float, Meta(ge=0.0)]
UPLINK = "uplink"


class _Fault(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    omit_defaults=True,
):
    """What all faults have.

    Attributes:
        name: how criteria and reports call it.
        start, end: plant seconds (`from` and `to` in the file); without an end it holds until the
            run is over.
    """

    key: ClassVar[str] = ""
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    start: Seconds = field(name="from")
    end: Seconds | None = field(name="to", default=None)

    @property
    def target(self) -> str:
        """Name of the device or link that is ill."""
        return str(getattr(self, self.key))


class Frozen(_Fault, frozen=True, kw_only=True, tag="frozen"):
    """The meter shows its last values; `clock` tells whether its clock goes on."""

    key: ClassVar[str] = "frozen"
    frozen: str
    clock: bool = True


class Biased(_Fault, frozen=True, kw_only=True, tag="biased"):
    """Voltages and powers are wrong by these shares."""

    key: ClassVar[str] = "biased"
    biased: str
    u: float = 0.0
    power: float = 0.0


class Noisy(_Fault, frozen=True, kw_only=True, tag="noisy"):
    """Additional noise: standard deviations relative to the reading."""

    key: ClassVar[str] = "noisy"
    noisy: str
    u: Deviation = 0.0
    power: Deviation = 0.0


class WrongSign(_Fault, frozen=True, kw_only=True, tag="wrong_sign"):
    """Powers have the wrong sign."""

    key: ClassVar[str] = "wrong_sign"
    wrong_sign: str


class SwappedPhases(_Fault, frozen=True, kw_only=True, tag="swapped_phases"):
    """Two terminals are swapped; `currents_only` leaves the voltages in place."""

    key: ClassVar[str] = "swapped_phases"
    swapped_phases: str
    terminals: tuple[Terminal, Terminal] = (1, 2)
    currents_only: bool = False


class Spikes(_Fault, frozen=True, kw_only=True, tag="spikes"):
    """Single readings are `factor` times too large, each step with `probability`."""

    key: ClassVar[str] = "spikes"
    spikes: str
    factor: float
    probability: Probability


class ClockSkew(_Fault, frozen=True, kw_only=True, tag="clock_skew"):
    """The device's clock is off by `offset` and drifts by `drift` seconds a second."""

    key: ClassVar[str] = "clock_skew"
    clock_skew: str
    offset: Seconds
    drift: float = 0.0


class Missing(_Fault, frozen=True, kw_only=True, tag="missing"):
    """The device does not answer."""

    key: ClassVar[str] = "missing"
    missing: str


class Ignores(_Fault, frozen=True, kw_only=True, tag="ignores"):
    """The device confirms setpoints and does not follow; it shows the `old` or the `new` limit."""

    key: ClassVar[str] = "ignores"
    ignores: str
    shows: Literal["old", "new"] = "old"


class Delays(_Fault, frozen=True, kw_only=True, tag="delays"):
    """Setpoints act `by` later than they were confirmed."""

    key: ClassVar[str] = "delays"
    delays: str
    by: Seconds


class Rejects(_Fault, frozen=True, kw_only=True, tag="rejects"):
    """Setpoints are answered with an exception."""

    key: ClassVar[str] = "rejects"
    rejects: str


class Reboots(_Fault, frozen=True, kw_only=True, tag="reboots"):
    """The device is away from `from` on and back, with factory settings, at `to`."""

    key: ClassVar[str] = "reboots"
    reboots: str


class ChangesAddress(_Fault, frozen=True, kw_only=True, tag="changes_address"):
    """The device answers at another port."""

    key: ClassVar[str] = "changes_address"
    changes_address: str
    port: Port


class Multicasts(_Fault, frozen=True, kw_only=True, tag="multicasts"):
    """An IED multicasts wrongly (GOOSE), with one control block or with all."""

    key: ClassVar[str] = "multicasts"
    multicasts: str
    wrong: Literal[
        "stop",
        "sequence-jump",
        "replay",
        "wrong-revision",
        "needs-commissioning",
        "simulation",
        "short-life",
        "wrong-types",
    ]
    block: Annotated[str, Meta(max_length=64)] = ""


class Wire(_Fault, frozen=True, kw_only=True, tag="wire"):
    """A bad connection to a device, or to the broker (`uplink`)."""

    key: ClassVar[str] = "wire"
    wire: str
    loss: Probability = 0.0
    delay: Seconds = Seconds(0.0)
    jitter: Seconds = Seconds(0.0)
    bytes_per_s: Positive | None = None
    half_open: bool = False
    reset: bool = False
    corrupt: Probability = 0.0
    duplicate: Probability = 0.0

    @property
    def needs_real_time(self) -> str | None:
        """The field that depends on duration on the wire, None where nothing does."""
        for name in ("delay", "jitter", "bytes_per_s"):
            if getattr(self, name):
                return name
        return None


MeterFault = Frozen | Biased | Noisy | WrongSign | SwappedPhases | Spikes | ClockSkew | Missing
DeviceFault = Ignores | Delays | Rejects | Reboots | ChangesAddress | Multicasts
Fault = MeterFault | DeviceFault | Wire
KEYS = (
    *("frozen", "biased", "noisy", "wrong_sign", "swapped_phases", "spikes", "clock_skew"),
    *("missing", "ignores", "delays", "rejects", "reboots", "changes_address", "multicasts"),
    "wire",
)
"""The keys that say what a fault is; each fault has exactly one."""
