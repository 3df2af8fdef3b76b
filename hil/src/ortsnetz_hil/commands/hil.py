"""`ortsnetz hil`: play scenarios against a device under test and judge them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from ortsnetz_common.errors import InputError

DEFAULT_PORT = 15500
FAILED = 1
INTERRUPTED = 130
"""Exit code of a run that was stopped, as a shell gives it."""


@click.group()
def hil() -> None:
    """The bench: puts a misbehaving substation before a device under test and gives a verdict."""


@hil.command("list")
def list_() -> None:
    """List the scenarios that come with the bench."""
    from ortsnetz_hil.scenarios import library, reader  # noqa: PLC0415 - starts fast

    for name in library.names():
        scenario, _ = reader.read(library.find(name))
        proofs = f"{len(scenario.proofs)} sabotages" if scenario.proofs else "no sabotage"
        click.echo(f"{name:36} {scenario.title}")
        click.echo(
            f"{'':36} {scenario.network.source}, {scenario.time.seconds:g} s {scenario.time.mode}, "
            f"{len(scenario.criteria)} criteria, {proofs}"
        )


@hil.command()
@click.argument("name")
@click.option(
    "--from", "origin", help="Begin with a scenario of the bench instead of the commented template."
)
def new(name: str, origin: str | None) -> None:
    """Write a new scenario file NAME.yaml into the present directory."""
    from ortsnetz_hil.scenarios import library  # noqa: PLC0415 - starts fast

    path = Path(f"{name}.yaml")
    if path.exists():
        raise InputError(f"{path} exists already: choose another name")
    if origin is None:
        path.write_text(library.template(name))
    else:
        text = library.find(origin).read_text()
        path.write_text(text.replace(f"name: {Path(origin).stem}\n", f"name: {name}\n", 1))
    click.echo(f"{path} written: edit it, then 'ortsnetz hil run {path}'")


def _run_options(command: Any) -> Any:
    for option in (
        click.option("--dir", "directory", type=click.Path(path_type=Path), help="Run directory."),
        click.option(
            "--base-port",
            type=click.IntRange(1, 65_000),
            default=DEFAULT_PORT,
            show_default=True,
            help="First port: broker, cockpit, bench clock, uplink; devices from 10 above on.",
        ),
        click.option(
            "--broker",
            type=click.Choice(["auto", "mosquitto", "iotcore"]),
            default="auto",
            show_default=True,
            help="mosquitto where it is installed.",
        ),
    ):
        command = option(command)
    return command


@hil.command()
@click.argument("file")
@_run_options
@click.option("--report", type=click.Path(path_type=Path), help="Write the HTML report here too.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML here too.")
@click.option(
    "--json", "json_", type=click.Path(path_type=Path), help="Write the verdict here too."
)
@click.option("--seed", type=click.IntRange(0), help="Another seed than the file's.")
@click.option(
    "--start-in",
    type=float,
    help="Real time: seconds until the window begins, to bring up a device that is not ours.",
)
def run(file: str, **options: Any) -> None:
    """Play FILE (a path or a name from 'ortsnetz hil list') and judge it.

    The exit code is 0 if all criteria passed, 1 if one failed, 2 if the file or the bench is not as
    it should be. Verdict, report and JUnit file lie in the run directory.
    """
    from ortsnetz_hil.bench.judging import judged  # noqa: PLC0415 - starts fast
    from ortsnetz_hil.bench.run import play  # noqa: PLC0415 - starts fast
    from ortsnetz_hil.scenarios.reader import apply_change  # noqa: PLC0415 - starts fast

    scenario, source = _read(file)
    if options["seed"] is not None:
        scenario = apply_change(source, {"seed": options["seed"]})
    with _stoppable():
        directory = play(scenario, source, _options(scenario.name, options), click.echo)
    click.echo("bench: judging")
    verdict = judged(directory)
    _copy(directory.root, options)
    _show(verdict, directory.root)
    sys.exit(0 if verdict.ok else FAILED)


@hil.command()
@click.argument("file")
@_run_options
@click.option("--only", multiple=True, help="Name of a sabotage; repeatable. All without it.")
def prove(file: str, **options: Any) -> None:
    """Prove that FILE can fail: play it once for each of its sabotages.

    The exit code is 0 only if every sabotage failed all criteria that it has to fail.
    """
    from ortsnetz_hil.bench.proving import prove as prove_all  # noqa: PLC0415 - starts fast

    scenario, source = _read(file)
    known = [proof.name for proof in scenario.proofs]
    for name in options["only"]:
        if name not in known:
            raise InputError(f"'{name}' is no sabotage of {file}: {', '.join(known) or 'none'}")
    if not known:
        raise InputError(f"{file} has no proofs: nothing shows that it can fail")
    with _stoppable(), TemporaryDirectory() as networks:
        where = replace(_options(scenario.name, options), networks=Path(networks))
        found = prove_all(scenario, source, where, click.echo, options["only"])
    for proved in found:
        click.echo(f"{'noticed' if proved.noticed else 'NOT NOTICED'}: {proved.proof.name}")
        for sentence in proved.failed:
            if sentence in proved.missed:
                continue
            expected = sentence in proved.proof.fails
            click.echo(f"    failed{', as it has to' if expected else ' besides'}: {sentence}")
        for sentence in proved.missed:
            click.echo(f"    passed or could not be judged, but has to fail: {sentence}")
    sys.exit(0 if all(proved.noticed for proved in found) else FAILED)


@hil.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
def report(run_dir: Path) -> None:
    """Judge a recorded run anew: the same recording gives the same verdict and report."""
    from ortsnetz_hil.bench.judging import judge_files  # noqa: PLC0415 - starts fast

    verdict = judge_files(run_dir)
    _show(verdict, run_dir)
    sys.exit(0 if verdict.ok else FAILED)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C and SIGTERM stop what was started, in order, and end the command."""
    from ortsnetz_hil.bench.interruption import (  # noqa: PLC0415 - starts fast
        Interrupted,
        interruptible,
    )

    try:
        with interruptible():
            yield
    except Interrupted:
        click.echo("bench: interrupted: nothing was judged, everything has stopped")
        sys.exit(INTERRUPTED)


def _read(file: str) -> Any:
    from ortsnetz_hil.scenarios import library, reader  # noqa: PLC0415 - starts fast

    return reader.read(library.find(file))


def _options(name: str, options: dict[str, Any]) -> Any:
    from ortsnetz_hil.bench.run import Options, Ports  # noqa: PLC0415 - starts fast

    directory = options["directory"] or Path("run") / name
    return Options(
        directory=directory.resolve(),
        ports=Ports(options["base_port"]),
        broker=options["broker"],
        start_in_s=options.get("start_in"),
    )


def _copy(root: Path, options: dict[str, Any]) -> None:
    for option, name in (
        ("report", "report.html"),
        ("junit", "junit.xml"),
        ("json_", "verdict.json"),
    ):
        target = options[option]
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target)


def _show(verdict: Any, root: Path) -> None:
    for judgement in verdict.criteria:
        click.echo(f"{'pass' if judgement.passed else 'FAIL'}  {judgement.sentence}")
        click.echo(f"      {judgement.words}")
    click.echo(f"{'PASSED' if verdict.ok else 'FAILED'}: {verdict.title}, seed {verdict.seed}")
    click.echo(f"report: {root / 'report.html'}")
