"""The verdict on a run: every criterion, the figures behind it, what happened and with what."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_hil.verdict import run_truth
from ortsnetz_hil.verdict.criteria import parse
from ortsnetz_hil.verdict.criteria_planned import everything_took_place
from ortsnetz_hil.verdict.criteria_values import Judgement
from ortsnetz_hil.verdict.recording import CannotJudgeError, Happening, Recording
from ortsnetz_hil.verdict.run_truth import RunTruth

FORMAT = "ortsnetz.verdict/1"
FILE = "verdict.json"


class ConnectedTo(Struct, frozen=True, forbid_unknown_fields=True):
    """What took part besides the plant.

    Attributes:
        network: source of the network.
        time: `stepped` or `real`.
    """

    network: str
    time: str
    device_under_test: str
    cockpit: bool
    namespace: bool


class Verdict(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of a scenario. Nothing in it depends on when or where it was judged.

    Attributes:
        ok: whether all criteria passed.
        criteria: those of the scenario, and that everything it plans took place.
        figures: worst values, energies and fairness; None where the truth is too short for any.
        happened: faults and events as they took place; None without a timeline.
        versions: what the run was made with.
        seconds: length of the run in plant seconds.
        overruns: steps that began more than a period late, None where nobody counted.
    """

    format: str
    scenario: str
    title: str
    seed: int
    ok: bool
    criteria: tuple[Judgement, ...]
    figures: RunTruth | None
    happened: tuple[Happening, ...] | None
    connected: ConnectedTo
    versions: dict[str, str]
    seconds: float
    overruns: int | None

    @property
    def failed(self) -> tuple[str, ...]:
        """Sentences of the criteria that failed."""
        return tuple(one.sentence for one in self.criteria if not one.passed)

    def same_as(self, other: Verdict) -> bool:
        """Whether two runs came to the same verdict, to the last digit of every figure.

        What they were made with does not count, nor does how late a busy machine was.
        """
        return _comparable(self) == _comparable(other)


def judge(recording: Recording) -> Verdict:
    """Judge a recording by the criteria of its scenario."""
    scenario = recording.scenario
    own = tuple(parse(sentence).judge(recording) for sentence in scenario.criteria)
    judgements = (*own, everything_took_place(recording))
    return Verdict(
        format=FORMAT,
        scenario=scenario.name,
        title=scenario.title,
        seed=scenario.seed,
        ok=bool(own) and all(one.passed for one in judgements),
        criteria=judgements,
        figures=_figures(recording),
        happened=_happened(recording),
        connected=ConnectedTo(
            network=scenario.network.source,
            time=scenario.time.mode,
            device_under_test=scenario.connected.device_under_test,
            cockpit=scenario.connected.cockpit,
            namespace=scenario.connected.namespace,
        ),
        versions=dict(recording.versions),
        seconds=recording.seconds,
        overruns=recording.counters.overruns if recording.counters else None,
    )


def encode(verdict: Verdict) -> bytes:
    """The verdict as JSON; the same run gives the same bytes."""
    return (
        msgspec.json.format(msgspec.json.encode(verdict, enc_hook=float, order="sorted"), indent=1)
        + b"\n"
    )


def write_json(verdict: Verdict, path: Path) -> None:
    """Write `verdict.json`."""
    path.write_bytes(encode(verdict))


def read_json(path: Path) -> Verdict:
    """Read `verdict.json`.

    Raises:
        InputError: names the file and the reason.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Verdict)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: not a verdict: {error}") from error


def _figures(recording: Recording) -> RunTruth | None:
    try:
        return run_truth.judge(
            "device under test",
            recording.configuration,
            list(recording.rows),
            None if recording.writes is None else list(recording.writes),
        )
    except InputError:
        return None  # less than two steps: the criteria say that there is no truth


def _happened(recording: Recording) -> tuple[Happening, ...] | None:
    try:
        return tuple(recording.happened())
    except CannotJudgeError:
        return None


def _comparable(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(verdict, versions={}, overruns=None)
