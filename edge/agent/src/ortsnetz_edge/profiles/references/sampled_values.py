"""References of Sampled Values: what power quality makes of a stream.

200ms/rms.u_a          RMS of a channel over 10 cycles (12 at 60 Hz); 3s, 10min, 2h as well
200ms/thd.u_a          total harmonic distortion, of the fundamental; 3s, 10min, 2h
200ms/harmonic.u_a.5   subgroup of an order, V or A; 3s, 10min, 2h
200ms/u2, 200ms/u0     unbalance, of the positive sequence; 3s, 10min, 2h
200ms/active_power.a   W; reactive_power.a: of the fundamental, var
200ms/frequency        of the window; 10s/frequency by IEC 61000-4-30
200ms/events           1 dip, 2 swell, 4 interruption touched the window
10min/pst.a, 2h/plt.a  flicker
pmu/u_a.re, pmu/u_a.im synchrophasor, RMS; pmu/frequency, pmu/rocof
recording/direction    of the newest recorded fault: 0 unknown, 1 forward, 2 reverse
stream/lost            samples that never came since the driver was started; so is each counter of
                       `sample_blocks.Counters`: frames, samples, late, doubled, reordered,
                       conf_rev_mismatch, simulated, malformed, out_of_range, restarts,
                       blocks_dropped, kernel_drops, unexamined
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ortsnetz_common.link.sample_blocks import Counters

AGGREGATED = ("200ms", "3s", "10min", "2h")
HIGHEST_ORDER = 50
_CHANNEL = re.compile(r"[iu]_[abcn]")
_FORMS: dict[str, dict[str, str]] = {
    # interval -> quantity -> what follows it: a channel, a phase, a channel and an order, nothing
    interval: {"rms": "channel", "thd": "channel", "harmonic": "order", "u2": "", "u0": ""}
    for interval in AGGREGATED
}
_FORMS["200ms"] |= {
    "active_power": "phase",
    "reactive_power": "phase",
    "frequency": "",
    "events": "",
}
_FORMS["10s"] = {"frequency": ""}
_FORMS["10min"] |= {"pst": "phase"}
_FORMS["2h"] |= {"plt": "phase"}
_FORMS["pmu"] = {"frequency": "", "rocof": ""} | {
    f"{kind}_{phase}": "part" for kind in "iu" for phase in "abcn"
}
_FORMS["recording"] = {"direction": ""}
_FORMS["stream"] = dict.fromkeys(Counters.__struct_fields__, "")


@dataclass(frozen=True, slots=True)
class PowerQualityReference:
    """One value.

    Attributes:
        interval: over which.
        quantity: what.
        of: channel or phase; `re` or `im` of a synchrophasor; "" for none.
        order: of a harmonic; 0 for others.
    """

    interval: str
    quantity: str
    of: str = ""
    order: int = 0

    def __str__(self) -> str:
        words = [self.quantity, self.of, str(self.order) if self.order else ""]
        return f"{self.interval}/{'.'.join(word for word in words if word)}"


class SampledValuesSyntax:
    """Fulfils `references.Syntax`."""

    def parse(self, text: str) -> PowerQualityReference:
        """A reference from its text. Raises ValueError."""
        interval, slash, rest = text.partition("/")
        quantity, *more = rest.split(".")
        forms = _FORMS.get(interval)
        if not slash or forms is None:
            raise ValueError(f"'{text}' begins with none of {', '.join(f'{i}/' for i in _FORMS)}")
        if quantity not in forms:
            raise ValueError(f"'{text}': {interval} has {', '.join(forms)}, not '{quantity}'")
        if not _follows(forms[quantity], more):
            raise ValueError(f"'{text}': behind {quantity} comes {_WORDS[forms[quantity]]}")
        order = int(more[1]) if forms[quantity] == "order" else 0
        return PowerQualityReference(interval, quantity, more[0] if more else "", order)

    def shifted(self, reference: PowerQualityReference, by: int) -> PowerQualityReference:
        """A stream has no bays. Raises ValueError unless `by` is 0."""
        if by:
            raise ValueError(f"{reference}: a stream has no bays")
        return reference


_WORDS = {
    "": "nothing",
    "channel": "a channel such as u_a",
    "phase": "a phase: a, b or c",
    "order": f"a channel and an order of 1 to {HIGHEST_ORDER}, such as u_a.5",
    "part": "re or im",
}


def _follows(form: str, more: list[str]) -> bool:
    """Whether this may stand behind a quantity of a form."""
    if form == "order":
        return (
            len(more) == 2
            and _CHANNEL.fullmatch(more[0]) is not None
            and more[1].isascii()
            and more[1].isdigit()
            and 1 <= int(more[1][:3]) <= HIGHEST_ORDER
        )
    if form == "channel":
        return len(more) == 1 and _CHANNEL.fullmatch(more[0]) is not None
    if form == "phase":
        return more in (["a"], ["b"], ["c"])
    return more in (["re"], ["im"]) if form == "part" else not more
