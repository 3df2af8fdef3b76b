"""Puts the parts of a node together."""

from __future__ import annotations

from collections.abc import Iterable

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_common.link.codec import encode_record
from ortsnetz_common.parameters.parameter_set import ParameterSet, canonical
from ortsnetz_common.parameters.station import Device, Meter, TapChanger
from ortsnetz_edge.acquisition.image import NextImage
from ortsnetz_edge.acquisition.readings import ReadingLayout
from ortsnetz_edge.acquisition.scanner import Scanner
from ortsnetz_edge.agent import Agent
from ortsnetz_edge.asking import Asking
from ortsnetz_edge.bootstrap import Configuration
from ortsnetz_edge.clock import Clock, WallClock
from ortsnetz_edge.control import compressor_memory
from ortsnetz_edge.control.alarms import AlarmBoard
from ortsnetz_edge.control.branch_ratings import BranchRatings
from ortsnetz_edge.control.controller import Controller
from ortsnetz_edge.control.interventions import InterventionLedger
from ortsnetz_edge.control.memory import Memory, load_memory
from ortsnetz_edge.control.orders import OrderBook
from ortsnetz_edge.control.outside import Outside
from ortsnetz_edge.control.overload import watched_branches
from ortsnetz_edge.control.responses import PreparedResponses
from ortsnetz_edge.control.timekeeping import synchronised
from ortsnetz_edge.control.voltage_assembly import voltage_controlling
from ortsnetz_edge.drivers.contract import Driver, LimitResolution, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import open_drivers
from ortsnetz_edge.hosting.functions import Functions, HostedFunctions
from ortsnetz_edge.hosting.protocol import Setup
from ortsnetz_edge.journal.journal import Journal, JournalWriter
from ortsnetz_edge.journal.layout import Entry, JournalError
from ortsnetz_edge.profiles.library import Library
from ortsnetz_edge.records import PointTable
from ortsnetz_edge.status_view import StatusView
from ortsnetz_edge.uplink.session import Uplink

MEMORY = "control.json"


def open_journal(configuration: Configuration) -> Journal:
    """Open the node's journal.

    Raises:
        OrtsnetzError: its directory cannot be written to.
    """
    bootstrap = configuration.bootstrap
    try:
        return Journal(bootstrap.data_dir, max_bytes=bootstrap.journal_max_bytes)
    except JournalError as error:
        raise OrtsnetzError(f"journal in {bootstrap.data_dir}: {error}") from error


def environment(configuration: Configuration, clock: Clock) -> Environment:
    """What the drivers of a node get."""
    return Environment(
        clock=clock,
        library=Library(configuration.parameters.profiles),
        credentials_dir=configuration.bootstrap.credentials,
    )


def assemble(
    configuration: Configuration,
    journal: Journal,
    *,
    drivers: dict[str, Driver] | None = None,
    functions: Functions | None = None,
    clock: Clock | None = None,
) -> Agent:
    """The agent of a configuration; nothing is connected or started yet but the journal's writer.

    Args:
        configuration: read and checked.
        journal: opened.
        drivers: instead of those that the station's connections name.
        functions: instead of hosted ones.
        clock: to live by; the machine's own without one.

    Raises:
        InputError: a source's configuration does not work; names the source.
    """
    clock = clock or WallClock()
    parameters, network = configuration.parameters, configuration.network
    around = environment(configuration, clock)
    sources = _sources(parameters)
    if drivers is None:
        drivers = open_drivers(sources, around)
    source_points = {name: driver.points for name, driver in drivers.items()}
    layouts = {name: ReadingLayout.of(found) for name, found in source_points.items()}
    points = PointTable(source_points, network)
    stale_after_s = parameters.timing.stale_after_s
    frozen_after_s = _frozen_after_s(sources, around.library)
    image = NextImage(source_points, stale_after_s=stale_after_s, frozen_after_s=frozen_after_s)
    memory_path = configuration.bootstrap.data_dir / MEMORY
    memory = load_memory(memory_path)
    controller = _controller(configuration, drivers, memory, clock)
    voltage = voltage_controlling(parameters, network, drivers, memory.taps, now=clock.monotonic())
    hosted = functions or HostedFunctions(Setup(configuration.network_text, parameters))
    uplink = Uplink(parameters.node, configuration.bootstrap.broker, journal)
    scanner = Scanner(drivers, image, clock.monotonic)
    station = parameters.station
    described: tuple[Meter | Device | TapChanger, ...] = (
        *station.meters,
        *station.devices,
        *station.tap_changers,
    )
    contracts = {group.name: group.contract for group in parameters.groups}
    ratings = BranchRatings(parameters.limits)
    agent = Agent(
        configuration=configuration,
        drivers=drivers,
        scanner=scanner,
        image=image,
        layouts=layouts,
        points=points,
        functions=hosted,
        controller=controller,
        asking=Asking(parameters, hosted, controller, layouts, ratings, clock, voltage),
        ledger=InterventionLedger(memory.interventions, contracts=contracts),
        alarms=AlarmBoard(memory.alarms),
        journal=journal,
        writer=_writer(configuration, journal, points),
        uplink=uplink,
        view=StatusView(parameters.node, described, drivers, layouts, journal, uplink),
        memory_path=memory_path,
        outside=_outside(parameters, memory, clock),
        voltage=voltage,
        clock=clock,
        counters=around.counters,
    )
    if parameters.responses:
        scanner.on_value = agent.value_arrived
    return agent


def _sources(parameters: ParameterSet) -> tuple[Source, ...]:
    station = parameters.station
    return (
        *map(Source.of_meter, station.meters),
        *map(Source.of_device, station.devices),
        *map(Source.of_tap_changer, station.tap_changers),
    )


def _controller(
    configuration: Configuration, drivers: dict[str, Driver], memory: Memory, clock: Clock
) -> Controller:
    """The controller, whose compressors know when they started before the last end."""
    station = configuration.parameters.station
    controller = Controller(
        configuration.parameters,
        _resolutions(configuration, drivers),
        watched_branches(station, configuration.network),
        now=clock.monotonic(),
    )
    compressor_memory.recall(
        controller.controls,
        memory.compressors,
        now_ns=clock.now_ns(),
        now=clock.monotonic(),
        clock_kept=_is_kept(clock),
    )
    return controller


def _writer(configuration: Configuration, journal: Journal, points: PointTable) -> JournalWriter:
    """The journal's writer; the catalogue, by which records are read, is the first that it has."""
    writer = JournalWriter(journal)
    catalogue = points.catalogue(
        configuration.parameters_hash,
        configuration.network_text,
        canonical(configuration.parameters).decode(),
    )
    writer.put([Entry(encode_record(catalogue), catalogue=True)])
    return writer


def _outside(parameters: ParameterSet, memory: Memory, clock: Clock) -> Outside:
    """Orders and released responses of the last run go on."""
    now_ns, now = clock.now_ns(), clock.monotonic()
    book = OrderBook(
        parameters, memory.orders, now_ns=now_ns, now=now, clock_kept=lambda: _is_kept(clock)
    )
    return Outside(
        book,
        PreparedResponses(parameters, memory.released, now=now),
    )


def _is_kept(clock: Clock) -> bool:
    """Whether a clock is synchronised; a bench's time is right by definition."""
    return clock.stepped or synchronised() is True


def _frozen_after_s(sources: Iterable[Source], library: Library) -> dict[str, float]:
    """How long the measurements of each source may stand still, where its profile bounds it.

    A driver in a process of its own may have a profile that only it knows.
    """
    found = {
        source.name: library.load(source.profile).frozen_after_s
        for source in sources
        if source.profile in library.kinds
    }
    return {name: after_s for name, after_s in found.items() if after_s is not None}


def _resolutions(
    configuration: Configuration, drivers: dict[str, Driver]
) -> dict[str, LimitResolution]:
    found: dict[str, LimitResolution] = {}
    for device in configuration.parameters.station.devices:
        resolution = drivers[device.name].resolution
        if resolution is None:
            raise InputError(f"device '{device.name}': profile '{device.profile}' takes no limit")
        found[device.name] = resolution
    return found
