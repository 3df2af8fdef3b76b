"""A scenario file is understood, or the error names the line, the field and what is needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_common.parameters.station import Station
from ortsnetz_hil.faults import specs
from ortsnetz_hil.plant import events as plant
from ortsnetz_hil.scenarios import library
from ortsnetz_hil.scenarios.checks import check_names
from ortsnetz_hil.scenarios.durations import seconds
from ortsnetz_hil.scenarios.durations import words as duration
from ortsnetz_hil.scenarios.faults import KEYS as FAULT_KEYS
from ortsnetz_hil.scenarios.reader import apply_change, parse
from ortsnetz_hil.scenarios.schema import Scenario, decode, encode
from ortsnetz_hil.scenarios.translate import plant_events, plant_faults
from ortsnetz_hil.verdict.criteria import parse as criterion

TEMPLATE = library.template("evening")
LINE = re.compile(r"^x\.yaml:(\d+): ")


def _error(text: str, folder: Path | None = None) -> str:
    with pytest.raises(InputError) as caught:
        parse(text.encode(), "x.yaml", folder)
    return str(caught.value)


def _changed(old: str, new: str) -> tuple[str, int]:
    """The template with a change, and the line in which it is."""
    assert TEMPLATE.count(old) >= 1, old
    return TEMPLATE.replace(old, new, 1), 1 + TEMPLATE[: TEMPLATE.index(old)].count("\n")


MISTAKES = {
    "unknown field": ("seed: 1", "seeds: 1", "seeds: unknown field; did you mean 'seed'?"),
    "wrong type": ("seed: 1", "seed: one", "seed: a whole number is needed, not text"),
    "out of range": ("seed: 1", "seed: -1", "seed: at least 0 is needed"),
    "alias": ("seed: 1", "seed: &a 1", "anchors (&) and aliases (*)"),
    "tag": ("seed: 1", "seed: !!int 1", "tags such as"),
    "infinite number": ("rated_kw: 15", "rated_kw: 1e999", "too large a number"),
    "no number": ("rated_kw: 15", "rated_kw: .nan", "a number is needed, not text"),
    "no duration": ("2 min", "2 minutes", "'2 minutes' is no duration"),
    "too short": ("2 min", "5 s", "time.seconds: 10 s to 86400 s"),
    "step": ("step_s: 0.2", "step_s: 2", "time.step_s: 0.1 s to 1 s"),
    "word": ("mode: stepped", "mode: step", "did you mean 'stepped'?"),
    "time of day": ("18:00", "24:00", "a time of day such as 18:00"),
    "no zone": ("17:00:00Z", "17:00:00", "a date with time and zone"),
    "name": ("name: evening", "name: Evening", "name: a name of a-z"),
    "format": ("ortsnetz.scenario/1", "ortsnetz.scenario/9", "format: 'ortsnetz.scenario/1'"),
    "shares": ("p: 0.6", "p: 0.7", "add up to 1.1"),
    "parameter": ("limiting: active", "limits: active", "limits: unknown field"),
    "parameter word": ("limiting: active", "limiting: aktive", "none of active, advisory, off"),
    "two kinds": ("source_voltage: 1.03, r", "source_voltage: 1.03, stop: agent, r", "one thing"),
    "no kind": ("source_voltage: 1.03, ramp", "ramp", "unknown field"),
    "misspelt kind": ("missing: meter", "mising: meter", "did you mean 'missing'?"),
    "misspelt field": ("from: 60 s", "frm: 60 s", "faults[0].frm: unknown field; did you mean"),
    "fault too late": ("to: 80 s", "to: 3 min", "3 min is outside the run, which lasts 2 min"),
    "fault backwards": ("to: 80 s", "to: 50 s", "ends before it begins"),
    "event too late": ("at: 20 s", "at: 121 s", "121 s is outside the run"),
    "wire in stepped time": ("missing: meter-transformer,", "wire: uplink, delay: 1 s,", "real"),
    "criterion": ("- no floor violated", "- no floors violated", "near: no floor violated"),
    "unknown fault": ("scans of meter lost", "scans of meter last", "mean 'meter lost'?"),
    "doubled criterion": ("- nothing doubled", "- nothing lost", "there already"),
    "no criterion of ours": (
        "      - loading of transformer below 1.0 within 3 cycles",
        "      - loading of transformer below 1.0 within 4 cycles",
        "no criterion of this scenario; did you mean",
    ),
    "change leads nowhere": ("limits.loading: 5.0", "limit.loading: 5.0", "mean 'limits'?"),
    "change of no item": ('"faults[0].missing"', '"faults[7].missing"', "the list has 1 items"),
    "no voltage": ("source_voltage: 1.03", "source_voltage: 0.0", "more than 0"),
    "overrun in stepped time": ("- nothing doubled", "- no overrun", "no step is ever late"),
    "overruns in stepped time": ("- nothing doubled", "- at most 3 overruns", "no step is ever"),
    "area": ("transformer_kva: 160 ", "area: north ", "network.area: unknown field"),
    "address by name": ("device_under_test: agent ", "address: localhost ", "no IP address"),
    "every address": ("device_under_test: agent ", "address: 0.0.0.0 ", "name one, such as"),
    "every address of IPv6": ("device_under_test: agent ", 'address: "::" ', "name one, such as"),
    "clock step in real time": (
        "{at: 20 s, source_voltage: 1.03, ramp: 5 s}",
        "{at: 20 s, clock_step: 0}",
        "a step of nothing",
    ),
}


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_with_its_line(old: str, new: str, words: str) -> None:
    text, line = _changed(old, new)
    error = _error(text)
    assert error.startswith(f"x.yaml:{line}: "), error
    assert words in error


def test_a_field_twice_names_both_lines() -> None:
    text, line = _changed("seed: 1", "seed: 1\nseed: 2")
    assert _error(text) == f"x.yaml:{line + 1}: seed: this field is already in line {line}"


def test_two_faults_with_one_name_are_refused() -> None:
    old = "  - {name: meter lost, missing: meter-transformer, from: 60 s, to: 80 s}\n"
    text, line = _changed(old, old + old)
    assert _error(text).startswith(f"x.yaml:{line + 1}: faults[1].name: 'meter lost'")


def test_a_syntax_error_is_reported_with_its_line() -> None:
    text, line = _changed("customers: {z: 0.2,", "customers: {z: 0.2")
    assert _error(text).startswith(f"x.yaml:{line}: not YAML")


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(InputError, match=r"^x\.yaml:3: not UTF-8"):
        parse(b"a: 1\nb: 2\nc: \xff\n", "x.yaml")


def test_a_file_that_grows_to_gigabytes_is_refused_at_once() -> None:
    bomb = "a: &a [x, x]\n" + "\n".join(f"{c}: &{c} [*a, *a]" for c in "bcdefgh")
    assert _error(bomb).startswith("x.yaml:1: anchors")
    assert "too deep" in _error("a: " + "[" * 5000)
    with pytest.raises(InputError, match="larger than"):
        parse(b"#" * (1 << 20) + b"\n", "x.yaml")


def test_a_missing_file_of_curves_is_reported(tmp_path: Path) -> None:
    text, line = _changed("sun: simbench ", "sun: {csv: sun.csv} ")
    assert _error(text, tmp_path).startswith(f"x.yaml:{line}: profiles.sun: there is no file")
    (tmp_path / "sun.csv").touch()
    parse(text.encode(), "x.yaml", tmp_path)


def test_off_is_a_word_and_a_time_of_day_is_no_number() -> None:
    """YAML 1.1, which PyYAML reads, makes false of `off` and 1080 of `18:00`."""
    assert yaml.safe_load("a: off") == {"a": False}
    off = "connected.parameters.mode.limiting: off"
    text, _ = _changed("connected.parameters.limits.loading: 5.0", off)
    scenario, source = parse(text.encode(), "x.yaml")
    assert scenario.devices.charge_points.arrival.mean == "18:00"
    assert scenario.proofs[0].change == {"connected.parameters.mode.limiting": "off"}
    changed = apply_change(source, scenario.proofs[0].change)
    assert changed.connected.parameters.mode == {"limiting": "off"}


def test_a_sentence_may_be_broken_into_lines() -> None:
    text = TEMPLATE.replace(
        "- loading of transformer below 1.0 within 3 cycles",
        '- "loading of transformer\\n        below  1.0 within 3 cycles"',
    )
    scenario, _ = parse(text.encode(), "x.yaml")
    assert scenario.criteria[0] == "loading of transformer below 1.0 within 3 cycles"
    assert scenario.proofs[0].fails == (scenario.criteria[0],)


def test_a_change_replaces_one_value_and_keeps_the_rest() -> None:
    scenario, source = parse(TEMPLATE.encode(), "x.yaml")
    changed = apply_change(source, {"faults[0].to": "90 s", "time.factor": 10})
    assert changed.faults[0].end == 90.0
    assert changed.time.factor == 10.0
    assert changed.criteria == scenario.criteria
    assert changed.proofs == ()
    assert apply_change(source, {"faults": []}).faults == ()
    with pytest.raises(InputError, match=r"^x\.yaml:\d+: faults\[0\]\.to: .*is no duration"):
        apply_change(source, {"faults.0.to": "soon"})


def test_names_are_checked_against_the_prepared_plant() -> None:
    text, line = _changed(
        "- {at: 20 s, source_voltage: 1.03, ramp: 5 s}", '- {at: 20 s, open: "Line 12"}'
    )
    scenario, source = parse(text.encode(), "x.yaml")
    check_names(scenario, source, {"meter-transformer"}, {"Line 12"})
    with pytest.raises(InputError, match=rf"^x\.yaml:{line}: events\[0\]\.open: .*'Line 13'\?"):
        check_names(scenario, source, {"meter-transformer"}, {"Line 13"})
    with pytest.raises(InputError, match=r"faults\[0\]\.missing: there is no device"):
        check_names(scenario, source, {"meter-feeder-1"}, {"Line 12"})


def test_the_plant_gets_events_and_faults_in_its_own_words() -> None:
    text = TEMPLATE.replace(
        "  - {at: 20 s, source_voltage: 1.03, ramp: 5 s}",
        "  - {at: 20 s, source_voltage: 1.03, ramp: 5 s}\n"
        "  - {at: 30 s, open: tie-1, end: from}\n"
        "  - {at: 31 s, close: tie-1}\n"
        "  - {at: 32 s, wrong_phase: tie-1, order: bac}\n"
        "  - {at: 40 s, clock_step: -1 h}\n"
        "  - {at: 50 s, kill: agent}",
    )
    scenario, _ = parse(text.encode(), "x.yaml")
    assert plant_events(scenario, {"tie-1": 7}) == (
        plant.SourceVoltage(20.0, 1.03, 5.0),
        plant.Switching(30.0, 7, closed=False, side="from"),
        plant.Switching(31.0, 7, closed=True, side=None),
        plant.WrongPhase(32.0, 7, "bac"),
        plant.ClockStep(40.0, -3600.0),
        plant.ProcessEvent(50.0, "agent", "kill"),
    )


FAULTS = """
  - {name: f0, frozen: m, from: 1, to: 2, clock: false}
  - {name: f1, biased: m, from: 1, to: 2, u: 0.05, power: -0.1}
  - {name: f2, noisy: m, from: 1, to: 2, power: 0.1}
  - {name: f3, wrong_sign: m, from: 1, to: 2}
  - {name: f4, swapped_phases: m, from: 1, to: 2, terminals: [2, 3], currents_only: true}
  - {name: f5, spikes: m, from: 1, to: 2, factor: 10, probability: 0.5}
  - {name: f6, clock_skew: m, from: 1, to: 2, offset: 5 s, drift: 0.01}
  - {name: meter lost, missing: m, from: 1, to: 2}
  - {name: f8, ignores: d, from: 1, to: 2, shows: new}
  - {name: f9, delays: d, from: 1, to: 2, by: 4 s}
  - {name: f10, rejects: d, from: 1, to: 2}
  - {name: f11, reboots: d, from: 1, to: 2}
  - {name: f12, changes_address: d, from: 1, to: 2, port: 4000}
  - {name: f14, multicasts: ied, from: 1, to: 2, wrong: sequence-jump, block: gcbdsMeas}
  - {name: f13, wire: uplink, from: 1 min, delay: 0.2 s, jitter: 100 ms, bytes_per_s: 1000}
"""


def test_every_kind_of_fault_reaches_the_plant() -> None:
    text = TEMPLATE.replace("mode: stepped", "mode: real", 1).partition("\nproofs:")[0]
    start = text.index("  - {name: meter lost")
    text = text[:start] + FAULTS.lstrip("\n") + text[text.index("\ncriteria:") :]
    scenario, _ = parse(text.encode(), "x.yaml")
    span = {"first_s": 1.0, "last_s": 2.0}
    assert plant_faults(scenario) == (
        specs.Frozen(name="f0", device="m", clock=False, **span),
        specs.Biased(name="f1", device="m", u=0.05, power=-0.1, **span),
        specs.Noisy(name="f2", device="m", power=0.1, **span),
        specs.WrongSign(name="f3", device="m", **span),
        specs.SwappedPhases(name="f4", device="m", terminals=(2, 3), currents_only=True, **span),
        specs.Spikes(name="f5", device="m", factor=10.0, probability=0.5, **span),
        specs.ClockSkew(name="f6", device="m", offset_s=5.0, drift_s_per_s=0.01, **span),
        specs.Missing(name="meter lost", device="m", **span),
        specs.Ignores(name="f8", device="d", shows="new", **span),
        specs.Delays(name="f9", device="d", seconds=4.0, **span),
        specs.Rejects(name="f10", device="d", **span),
        specs.Reboots(name="f11", device="d", **span),
        specs.ChangesAddress(name="f12", device="d", port=4000, **span),
        specs.Multicasts(
            name="f14", device="ied", wrong="sequence-jump", block="gcbdsMeas", **span
        ),
        specs.Wire(
            name="f13", link="uplink", first_s=60.0, last_s=120.0,
            delay_s=0.2, jitter_s=0.1, bytes_per_s=1000.0,
        ),
    )  # fmt: skip
    assert len(scenario.faults) == len(FAULT_KEYS)


def test_a_scenario_as_it_was_understood_is_read_back() -> None:
    scenario, _ = parse(TEMPLATE.encode(), "x.yaml")
    assert decode(encode(scenario)) == scenario


def test_parameters_are_laid_over_the_derived_set() -> None:
    text, _ = _changed(
        "{mode: {limiting: active}}", "{mode: {limiting: off}, timing: {cycle_s: 2}}"
    )
    scenario, _ = parse(text.encode(), "x.yaml")
    derived = ParameterSet("s", "n", 1, "h", Station((), (), (), None))  # type: ignore[arg-type]
    laid = scenario.connected.parameters.laid_over(derived)
    assert (laid.mode.limiting, laid.timing.cycle_s) == ("off", 2.0)
    assert laid.limits == derived.limits
    assert laid.timing.stale_after_s == derived.timing.stale_after_s


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30 s", 30.0), ("2 min", 120.0), ("1 h", 3600.0), ("200 ms", 0.2), (7, 7.0), ("-1 h", -3600)],
)
def test_durations_are_seconds(text: object, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "s", "5", "1 day", "1e999 s", True, None, [1], "1 s 2"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(text)


@given(st.integers(0, 100_000))
def test_durations_in_words_are_read_back(value: int) -> None:
    assert seconds(duration(value)) == pytest.approx(value)


def test_every_scenario_of_the_bench_and_the_template_are_valid(tmp_path: Path) -> None:
    new = tmp_path / "mine.yaml"
    new.write_text(library.template("mine"))
    for name in [*library.names(), str(new)]:
        path = library.find(name)
        scenario, _ = parse(path.read_bytes(), str(path), path.parent)
        assert scenario.name == path.stem


def test_no_sabotage_removes_what_its_criteria_speak_of() -> None:
    """A criterion about a fault that does not take place cannot be judged and proves nothing."""
    for name in [*library.names(), None]:
        path = Path("template.yaml") if name is None else library.find(name)
        text = TEMPLATE if name is None else path.read_text("utf-8")
        scenario, source = parse(text.encode(), str(path), path.parent)
        for proof in scenario.proofs:
            left = apply_change(source, proof.change).happenings()
            spoken_of = {one for sentence in proof.fails for one in criterion(sentence).happenings}
            assert spoken_of <= set(left), (scenario.name, proof.name)


def test_overruns_are_judged_in_real_time() -> None:
    text, _ = _changed("- nothing doubled", "- no overrun")
    scenario, _ = parse(text.replace("mode: stepped", "mode: real", 1).encode(), "x.yaml")
    assert "no overrun" in scenario.criteria


@pytest.mark.parametrize("address", ["127.0.0.2", "192.0.2.7", '"::1"'])
def test_an_address_of_numbers_is_taken(address: str) -> None:
    text, _ = _changed("device_under_test: agent ", f"address: {address} ")
    scenario, _ = parse(text.encode(), "x.yaml")
    assert scenario.connected.address == address.strip('"')


def test_a_name_that_is_neither_scenario_nor_file_is_refused() -> None:
    with pytest.raises(InputError, match="neither"):
        library.find("no-such-scenario")
    with pytest.raises(InputError, match="no name of a scenario"):
        library.template("No Name")


_PIECES = st.sampled_from(
    (
        *(
            "",
            " ",
            "\n",
            ":",
            ": ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "&a",
            "*a",
            "|",
            "'",
            '"',
            "#",
            "!!x",
        ),
        *(
            "\t",
            "-1",
            "1e400",
            "null",
            "off",
            "9" * 400,
            "\ufeff",
            "\x07",
            "é",
            "?",
            "<<: 1",
            "0x1",
        ),
    )
)


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_any_mutation_is_a_scenario_or_an_error_with_a_line(data: st.DataObject) -> None:
    text = TEMPLATE
    for _ in range(data.draw(st.integers(1, 3))):
        lines = text.splitlines(keepends=True)
        at = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["cut", "double", "insert", "replace", "indent", "swap"]))
        if kind == "cut":
            del lines[at]
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "indent":
            lines[at] = "  " + lines[at]
        elif kind == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            place = data.draw(st.integers(0, len(lines[at])))
            end = place + (data.draw(st.integers(1, 8)) if kind == "replace" else 0)
            lines[at] = lines[at][:place] + data.draw(_PIECES) + lines[at][end:]
        text = "".join(lines) or "\n"
    found = _read(text)
    if isinstance(found, str):
        match = LINE.match(found)
        assert match is not None, found
        assert 1 <= int(match[1]) <= text.count("\n") + 2


def _read(text: str) -> Scenario | str:
    """The scenario, or the error's words."""
    try:
        return parse(text.encode(), "x.yaml")[0]
    except InputError as error:
        return str(error)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_error_with_a_line(payload: bytes) -> None:
    with pytest.raises(InputError, match=LINE):
        parse(payload, "x.yaml")
