"""Data sets, control blocks and inputs of logical nodes (IEC 61850-6, 9.3.7 to 9.3.13)."""

from __future__ import annotations

from msgspec import Struct

from ortsnetz_common.scl.types import FunctionalConstraint


class Member(Struct, frozen=True, forbid_unknown_fields=True):
    """A member of a data set (FCDA).

    Attributes:
        device, node: instance of the logical device, and name of the logical node.
        path: data object and attribute, `("PhV", "phsA", "cVal")`; without attribute all of the
            object with this constraint; empty for all objects of the node.
        leaves: paths of the values that travel for it, in their order; None where they are not
            known: the reason is among the findings.
    """

    device: str
    node: str
    path: tuple[str, ...]
    constraint: FunctionalConstraint
    line: int
    leaves: tuple[tuple[str, ...], ...] | None = None


class DataSet(Struct, frozen=True, forbid_unknown_fields=True):
    """A data set."""

    name: str
    line: int
    description: str = ""
    members: tuple[Member, ...] = ()


class TriggerOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What makes a report; None where the file's word could not be read."""

    data_change: bool | None = False
    quality_change: bool | None = False
    data_update: bool | None = False
    period: bool | None = False
    general_interrogation: bool | None = True


class OptionalFields(Struct, frozen=True, forbid_unknown_fields=True):
    """What a report carries besides its values; None where the file's word could not be read."""

    sequence_number: bool | None = False
    time_stamp: bool | None = False
    data_set: bool | None = False
    reason_code: bool | None = False
    data_reference: bool | None = False
    entry_id: bool | None = False
    configuration_revision: bool | None = False
    buffer_overflow: bool | None = True


class ReportControl(Struct, frozen=True, forbid_unknown_fields=True):
    """A report control block.

    Attributes:
        data_set: its name; None where the client chooses.
        report_id: None for the block's own reference.
        buffer_ms, integrity_ms: buffer time and integrity period, ms; 0 for none.
        instances: how many there are, one a client.
        indexed: whether a number of two digits follows the name, from 01.
    """

    name: str
    line: int
    buffered: bool | None
    data_set: str | None = None
    report_id: str | None = None
    configuration_revision: int | None = None
    buffer_ms: int | None = 0
    integrity_ms: int | None = 0
    indexed: bool | None = True
    instances: int | None = 1
    triggers: TriggerOptions = TriggerOptions()
    fields: OptionalFields = OptionalFields()
    description: str = ""

    def names(self) -> tuple[str, ...]:
        """Names of the instances in the device; none where the file does not say how many."""
        if self.indexed is None or self.instances is None:
            return ()
        if not self.indexed:
            return (self.name,)
        return tuple(f"{self.name}{n:02d}" for n in range(1, self.instances + 1))


class GooseControl(Struct, frozen=True, forbid_unknown_fields=True):
    """A GOOSE control block; `app_id` is the text that the messages carry (goID)."""

    name: str
    line: int
    app_id: str
    data_set: str | None = None
    configuration_revision: int | None = None
    kind: str = "GOOSE"
    fixed_offsets: bool | None = False
    description: str = ""


class SampledValueOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What each ASDU carries besides its values; None where the file's word could not be read."""

    refresh_time: bool | None = False
    sample_synchronised: bool | None = True
    sample_rate: bool | None = False
    data_set: bool | None = False
    security: bool | None = False
    time_stamp: bool | None = False
    synchronisation_source: bool | None = False


class SampledValueControl(Struct, frozen=True, forbid_unknown_fields=True):
    """A control block of sampled values.

    Attributes:
        rate: in the words of `mode`: `SmpPerPeriod`, `SmpPerSec` or `SecPerSmp`.
        asdus: in each frame.
    """

    name: str
    line: int
    stream_id: str
    rate: int | None
    asdus: int | None
    mode: str = "SmpPerPeriod"
    multicast: bool | None = True
    data_set: str | None = None
    configuration_revision: int | None = None
    options: SampledValueOptions = SampledValueOptions()
    description: str = ""


class ExternalReference(Struct, frozen=True, forbid_unknown_fields=True):
    """A value of another IED that a node takes in (ExtRef).

    Attributes:
        ied: None where the reference is only prepared; `@` is the IED itself.
        service: `GOOSE`, `SMV`, `Report`, `Poll`; "" where the file does not say.
        control_block: name of the block that it comes with.
        internal: what the IED calls it.
    """

    ied: str | None
    device: str
    node: str
    path: tuple[str, ...]
    line: int
    service: str = ""
    control_block: str = ""
    internal: str = ""
    description: str = ""


class SettingControl(Struct, frozen=True, forbid_unknown_fields=True):
    """Setting groups: how many there are, and which one is in force."""

    groups: int | None
    active: int | None
    line: int
