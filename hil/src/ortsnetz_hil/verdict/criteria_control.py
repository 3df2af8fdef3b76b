"""Criteria about what devices were told, from the plant's own log and truth."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant.home_devices import battery_floor_w
from ortsnetz_hil.scenarios.durations import words as duration
from ortsnetz_hil.verdict import energy, measures
from ortsnetz_hil.verdict.criteria_values import (
    TOLERANCE_S,
    Anchor,
    Criterion,
    Judgement,
    Span,
    Within,
)
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording

NS_PER_DAY = 86_400 * NS_PER_S
FALLBACK_TOLERANCE = 0.002  # a limit in steps of 0.1 % of the rating cannot meet every watt
NEARLY_W = 1.0


class Floors(Criterion, frozen=True, kw_only=True):
    """`no floor violated [at DEVICE]`: no setpoint and no limit in force below the guarantee."""

    device: str = "*"

    @property
    def devices(self) -> tuple[str, ...]:
        """The device, where it is one."""
        return () if self.device == "*" else (self.device,)

    def _judged(self, recording: Recording) -> Judgement:
        plant = recording.configuration
        amperes = {point.name: point.floor_a for point in plant.charge_points}
        watts = {pump.name: pump.floor_w for pump in plant.heat_pumps}
        watts |= {
            battery.name: battery_floor_w(battery.rated_w)
            for battery in plant.batteries
            if battery.commanded
        }
        own = measures.matching([*amperes, *watts], self.device, "device with a floor")
        broken = [
            f"{write.device} was given {write.value} A at {at_s:.1f} s, its floor is "
            f"{amperes[write.device]} A"
            for at_s, write in recording.written()
            if write.device in own and write.value < amperes.get(write.device, 0)
        ]
        broken += self._in_force(recording, {name: watts[name] for name in own if name in watts})
        words = broken[0] if broken else f"{len(own)} devices with a floor, none was cut"
        return self._below(len(broken), 0, words, "violations")

    @staticmethod
    def _in_force(recording: Recording, floors: dict[str, float]) -> list[str]:
        """Devices whose limit is given in watts: by the limits that were in force."""
        if not floors:
            return []
        rows = measures.judged(recording)
        limits = measures.by_device(recording, rows, "limit_w")
        return [
            f"{name} was limited to {limits[name].min():.0f} W at "
            f"{rows[int(limits[name].argmin())].time_s:.1f} s, its floor is {floor:.0f} W"
            for name, floor in floors.items()
            if limits[name].min() < floor - NEARLY_W
        ]


class NoRaise(Criterion, frozen=True, kw_only=True):
    """`no limit raised while FAULT [after N s]`, `no limit raised from T to T`."""

    span: Span

    @property
    def happenings(self) -> tuple[str, ...]:
        """Names of faults and events that it refers to."""
        return self.span.names()

    def _judged(self, recording: Recording) -> Judgement:
        first_s, last_s = self.span.bounds(recording)
        raised = [
            (at_s, write)
            for at_s, write in recording.written()
            if first_s <= at_s < last_s and write.value > write.before
        ]
        if not raised:
            words = f"none between {first_s:.1f} s and {last_s:.1f} s"
        else:
            at_s, write = raised[0]
            words = (
                f"{len(raised)} between {first_s:.1f} s and {last_s:.1f} s; first {write.device} "
                f"from {write.before} to {write.value} at {at_s:.1f} s"
            )
        return self._below(len(raised), 0, words, "raises")


class AtFallback(Criterion, frozen=True, kw_only=True):
    """`limit of DEVICE at fall-back within N s [of FAULT]`: in force is not more than that."""

    device: str
    within: Within
    anchor: Anchor

    @property
    def happenings(self) -> tuple[str, ...]:
        """Names of faults and events that it refers to."""
        return self.anchor.names()

    @property
    def devices(self) -> tuple[str, ...]:
        """The device."""
        return (self.device,)

    def _judged(self, recording: Recording) -> Judgement:
        if recording.stated is None:
            raise CannotJudgeError("no stated fall-back of the devices")
        begin_s, allowed_s = self.anchor.instant(recording), self.within.seconds(recording)
        rows = measures.judged(recording, begin_s)
        limits = measures.by_device(recording, rows, "limit_w")
        before = self._highest_before(recording, begin_s)
        slowest, latest = 0.0, ""
        for name in measures.matching(list(recording.stated), self.device, "device"):
            highest = recording.stated[name].fallback_w * (1.0 + FALLBACK_TOLERANCE) + NEARLY_W
            if before.get(name, 0.0) <= highest:
                raise CannotJudgeError(f"{name} never was above its fall-back before")
            reached = limits[name] <= highest
            if not reached.any():
                words = f"{name} never was at its fall-back {self.anchor.words()}"
                return Judgement(self.sentence, passed=False, words=words)
            seconds = rows[int(np.argmax(reached))].time_s - begin_s
            if seconds >= slowest:
                slowest, latest = max(seconds, 0.0), name
        words = f"{latest} was there {slowest:.1f} s {self.anchor.words()}"
        return self._below(slowest, allowed_s, f"{words}; allowed are {duration(allowed_s)}", "s")

    @staticmethod
    def _highest_before(recording: Recording, begin_s: float) -> dict[str, float]:
        """Highest limit of each device before the anchor; empty without any truth before."""
        rows = [row for row in recording.rows if row.time_s < begin_s - TOLERANCE_S]
        if not rows:
            return {}
        limits = measures.by_device(recording, rows, "limit_w")
        return {name: float(values.max()) for name, values in limits.items()}


class EnergyServed(Criterion, frozen=True, kw_only=True):
    """`[ev|pv] energy served above X %` of what was requested."""

    kind: str | None
    above: float

    def _judged(self, recording: Recording) -> Judgement:
        rows = measures.judged(recording)
        devices = energy.by_device(recording.configuration, rows)
        own = [one for one in devices if self.kind in {None, one.kind}]
        requested = sum(one.requested_kwh for one in own)
        served = sum(one.served_kwh for one in own)
        if requested <= 0.0:
            raise CannotJudgeError("nobody asked for energy")
        share = 100.0 * served / requested
        return Judgement(
            self.sentence,
            passed=share > self.above,
            words=f"{served:.1f} of {requested:.1f} kWh ({share:.1f} %)",
            margin=round(share - self.above, 3),
            unit="%",
            observed=round(share, 3),
            limit=self.above,
        )


class TapOperations(Criterion, frozen=True, kw_only=True):
    """`tap operations at most N per day`: steps of the calendar's day, of the busiest changer."""

    most: int

    def _judged(self, recording: Recording) -> Judgement:
        plant = recording.configuration
        if not plant.tap_changers:
            raise CannotJudgeError("the plant has no tap changer")
        rows = measures.judged(recording)
        positions = np.array([row.tap for row in rows])
        days = np.array([row.calendar_ns // NS_PER_DAY for row in rows])
        steps = np.abs(np.diff(positions, axis=0))
        by_day = {int(day): steps[days[1:] == day].sum(axis=0) for day in np.unique(days[1:])}
        count = max((int(made.max()) for made in by_day.values()), default=0)
        hours = (rows[-1].calendar_ns - rows[0].calendar_ns) / NS_PER_DAY * 24.0
        words = f"at most {count} a day, in {hours:.1f} hours of the calendar"
        return self._below(count, self.most, words, "operations")


class SetpointChanges(Criterion, frozen=True, kw_only=True):
    """`setpoint changes below N per device and hour`: plant hours, writes that changed a limit."""

    below: float

    def _judged(self, recording: Recording) -> Judgement:
        changes = Counter(
            write.device
            for at_s, write in recording.written()
            if 0.0 <= at_s < recording.seconds and write.value != write.before
        )
        device, count = max(changes.items(), key=lambda item: (item[1], item[0]), default=("", 0))
        rate = count * 3600.0 / recording.seconds
        words = f"{device}: {count} in {duration(recording.seconds)}" if device else "none"
        return self._below(rate, self.below, f"at most {rate:.1f} an hour ({words})", "1/h")
