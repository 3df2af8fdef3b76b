"""`ortsnetz edge`: run the agent, and see how it is."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from ortsnetz_common.measurement.time import now_ns, rfc3339
from ortsnetz_edge.bootstrap import read_bootstrap
from ortsnetz_edge.console.tools import WithTools
from ortsnetz_edge.running import run_agent
from ortsnetz_edge.status import SourceStatus, Status, read_status

_AGENT = click.argument("agent", metavar="AGENT.json", type=click.Path(path_type=Path))


@click.group(cls=WithTools)
def edge() -> None:
    """The edge agent of a secondary substation."""


@edge.command()
@_AGENT
def run(agent: Path) -> None:
    """Run the agent until SIGTERM or Ctrl-C."""
    run_agent(agent)


@edge.command()
@_AGENT
@click.option("--json", "as_json", is_flag=True, help="Print the status file as it is.")
def status(agent: Path, *, as_json: bool) -> None:
    """Show mode, devices, limits with their reasons, and the journal."""
    found = read_status(read_bootstrap(agent).data_dir)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    for line in describe(found, age_s=(now_ns() - found.time_ns) / 1e9, alive=_alive(found.pid)):
        click.echo(line)


def describe(status: Status, *, age_s: float, alive: bool) -> list[str]:
    """The status in lines for a terminal.

    Args:
        status: as the agent wrote it.
        age_s: how old it is.
        alive: whether a process with the agent's id is there.
    """
    uplink = "connected" if status.uplink_online else "not connected"
    worst = "unknown" if status.worst_loading is None else f"{status.worst_loading:.0%}"
    state = "none yet" if status.state_age_s is None else f"{status.state_age_s:.0f} s old"
    lines = [
        f"node {status.node}  mode {status.mode}: {status.reason}",
        f"cycle {status.cycle} at {rfc3339(status.time_ns)}: {status.cycle_ms:.0f} ms",
        f"verified state {state}; worst loading {worst}",
        f"cockpit {uplink}; journal {status.journal_backlog} records to send",
    ]
    if not alive:
        lines.append(f"the agent is NOT running; this is how it was {age_s:.0f} s ago")
    elif age_s > 5:
        lines.append(f"the agent has not finished a cycle for {age_s:.0f} s")
    lines += [f"alarm  {alarm}" for alarm in status.alarms]
    lines.append("")
    lines += _table(status.sources)
    return lines


def _table(sources: tuple[SourceStatus, ...]) -> list[str]:
    rows = [("name", "profile", "address", "age", "kW", "limit kW", "quality, who limits, reason")]
    rows += [
        (
            source.name,
            source.profile,
            source.address,
            "never" if source.age_s is None else f"{source.age_s:.1f} s",
            _kilowatts(source.active_w),
            _kilowatts(source.limit_w),
            "; ".join(
                text
                for text in (
                    source.quality,
                    source.failure,
                    source.asked_by,
                    source.reason,
                    *_set_points(source),
                )
                if text
            ),
        )
        for source in sources
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return [
        "  ".join(
            [
                *(row[column].ljust(widths[column]) for column in range(3)),
                *(row[column].rjust(widths[column]) for column in range(3, 6)),
                row[6],
            ]
        )
        for row in rows
    ]


def _set_points(source: SourceStatus) -> list[str]:
    """What holds besides its limit, as it says itself; no reactive power is no news."""
    var, u_pu = source.set_points.get("reactive_power"), source.set_points.get("voltage")
    words = []
    if var:
        words.append(f"told {var / 1000:.2f} kvar (inductive consumption positive)")
    if u_pu is not None:
        words.append(f"voltage set point {u_pu:.4g} pu")
    return words


def _kilowatts(watts: float | None) -> str:
    return "-" if watts is None else f"{watts / 1000:.2f}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
