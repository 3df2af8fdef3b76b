"""Each driver beside a plain loop on the library underneath, in the same run.

Both read the same things from the same server, round by round in turn; server, driver and plain
loop are a process each, and CPU time is that of the reading process alone, unless a driver has a
process of its own: then it counts, too, and the plain loop has one as well.

    python benchmarks/protocols.py [--only DRIVER]... [--rounds 9] [--json] [--check]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import protocols_figures as figures
from opcua_bench import certify
from protocols_ours import CHARGE_POINTS, CREDENTIALS, FEEDERS, HOST, park_nodes
from protocols_timing import ChildError, Measured, measure

from ortsnetz_common.trust.authority import Authority, Identity
from ortsnetz_hil.plant.application_certificates import SERVER_URI, Application

NODE = "node-1"
_METER = "a meter, one read of 30 registers"
_RTU = f"{FEEDERS} feeders behind an RTU, one poll, every point changed"
_PARK = f"{CHARGE_POINTS} charge points behind a server, one read of all nodes"
CASES = {
    "modbus-tcp": _METER,
    "modbus-rtu": f"{_METER} over a pseudo-terminal",
    "modbus-tls": _METER,
    "dnp3": _RTU,
    "dnp3-tls": _RTU,
    "dnp3-reported": f"{FEEDERS} feeders behind an RTU, every change reported",
    "opcua": _PARK,
    "opcua-secured": _PARK,
    "opcua-reported": f"{CHARGE_POINTS} charge points, every value reported every 50 ms",
    "remote": f"{_METER} by modbus-tcp in a process of its own",
}
"""Drivers and what they read."""


def prepare(folder: Path) -> None:
    """Certificates of the node and of the devices, each believing the other."""
    authority = Authority("measured")
    _write(folder / "credentials" / CREDENTIALS, authority, authority.issue(NODE))
    _write(folder / "device", authority, authority.issue("device", server=True))
    certify(folder / "node", Application(NODE, f"urn:ortsnetz:node:{NODE}"))
    certificate, _ = certify(folder / "application", Application("park", SERVER_URI, HOST))
    (folder / "node" / "ca.pem").write_bytes(certificate.read_bytes())
    (folder / "nodes.json").write_text(json.dumps(park_nodes()))


def _write(folder: Path, authority: Authority, own: Identity) -> None:
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "certificate.pem").write_bytes(own.certificate)
    (folder / "key.pem").write_bytes(own.key)


def judge(driver: str, ours: Measured, plain: Measured) -> figures.Line:
    """What was measured, judged."""
    if plain.brings < ours.brings:
        raise SystemExit(
            f"{driver}: {plain.brings} values of the plain loop for {ours.brings} points of the "
            "driver: not the same work"
        )
    each = figures.ratios(ours.all_cpu_s, plain.all_cpu_s)
    ratio = statistics.median(each)
    return figures.Line(
        driver=driver,
        what=CASES[driver],
        points=ours.brings,
        rounds=len(each),
        ours=figures.figures(ours.brings, ours.all_cpu_s, ours.seconds),
        plain=figures.figures(ours.brings, plain.all_cpu_s, plain.seconds),
        ratio=ratio,
        ratio_least=min(each),
        ratio_most=max(each),
        agent_cpu_us=1e6 * statistics.median(ours.cpu_s) / ours.brings if ours.apart else None,
        met=ratio <= figures.MOST_RATIO,
    )


def main() -> int:
    """Measure all, print a table and verdicts or a JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=CASES)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="one line a driver, no table")
    parser.add_argument("--check", action="store_true", help="exit 1 where a target is not met")
    options = parser.parse_args()
    wanted = options.only or list(CASES)
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for driver in wanted:
            try:
                lines.append(judge(driver, *measure(driver, folder, options.rounds)))
            except ChildError as error:
                print(f"{driver}: NOT MEASURED: {error}", file=sys.stderr, flush=True)
                continue
            if options.json:
                print(json.dumps(lines[-1].as_json()), flush=True)
            else:
                print(f"{driver}: {CASES[driver]}", file=sys.stderr, flush=True)
    if not options.json:
        print(figures.table(lines))
        print("\n".join(["", *figures.verdicts(lines)]))
    measured = {line.driver for line in lines} == set(wanted)
    return 0 if measured and (not options.check or figures.all_met(lines, wanted)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
