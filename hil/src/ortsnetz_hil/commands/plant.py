"""`ortsnetz plant`: prepare, run, replay and judge the bench's plant."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.topics import check_name
from ortsnetz_common.measurement.time import now_ns

MOST_DEVICES = 500
HOLD_S = 1.0
"""The agent's hold of five seconds, on a calendar in which a second is six minutes."""
HEAT_PUMP_W = 9_000.0


@click.group()
def plant() -> None:
    """The bench's plant: a low-voltage network seen only through protocol servers."""


@plant.command()
@click.argument("network", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Run directory.")
@click.option("--seed", default=1, show_default=True, help="Seed of everything random.")
@click.option("--seconds", type=float, help="Length of the run; without it endless.")
@click.option("--base-port", default=15020, show_default=True, help="First port of the devices.")
@click.option("--ev", default=20, show_default=True, help="Number of EV charge points.")
@click.option("--pv", default=20, show_default=True, help="Number of PV inverters.")
@click.option("--hp", default=0, show_default=True, help="Number of heat pumps of 9 kW.")
@click.option("--battery", default=0, show_default=True, help="Number of home batteries.")
@click.option(
    "--protocols",
    type=click.Choice(["modbus", "mixed", "iec61850"]),
    default="modbus",
    show_default=True,
    help="A Modbus server for each device, a DNP3 RTU and an OPC UA park, or two IEDs.",
)
@click.option("--node", default="ons-1", show_default=True, help="Name of the agent's node.")
@click.option(
    "--start-in",
    default=0.0,
    show_default=True,
    help="Seconds from now until the calendar begins to run; it waits at 11:00 before.",
)
def prepare(  # noqa: PLR0917 - click passes by keyword
    network: Path,
    out: Path,
    seed: int,
    seconds: float | None,
    base_port: int,
    ev: int,
    pv: int,
    hp: int,
    battery: int,
    protocols: str,
    node: str,
    start_in: float,
) -> None:
    """Prepare a run directory from a network file: the plant, and what its agent gets."""
    from ortsnetz_hil.plant import request as wishes  # noqa: PLC0415 - starts fast
    from ortsnetz_hil.plant.prepare import prepare as prepare_plant  # noqa: PLC0415
    from ortsnetz_hil.plant.prepare import start_after  # noqa: PLC0415

    if seconds is not None and seconds <= 0:
        raise InputError(f"--seconds {seconds}: a run has a positive length")
    if seed < 0:
        raise InputError(f"--seed {seed}: a seed is not negative")
    wanted = (("--ev", ev), ("--pv", pv), ("--hp", hp), ("--battery", battery))
    for option, number in wanted:
        if not 0 <= number <= MOST_DEVICES:
            raise InputError(f"{option} {number}: between 0 and {MOST_DEVICES} devices")
    try:
        check_name(node)
    except ValueError as error:
        raise InputError(f"--node: {error}") from error
    request = wishes.Request(
        network=wishes.NetworkWish(network),
        out=out,
        wall_start_ns=start_after(now_ns(), max(start_in, 0.0)),
        seed=seed,
        node=node,
        base_port=base_port,
        seconds=seconds,
        charge_points=wishes.ChargePointWish(count=ev),
        inverters=wishes.InverterWish(count=pv),
        heat_pumps=wishes.HeatPumpWish(count=hp, rated_w=HEAT_PUMP_W, commanded=True),
        batteries=wishes.BatteryWish(count=battery, commanded=True),
        protocols=protocols,
        parameters={"timing": {"hold_s": HOLD_S}},
    )
    done = prepare_plant(request)
    devices = ev + pv + hp + battery
    click.echo(f"plant: {len(done.meters)} meters and {devices} devices prepared in {out}")


@plant.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option(
    "--seconds", type=float, help="Stop this long after the calendar began; without it at a signal."
)
@click.option(
    "--silent",
    multiple=True,
    metavar="DEVICE@SECONDS-SECONDS",
    help="A device stops answering in this window; repeatable.",
)
@click.option(
    "--conductor",
    type=click.Path(path_type=Path),
    help="Socket of a bench that stops and starts processes when the plant's events say so.",
)
@click.option("--uplink", metavar="HOST:PORT", help="Where faults of the uplink act on it.")
@click.option("--broker", metavar="HOST:PORT", help="The broker behind --uplink.")
@click.option(
    "--goose", default="", metavar="IFACE", help="The plant's IEDs multicast on this interface."
)
def run(  # noqa: PLR0917 - click passes by keyword
    run_dir: Path,
    seconds: float | None,
    silent: tuple[str, ...],
    conductor: Path | None,
    uplink: str | None,
    broker: str | None,
    goose: str,
) -> None:
    """Run a prepared plant behind its protocol servers, in real time or as its pace says."""
    from ortsnetz_hil.servers.run import RunOptions  # noqa: PLC0415 - starts fast
    from ortsnetz_hil.servers.run import run as run_plant  # noqa: PLC0415 - starts fast

    if (uplink is None) != (broker is None):
        raise InputError("--uplink and --broker belong together")
    wire = None
    if uplink is not None and broker is not None:
        wire = (_address("--uplink", uplink), _address("--broker", broker))
    options = RunOptions(seconds, silent, conductor, wire, goose)
    run_plant(run_dir / "plant", options, click.echo)


def _address(option: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"{option} {text}: HOST:PORT is needed")
    return host, int(port)


@plant.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    "name",
    required=True,
    type=click.Choice(["none", "uniform", "floors"]),
    help="No limits, idealised uniform scaling, or everybody on the floor.",
)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the verdict here.")
def replay(run_dir: Path, name: str, file: Path | None) -> None:
    """Replay a prepared plant fast, with a policy instead of an agent, and judge it."""
    from ortsnetz_hil.verdict.replay import policy  # noqa: PLC0415 - starts fast
    from ortsnetz_hil.verdict.replay import replay as replay_plant  # noqa: PLC0415

    _show(replay_plant(run_dir / "plant", policy(name)), file)


@plant.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the verdict here.")
def judge(run_dir: Path, file: Path | None) -> None:
    """Judge what a real run has left behind, from the plant's truth."""
    from ortsnetz_hil.verdict.run_truth import judge_directory  # noqa: PLC0415 - starts fast

    _show(judge_directory(run_dir / "plant"), file)


def _show(verdict: Struct, file: Path | None) -> None:
    text = msgspec.json.format(msgspec.json.encode(verdict), indent=1).decode()
    if file is None:
        click.echo(text)
    else:
        file.write_text(text)
