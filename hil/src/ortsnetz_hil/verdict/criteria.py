"""Criteria in the words of the field: sentences that a run is judged by.

Every form with its units is explained in `docs/guides/scenario-files.md`. A criterion whose input
is missing fails and says why: a bench that saw nothing must not say that all was well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from ortsnetz_common.errors import InputError
from ortsnetz_hil.scenarios.durations import DURATION, NUMBER, seconds
from ortsnetz_hil.verdict.criteria_bench import Overruns, PowerBalance, Unbroken
from ortsnetz_hil.verdict.criteria_control import (
    AtFallback,
    EnergyServed,
    Floors,
    NoRaise,
    SetpointChanges,
    TapOperations,
)
from ortsnetz_hil.verdict.criteria_grid import Loading, Voltage, WithoutLimits
from ortsnetz_hil.verdict.criteria_quality import (
    QualityAlwaysGood,
    QualityGood,
    QualityInvalid,
)
from ortsnetz_hil.verdict.criteria_reads import NothingDoubled, NothingLost
from ortsnetz_hil.verdict.criteria_uplink import (
    AlarmCleared,
    AlarmSoon,
    ModeNever,
    ModeSoon,
    NoAlarm,
)
from ortsnetz_hil.verdict.criteria_values import Anchor, Criterion, Judgement, Span, Within

__all__ = ["FORMS", "Criterion", "Judgement", "parse"]

_WITHIN = rf"within (?P<within>{NUMBER} (?:cycles?|scans?)|{DURATION})"
_SPAN = (
    rf"(?: from (?P<from>{DURATION}) to (?P<to>{DURATION})"
    r"| while (?P<while>.+)| after (?P<after>.+))?"
)
_SPAN_FORM = "[from T to T|after T|after NAME|while FAULT]"
_ANCHOR = r"(?: (?P<anchor>of|after) (?P<name>.+))?"
_BAND = (
    rf"(?:between (?P<low>{NUMBER}) and (?P<high>{NUMBER})|above (?P<above>{NUMBER})"
    rf"|below (?P<below>{NUMBER}))(?: pu)?"
)
_MODES = "active|safe|blind|starting"
_Match = re.Match[str]


def _span(m: _Match) -> Span:
    found = m.groupdict()
    if found.get("from"):
        return Span(first_s=seconds(found["from"]), last_s=seconds(found["to"]))
    if found.get("while"):
        delay = found.get("delay")
        return Span(during=found["while"], delay_s=seconds(delay) if delay else 0.0)
    after = found.get("after")
    if after and re.fullmatch(DURATION, after):
        return Span(first_s=seconds(after))
    return Span(after=after)


def _within(m: _Match) -> Within:
    text = m["within"]
    count = re.fullmatch(rf"({NUMBER}) (?:cycles?|scans?)", text)
    return Within(float(count[1]), cycles=True) if count else Within(seconds(text), cycles=False)


def _anchor(m: _Match) -> Anchor:
    return Anchor(m["name"], end=m["anchor"] == "after")


def _soon(m: _Match) -> Within | None:
    return _within(m) if m["within"] else None


def _number(m: _Match, *names: str) -> float | None:
    return next((float(m[name]) for name in names if m[name] is not None), None)


def _loading(s: str, m: _Match) -> Criterion:
    return Loading(sentence=s, of=m["of"], high=float(m["x"]), within=_soon(m), span=_span(m))


def _voltage(s: str, m: _Match) -> Criterion:
    low, high = _number(m, "low", "above"), _number(m, "high", "below")
    if low is not None and high is not None and low >= high:
        raise InputError(f"'{s}': {low:g} .. {high:g} is no band")
    return Voltage(sentence=s, node=m["node"], low=low, high=high, within=_soon(m), span=_span(m))


_BUILDERS: tuple[tuple[str, str, Callable[[str, _Match], Criterion]], ...] = (
    (
        "without limits loading of transformer|lines|ELEMENT above X",
        rf"without limits loading of (?P<of>.+) above (?P<x>{NUMBER})",
        lambda s, m: WithoutLimits(sentence=s, of=m["of"], above=float(m["x"])),
    ),
    (
        "without limits voltage above|below X",
        rf"without limits voltage (?:above (?P<a>{NUMBER})|below (?P<b>{NUMBER}))(?: pu)?",
        lambda s, m: WithoutLimits(
            sentence=s, of=None, above=_number(m, "a"), below=_number(m, "b")
        ),
    ),
    (
        f"loading of transformer|lines|ELEMENT below X [within N cycles|N s] {_SPAN_FORM}",
        rf"loading of (?P<of>.+?) below (?P<x>{NUMBER})(?: {_WITHIN})?{_SPAN}",
        _loading,
    ),
    (
        f"voltage [at NODE] between A and B|above A|below B [within N cycles|N s] {_SPAN_FORM}",
        rf"voltage(?: at (?P<node>.+?))? {_BAND}(?: {_WITHIN})?{_SPAN}",
        _voltage,
    ),
    (
        "no floor violated [at DEVICE]",
        r"no floor violated(?: at (?P<device>.+))?",
        lambda s, m: Floors(sentence=s, device=m["device"] or "*"),
    ),
    (
        "no limit raised while FAULT [after N s]",
        rf"no limit raised while (?P<while>.+?)(?: after (?P<delay>{DURATION}))?",
        lambda s, m: NoRaise(sentence=s, span=_span(m)),
    ),
    (
        "no limit raised from T to T",
        rf"no limit raised from (?P<from>{DURATION}) to (?P<to>{DURATION})",
        lambda s, m: NoRaise(sentence=s, span=_span(m)),
    ),
    (
        "limit of DEVICE at fall-back within N s [of FAULT|after FAULT]",
        rf"limit of (?P<device>.+?) at fall-back {_WITHIN}{_ANCHOR}",
        lambda s, m: AtFallback(
            sentence=s, device=m["device"], within=_within(m), anchor=_anchor(m)
        ),
    ),
    (
        "quality of SOURCE invalid within N scans|N s [of FAULT]",
        rf"quality of (?P<source>.+?) invalid {_WITHIN}{_ANCHOR}",
        lambda s, m: QualityInvalid(
            sentence=s, source=m["source"], within=_within(m), anchor=_anchor(m)
        ),
    ),
    (
        "quality of SOURCE good within N scans|N s [after FAULT]",
        rf"quality of (?P<source>.+?) good {_WITHIN}{_ANCHOR}",
        lambda s, m: QualityGood(
            sentence=s, source=m["source"], within=_within(m), anchor=_anchor(m)
        ),
    ),
    (
        f"quality of SOURCE good {_SPAN_FORM}",
        rf"quality of (?P<source>.+?) good{_SPAN}",
        lambda s, m: QualityAlwaysGood(sentence=s, source=m["source"], span=_span(m)),
    ),
    (
        "alarm KEY cleared within N cycles|N s [after FAULT]",
        rf"alarm (?P<key>.+?) cleared {_WITHIN}{_ANCHOR}",
        lambda s, m: AlarmCleared(sentence=s, key=m["key"], within=_within(m), anchor=_anchor(m)),
    ),
    (
        "alarm KEY within N cycles|N s [of FAULT or EVENT]",
        rf"alarm (?P<key>.+?) {_WITHIN}{_ANCHOR}",
        lambda s, m: AlarmSoon(sentence=s, key=m["key"], within=_within(m), anchor=_anchor(m)),
    ),
    (
        f"no alarm KEY {_SPAN_FORM}",
        rf"no alarm (?P<key>.+?){_SPAN}",
        lambda s, m: NoAlarm(sentence=s, key=m["key"], span=_span(m)),
    ),
    (
        "mode active|safe|blind|starting within N cycles|N s [of FAULT or EVENT|after FAULT]",
        rf"mode (?P<mode>{_MODES}) {_WITHIN}{_ANCHOR}",
        lambda s, m: ModeSoon(sentence=s, mode=m["mode"], within=_within(m), anchor=_anchor(m)),
    ),
    (
        f"mode never active|safe|blind|starting {_SPAN_FORM}",
        rf"mode never (?P<mode>{_MODES}){_SPAN}",
        lambda s, m: ModeNever(sentence=s, mode=m["mode"], span=_span(m)),
    ),
    ("nothing lost", r"nothing lost", lambda s, _: NothingLost(sentence=s)),
    ("nothing doubled", r"nothing doubled", lambda s, _: NothingDoubled(sentence=s)),
    (
        "[ev|pv] energy served above X %",
        rf"(?:(?P<kind>ev|pv) )?energy served above (?P<x>{NUMBER}) ?%",
        lambda s, m: EnergyServed(sentence=s, kind=m["kind"], above=float(m["x"])),
    ),
    (
        "setpoint changes below N per device and hour",
        rf"setpoint changes below (?P<x>{NUMBER}) per device and hour",
        lambda s, m: SetpointChanges(sentence=s, below=float(m["x"])),
    ),
    (
        "tap operations at most N per day",
        r"tap operations at most (?P<x>\d{1,6}) per day",
        lambda s, m: TapOperations(sentence=s, most=int(m["x"])),
    ),
    (
        "power balance below X",
        rf"power balance below (?P<x>{NUMBER})",
        lambda s, m: PowerBalance(sentence=s, below=float(m["x"])),
    ),
    ("no overrun", r"no overruns?", lambda s, _: Overruns(sentence=s, most=0)),
    (
        "at most N overruns",
        r"at most (?P<x>\d{1,9}) overruns?",
        lambda s, m: Overruns(sentence=s, most=int(m["x"])),
    ),
    ("trajectory unbroken", r"trajectory unbroken", lambda s, _: Unbroken(sentence=s)),
)
FORMS = tuple(form for form, _, _ in _BUILDERS)
"""Every form of a sentence: words in capitals stand for names and numbers, [] may be left out."""
_COMPILED = tuple((re.compile(pattern), build) for _, pattern, build in _BUILDERS)


def parse(sentence: str) -> Criterion:
    """Understand a sentence.

    Args:
        sentence: one criterion; any run of white space counts as one space.

    Raises:
        InputError: no form fits; names the nearest ones.
    """
    text = " ".join(sentence.split())
    for pattern, build in _COMPILED:
        match = pattern.fullmatch(text)
        if match is not None:
            return build(text, match)
    raise InputError(f"'{text}' is no criterion; near: {' / '.join(near_forms(text))}")


def near_forms(text: str) -> list[str]:
    """Forms that a sentence looks like: those that begin alike, else the most similar ones."""
    words = text.lower().split()
    first = words[0] if words else ""
    alike = [form for form in FORMS if form.split()[0] == first or f"{first}|" in form.split()[0]]
    two = [form for form in alike if len(words) > 1 and form.split()[1:2] == words[1:2]]
    return two or alike or get_close_matches(text, FORMS, n=3, cutoff=0.0)
