"""Limits that are not kept: gathered from decisions, and put into words. Pure; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable

from ortsnetz_edge.hosting.calls import LimitingResult, Missed

MOST_ELEMENTS = 4
"""So many elements are named, the worst; of the others their number is said."""
LOADING_STEP = 0.05
VOLTAGE_STEP = 0.01
UNBALANCE_STEP = 0.005
"""What a person would call clearly worse: a twentieth of a rating; a hundredth of the nominal
voltage, which is more than the estimate is uncertain by; a quarter of the 2 % of EN 50160."""
_UNKNOWN_STEPS = 1.0


def missed_by(result: LimitingResult) -> tuple[Missed, ...]:
    """What a decision misses for good; at least one where it kept not everything."""
    if result.missed:
        return result.missed
    violated = result.violated or (() if result.verified else ("the network's limits",))
    return tuple(Missed(element=words, words=words) for words in violated)


def worst_of_each(found: Iterable[Missed]) -> tuple[Missed, ...]:
    """Each limit once, with the worst that is said of it; worst first."""
    worst: dict[tuple[str, str], Missed] = {}
    for one in found:
        known = worst.get((one.element, one.what))
        if known is None or steps_beyond(one) > steps_beyond(known):
            worst[one.element, one.what] = one
    return tuple(sorted(worst.values(), key=steps_beyond, reverse=True))


def steps_beyond(one: Missed) -> float:
    """How far beyond its limit, in steps that a person would call clearly worse."""
    if one.value is None or one.limit is None:
        return _UNKNOWN_STEPS
    beyond = abs(one.value - one.limit)
    if one.what.startswith("u_pu"):
        return beyond / VOLTAGE_STEP
    return beyond / (UNBALANCE_STEP if one.what == "unbalance" else LOADING_STEP)


def by_element(found: Iterable[Missed]) -> dict[str, float]:
    """How far each element is beyond its worst limit, in steps; one that is beyond counts one."""
    steps: dict[str, float] = {}
    for one in found:
        steps[one.element] = max(steps.get(one.element, 0.0), 1.0 + steps_beyond(one))
    return steps


def in_words(found: Iterable[Missed]) -> str:
    """The worst limit of each element, worst element first, with what is missing there."""
    elements: dict[str, list[Missed]] = {}
    for one in worst_of_each(found):
        elements.setdefault(one.element, []).append(one)
    named = [_element(limits) for limits in list(elements.values())[:MOST_ELEMENTS]]
    left = len(elements) - len(named)
    return "; ".join([*named, *([f"and {left} more elements"] if left > 0 else [])])


def _element(limits: list[Missed]) -> str:
    """The worst limit of one element and what is missing there, with what that waits for."""
    worst = limits[0]
    until = f", until {worst.until}" if worst.until else ""
    return f"{worst.words}{_relief(limits)}{until}"


def _relief(limits: list[Missed]) -> str:
    """Power that is missing at an element, by phase.

    Loading and apparent power of a phase ask for the same power: it is said once.
    """
    power: dict[str, tuple[float, float]] = {}
    for one in limits:
        watts, var = power.get(_place(one.what), (0.0, 0.0))
        power[_place(one.what)] = max(watts, one.relief_w or 0.0), max(var, one.relief_var or 0.0)
    places: dict[str, list[str]] = {}
    for place, amounts in sorted(power.items()):
        if max(amounts) > 0:
            places.setdefault(_amount(*amounts), []).append(place)
    if not places:
        return ""
    said = ", ".join(f"{amount}{_at(where)}" for amount, where in places.items())
    return f", {said} of relief missing"


def _amount(watts: float, var: float) -> str:
    ways = ((watts, "kW"), (var, "kvar"))
    return " or ".join(f"{amount / 1e3:.2f} {unit}" for amount, unit in ways if amount > 0)


def _place(what: str) -> str:
    """Where at its element a limit applies: a phase, the neutral, or nowhere in particular."""
    words = what.split()
    if "phase" in words:
        return words[words.index("phase") + 1]
    return "neutral" if "neutral" in words else ""


def _at(places: list[str]) -> str:
    """Where the same power is missing, in words; at the neutral it is moved between phases."""
    if places == ["neutral"]:
        return " moved between phases"
    if len(places) > 1:
        return f" at each of {', '.join(places)}"
    return f" at phase {places[0]}" if places[0] else ""
