"""Reads control blocks (IEC 61850-6, 9.3.8 to 9.3.12): reports, GOOSE, sampled values, settings."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.blocks import (
    GooseControl,
    OptionalFields,
    ReportControl,
    SampledValueControl,
    SampledValueOptions,
    SettingControl,
    TriggerOptions,
)
from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.tree import Element

MOST_INSTANCES = 99
"""Of a report control block: the number that follows its name has two digits (IEC 61850-6)."""
_MODES = ("SmpPerPeriod", "SmpPerSec", "SecPerSmp")


def reports_in(node: Element, sets: frozenset[str], notes: Notes) -> Iterator[ReportControl]:
    """Report control blocks of a node; `sets` has the names of its data sets."""
    for element in node.each("ReportControl"):
        yield ReportControl(
            name=notes.required(element, "name"),
            line=element.line,
            buffered=notes.truth(element, "buffered", default=False),
            data_set=_data_set(element, sets, notes),
            report_id=element.get("rptID") or None,
            configuration_revision=notes.whole(element, "confRev"),
            buffer_ms=notes.whole(element, "bufTime", 0),
            integrity_ms=notes.whole(element, "intgPd", 0),
            indexed=notes.truth(element, "indexed", default=True),
            instances=_instances(element, notes),
            triggers=_triggers(element, notes),
            fields=_fields(element, notes),
            description=element.get("desc") or "",
        )


def _instances(element: Element, notes: Notes) -> int | None:
    enabled = element.each("RptEnabled")
    if not enabled:
        return 1
    enabled[0].get("desc")
    most = notes.whole(enabled[0], "max", 1)
    if most is not None and not 1 <= most <= MOST_INSTANCES:
        notes.add(enabled[0], f"max: {most} is not within 1 and {MOST_INSTANCES}")
        return None
    for client in enabled[0].each("ClientLN"):
        for name in tuple(client.attributes):
            client.get(name)
    return most


def _triggers(element: Element, notes: Notes) -> TriggerOptions:
    found = element.each("TrgOps")
    if not found:
        return TriggerOptions()
    said = found[0]
    return TriggerOptions(
        data_change=notes.truth(said, "dchg", default=False),
        quality_change=notes.truth(said, "qchg", default=False),
        data_update=notes.truth(said, "dupd", default=False),
        period=notes.truth(said, "period", default=False),
        general_interrogation=notes.truth(said, "gi", default=True),
    )


def _fields(element: Element, notes: Notes) -> OptionalFields:
    found = element.each("OptFields")
    if not found:
        return OptionalFields()
    said = found[0]
    said.get("segmentation")  # edition 1: the server decides
    return OptionalFields(
        sequence_number=notes.truth(said, "seqNum", default=False),
        time_stamp=notes.truth(said, "timeStamp", default=False),
        data_set=notes.truth(said, "dataSet", default=False),
        reason_code=notes.truth(said, "reasonCode", default=False),
        data_reference=notes.truth(said, "dataRef", default=False),
        entry_id=notes.truth(said, "entryID", default=False),
        configuration_revision=notes.truth(said, "configRef", default=False),
        buffer_overflow=notes.truth(said, "bufOvfl", default=True),
    )


def goose_in(node: Element, sets: frozenset[str], notes: Notes) -> Iterator[GooseControl]:
    """GOOSE control blocks of a node."""
    for element in node.each("GSEControl"):
        _know_subscribers(element)
        yield GooseControl(
            name=notes.required(element, "name"),
            line=element.line,
            app_id=notes.required(element, "appID"),
            data_set=_data_set(element, sets, notes),
            configuration_revision=notes.whole(element, "confRev"),
            kind=notes.word(element, "type", ("GOOSE", "GSSE"), "GOOSE"),
            fixed_offsets=notes.truth(element, "fixedOffs", default=False),
            description=element.get("desc") or "",
        )


def sampled_values_in(
    node: Element, sets: frozenset[str], notes: Notes
) -> Iterator[SampledValueControl]:
    """Control blocks of sampled values of a node."""
    for element in node.each("SampledValueControl"):
        _know_subscribers(element)
        yield SampledValueControl(
            name=notes.required(element, "name"),
            line=element.line,
            stream_id=notes.required(element, "smvID"),
            rate=_positive(element, "smpRate", notes),
            asdus=_positive(element, "nofASDU", notes),
            mode=notes.word(element, "smpMod", _MODES, _MODES[0]),
            multicast=notes.truth(element, "multicast", default=True),
            data_set=_data_set(element, sets, notes),
            configuration_revision=notes.whole(element, "confRev"),
            options=_options(element, notes),
            description=element.get("desc") or "",
        )


def _options(element: Element, notes: Notes) -> SampledValueOptions:
    found = element.each("SmvOpts")
    if not found:
        return SampledValueOptions()
    said = found[0]
    return SampledValueOptions(
        refresh_time=notes.truth(said, "refreshTime", default=False),
        sample_synchronised=notes.truth(said, "sampleSynchronized", default=True),
        sample_rate=notes.truth(said, "sampleRate", default=False),
        data_set=notes.truth(said, "dataSet", default=False),
        security=notes.truth(said, "security", default=False),
        time_stamp=notes.truth(said, "timestamp", default=False),
        synchronisation_source=notes.truth(said, "synchSourceId", default=False),
    )


def settings_in(node: Element, notes: Notes) -> SettingControl | None:
    """The setting groups of a logical device's first node."""
    found = node.each("SettingControl")
    if not found:
        return None
    element = found[0]
    for unused in ("desc", "resvTms"):
        element.get(unused)
    return SettingControl(
        _positive(element, "numOfSGs", notes), notes.whole(element, "actSG", 1), element.line
    )


def _positive(element: Element, name: str, notes: Notes) -> int | None:
    notes.required(element, name)
    number = notes.whole(element, name)
    if number == 0:
        notes.add(element, f"{name}: at least 1 is needed")
        return None
    return number


def _data_set(element: Element, sets: frozenset[str], notes: Notes) -> str | None:
    name = element.get("datSet") or None
    if name is not None and name not in sets:
        notes.add(element, f"there is no data set '{quoted(name)}' in this node")
    return name


def _know_subscribers(element: Element) -> None:
    """Who listens is known elsewhere: in their inputs."""
    for subscriber in element.each("IEDName"):
        for name in tuple(subscriber.attributes):
            subscriber.get(name)
    for unused in ("securityEnable",):
        element.get(unused)
