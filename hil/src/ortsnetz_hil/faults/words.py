"""Faults in the words of the field, for logs and reports."""

from __future__ import annotations

from functools import singledispatch

from ortsnetz_hil.faults import specs
from ortsnetz_hil.faults.specs import Fault, Wire


def target(fault: Fault) -> str:
    """Name of the device or link that is ill."""
    return fault.link if isinstance(fault, Wire) else fault.device


@singledispatch
def words(fault: Fault) -> str:
    """What a fault does, e.g. `ev-07 ignores its setpoints`."""
    raise TypeError(f"no words for {type(fault).__name__}")


@words.register
def _(fault: specs.Frozen) -> str:
    clock = "" if fault.clock else ", its clock stands still, too"
    return f"{fault.device} shows the same values for ever{clock}"


@words.register
def _(fault: specs.Biased) -> str:
    return (
        f"{fault.device} is off by {_percent(fault.u)} (voltage), {_percent(fault.power)} (power)"
    )


@words.register
def _(fault: specs.Noisy) -> str:
    shown = f"{100 * fault.u:g} % (voltage), {100 * fault.power:g} % (power)"
    return f"{fault.device} is noisy: standard deviation {shown}"


@words.register
def _(fault: specs.WrongSign) -> str:
    return f"{fault.device} shows powers with the wrong sign"


@words.register
def _(fault: specs.SwappedPhases) -> str:
    first, second = fault.terminals
    what = "current transformers" if fault.currents_only else "terminals"
    return f"{fault.device}: {what} {first} and {second} are swapped"


@words.register
def _(fault: specs.Spikes) -> str:
    share = f"{100 * fault.probability:g} % of its steps"
    return f"{fault.device} shows a reading {fault.factor:g} times too large in {share}"


@words.register
def _(fault: specs.ClockSkew) -> str:
    drift = f", drifting by {fault.drift_s_per_s:+g} s/s" if fault.drift_s_per_s else ""
    return f"the clock of {fault.device} is off by {fault.offset_s:+g} s{drift}"


@words.register
def _(fault: specs.Missing) -> str:
    return f"{fault.device} does not answer"


@words.register
def _(fault: specs.Ignores) -> str:
    lie = " and says it follows" if fault.shows == "new" else ""
    return f"{fault.device} ignores its setpoints{lie}"


@words.register
def _(fault: specs.Delays) -> str:
    return f"{fault.device} follows its setpoints {fault.seconds:g} s late"


@words.register
def _(fault: specs.Rejects) -> str:
    return f"{fault.device} rejects setpoints"


@words.register
def _(fault: specs.Reboots) -> str:
    return f"{fault.device} restarts"


@words.register
def _(fault: specs.ChangesAddress) -> str:
    return f"{fault.device} is at port {fault.port}"


@words.register
def _(fault: specs.Multicasts) -> str:
    block = f", {fault.block}" if fault.block else ""
    return f"{fault.device} multicasts wrongly ({fault.wrong}{block})"


@words.register
def _(fault: specs.Wire) -> str:
    said = [
        ("half-open", fault.half_open),
        ("connections reset", fault.reset),
        (f"{100 * fault.loss:g} % lost", fault.loss),
        (f"{fault.delay_s:g} s late", fault.delay_s),
        (f"up to {fault.jitter_s:g} s of jitter", fault.jitter_s),
        (f"{fault.bytes_per_s or 0:g} byte/s", fault.bytes_per_s),
        (f"{100 * fault.corrupt:g} % corrupted", fault.corrupt),
        (f"{100 * fault.duplicate:g} % doubled", fault.duplicate),
    ]
    return f"{fault.link}: {', '.join(text for text, holds in said if holds) or 'nothing wrong'}"


def _percent(share: float) -> str:
    return f"{100 * share:+g} %"
