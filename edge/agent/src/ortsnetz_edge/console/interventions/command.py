"""`ortsnetz edge interventions`: the records that are still on the node."""

from __future__ import annotations

from math import floor
from pathlib import Path

import click

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.codec import CodecError, decode_record
from ortsnetz_common.link.intervention_files import interventions_csv, interventions_json
from ortsnetz_common.link.messages import Intervention
from ortsnetz_common.measurement.time import rfc3339
from ortsnetz_edge.bootstrap import read_bootstrap
from ortsnetz_edge.console.text_table import table
from ortsnetz_edge.journal.layout import JournalError
from ortsnetz_edge.journal.peek import records_in

_HEADS = ("start", "end", "device", "customer", "lowest kW", "floor kW", "not served kWh", "reason")
_NUMBERS = ("lowest kW", "floor kW", "not served kWh")


@click.command()
@click.argument("agent", metavar="AGENT.json", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "json"]),
    default="text",
    help="A table, or the columns of the cockpit's export.",
)
def interventions(agent: Path, form: str) -> None:
    """Show interventions that the cockpit does not have yet, newest first.

    What the cockpit has committed leaves the node; it is exported there.
    """
    try:
        found = interventions_on(read_bootstrap(agent).data_dir)
    except JournalError as error:
        raise InputError(str(error)) from error
    if form == "csv":
        click.echo(interventions_csv(found), nl=False)
    elif form == "json":
        click.echo(interventions_json(found), nl=False)
    elif not found:
        click.echo("No intervention is waiting for the cockpit.")
    else:
        for line in table(_HEADS, [_row(record) for record in found], right=_NUMBERS):
            click.echo(line)


def interventions_on(directory: Path) -> list[Intervention]:
    """The newest record of each intervention in a node's journal, newest intervention first.

    Raises:
        JournalError: the journal cannot be read, or holds what is no record.
    """
    newest: dict[str, Intervention] = {}
    for payload in records_in(directory):
        try:
            record = decode_record(payload)
        except CodecError as error:
            raise JournalError(f"{directory}: {error}") from error
        if isinstance(record, Intervention):
            newest[record.id] = record
    return sorted(newest.values(), key=lambda record: (-record.start_ns, record.device))


def _row(record: Intervention) -> tuple[str, ...]:
    return (
        rfc3339(record.start_ns),
        "lasts" if record.end_ns is None else rfc3339(record.end_ns),
        record.device,
        record.customer,
        f"{record.lowest_limit_w / 1e3:.2f}",
        f"{record.floor_w / 1e3:.2f} ({record.rule})",
        _energy_words(record),
        record.reason,
    )


def _energy_words(record: Intervention) -> str:
    """Energy not served in kWh, as far as it is known."""
    if record.energy_not_served_wh is not None:
        return f"{record.energy_not_served_wh / 1e3:.3f}"
    if record.energy_at_least_wh is None or record.unknown_s is None:
        return "unknown"
    least_kwh = floor(record.energy_at_least_wh) / 1e3  # rounded up it would be no bound
    return f"at least {least_kwh:.3f}, {record.unknown_s:.0f} s unknown"
