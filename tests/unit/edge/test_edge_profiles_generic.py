"""Generic profiles against the published maps they cite: registers filled by hand, values as read.

Each image is written from the maker's or SunSpec's table, not from the profile.
"""

from __future__ import annotations

import math

import pytest
from register_image import RegisterImage

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality, Validity, validity
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import LimitUnit, Scan, Source
from ortsnetz_edge.profiles.identity import compile_identity
from ortsnetz_edge.profiles.library import Library
from ortsnetz_edge.profiles.point_map import PointMap, compile_point_map
from ortsnetz_edge.profiles.references.modbus import ModbusSyntax, RegisterReference
from ortsnetz_edge.profiles.references.sunspec import ChainWalk, resolved
from ortsnetz_edge.profiles.setpoint import SetpointMap, compile_setpoint

NOW_NS = 1_790_000_000_000_000_000
LIBRARY, MODBUS = Library(), ModbusSyntax()
NAMES = {
    "V": "MMXU1.PhV.phs",
    "A": "MMXU1.A.phs",
    "W": "MMXU1.W.phs",
    "VAr": "MMXU1.VAr.phs",
}


def source(kind: str, terminals: int = 3, rated_w: float | None = None) -> Source:
    where = Connection("modbus-tcp", "127.0.0.1", 502, identity="4711")
    return Source("x", kind, where, element=1, terminals=terminals, rated_w=rated_w)


def compiled(of: Source) -> PointMap[RegisterReference]:
    return compile_point_map(LIBRARY.load(of.profile), of, MODBUS)


def setpoint(of: Source) -> SetpointMap[RegisterReference]:
    found = compile_setpoint(LIBRARY.load(of.profile), of, MODBUS)
    assert found is not None
    return found


def scanned(of: Source, image: RegisterImage) -> Scan:
    """What a driver would make of the image; models are found by walking their chain."""
    point_map = compiled(of)
    models = _models(image)
    raws = []
    for reference, absent in zip(point_map.references, point_map.absent, strict=True):
        at = resolved(reference, models)
        raws.append(None if at is None else image.raw(at, absent))
    return point_map.scan(raws, NOW_NS)


def _models(image: RegisterImage) -> dict:
    walk = ChainWalk()
    try:
        while walk.wanted is not None:
            walk.take(image.words("holding", walk.wanted, 2))
    except ValueError:
        return {}
    return walk.models


def values(of: Source, image: RegisterImage) -> dict[str, float | None]:
    """Values by their names, without the source's."""
    scan = scanned(of, image)
    names = [point.point.name.removeprefix("x/") for point in compiled(of).points]
    return dict(zip(names, scan.values, strict=True))


def phases(found: dict[str, float | None], quantity: str) -> list[float | None]:
    return [found.get(NAMES[quantity] + phase) for phase in "ABC"]


def sunspec(base: int, **models: list[tuple[str, float]]) -> RegisterImage:
    """A device: the marker, a common model, and models as lists of kind and value in order."""
    image = RegisterImage()
    image.put("holding", base, "u16", 0x5375, 0x6E53, 1, 66)
    image.put_text("holding", base + 4, 16, "Sunny Works")
    image.put_text("holding", base + 20, 16, "SW-10")
    image.put_text("holding", base + 36, 16, "")
    image.put_text("holding", base + 52, 16, "4711")
    image.put("holding", base + 68, "u16", 1, 0x8000)
    at = base + 70
    for name, body in models.items():
        header = at
        at += 2
        for kind, value in body:
            image.put("holding", at, kind, value)
            at += {"16": 1, "32": 2, "64": 4}[kind[1:]]
        image.put("holding", header, "u16", int(name[1:]), at - header - 2)
    image.put("holding", at, "u16", 0xFFFF, 0)
    return image


NO16, NO_I16 = ("u16", 0xFFFF), ("i16", -0x8000)


def model_103(single_phase: bool = False) -> list[tuple[str, float]]:
    """SunSpec model 101 or 103, in the order of its table after ID and L."""
    others = [NO16, NO16] if single_phase else [("u16", 1450), ("u16", 1452)]
    volts = [NO16, NO16] if single_phase else [("u16", 2311), ("u16", 2322)]
    return [
        ("u16", 4353),  # A, sum
        ("u16", 1451),  # AphA
        *others,  # AphB, AphC
        ("i16", -2),  # A_SF
        *[NO16] * 3,  # PPVph
        ("u16", 2305),  # PhVphA
        *volts,
        ("i16", -1),  # V_SF
        ("i16", 1002),  # W
        ("i16", 1),  # W_SF
        ("u16", 5001),  # Hz
        ("i16", -2),  # Hz_SF
        ("i16", 1003),  # VA
        ("i16", 1),  # VA_SF
        ("i16", -30),  # VAr
        ("i16", 1),  # VAr_SF
        NO_I16,  # PF
        NO_I16,  # PF_SF
        ("u32", 123456),  # WH
        ("i16", 2),  # WH_SF
        *[NO16, NO_I16] * 2,  # DCA, DCV
        *[NO_I16] * 2,  # DCW
        *[("i16", 35), NO_I16, NO_I16, NO_I16, ("i16", 0)],  # temperatures
        ("u16", 4),  # St: MPPT
        NO16,  # StVnd
        *[("u32", 0)] * 6,  # events
    ]


def model_113() -> list[tuple[str, float]]:
    """SunSpec model 111 or 113 after ID and L."""
    floats = [43.5, 14.5, 14.25, 14.75, math.nan, math.nan, math.nan, 230.5, 231.0, 232.25]
    floats += [10020.0, 50.01, 10030.0, -300.0, math.nan, 12345600.0]
    floats += [math.nan] * 3 + [35.0] + [math.nan] * 3
    return [*[("f32", each) for each in floats], ("u16", 4), NO16, *[("u32", 0)] * 6]


def model_123(percent: int, enabled: int, power_of_ten: int = 0) -> list[tuple[str, float]]:
    """SunSpec model 123 after ID and L."""
    return [
        *[("u16", 0), ("u16", 0), ("u16", 1)],  # connection
        ("u16", percent),  # WMaxLimPct
        *[("u16", 0), ("u16", 0), ("u16", 0)],  # its window, reversion and ramp times
        ("u16", enabled),  # WMaxLim_Ena
        *[("i16", 100), ("u16", 0), ("u16", 0), ("u16", 0), ("u16", 0)],  # power factor
        *[NO_I16] * 3,  # VAr
        *[("u16", 0)] * 5,
        ("i16", power_of_ten),  # WMaxLimPct_SF
        *[("i16", -2), ("i16", 0)],
    ]


@pytest.mark.parametrize("base", [40000, 50000, 0])
def test_a_three_phase_inverter_with_integers_is_read_wherever_its_models_begin(base: int) -> None:
    image = sunspec(base, m103=model_103(), m123=model_123(100, 0))
    found = values(source("sunspec-inverter-103", 3, 12_000.0), image)
    assert phases(found, "V") == pytest.approx([230.5, 231.1, 232.2])
    assert phases(found, "A") == pytest.approx([14.51, 14.50, 14.52])
    # 10.02 kW fed in, a third at each terminal; the project counts consumption positive
    assert phases(found, "W") == pytest.approx([-3340.0] * 3)
    assert phases(found, "VAr") == pytest.approx([100.0] * 3)
    assert found["MMXU1.Hz"] == pytest.approx(50.01)
    assert found["MMTR1.SupWh"] == pytest.approx(12_345_600.0)


def test_a_single_phase_inverter_says_its_power_at_its_only_terminal() -> None:
    image = sunspec(40000, m101=model_103(single_phase=True), m123=model_123(100, 0))
    found = values(source("sunspec-inverter-101", 1, 12_000.0), image)
    assert found[NAMES["V"] + "A"] == pytest.approx(230.5)
    assert found[NAMES["W"] + "A"] == pytest.approx(-10_020.0)


@pytest.mark.parametrize(("kind", "model"), [("113", "m113"), ("111", "m111")])
def test_inverters_with_floats_are_read(kind: str, model: str) -> None:
    image = sunspec(40000, **{model: model_113(), "m123": model_123(100, 0)})
    found = values(source(f"sunspec-inverter-{kind}", 3, 12_000.0), image)
    assert phases(found, "V") == [230.5, 231.0, 232.25]
    assert phases(found, "A") == [14.5, 14.25, 14.75]
    assert phases(found, "W") == pytest.approx([-3340.0] * 3)
    assert found["MMTR1.SupWh"] == 12_345_600.0


def test_models_that_a_maker_put_in_between_move_nothing() -> None:
    nameplate = [("u16", 4), *[("u16", 0)] * 25]
    image = sunspec(40000, m120=nameplate, m123=model_123(100, 0), m103=model_103())
    found = values(source("sunspec-inverter-103", 3, 12_000.0), image)
    assert phases(found, "V") == pytest.approx([230.5, 231.1, 232.2])


@pytest.mark.parametrize(
    ("percent", "power_of_ten", "enabled", "share"),
    [
        (60, 0, 1, 0.6),
        (6000, -2, 1, 0.6),
        (60, 0, 0, 1.0),  # the limit stands there, and is not in force
        (0, 0, 1, 0.0),
    ],
)
def test_the_limit_of_an_inverter_counts_when_it_is_enabled(
    percent: int, power_of_ten: int, enabled: int, share: float
) -> None:
    of = source("sunspec-inverter-103", 3, 12_000.0)
    image = sunspec(40000, m103=model_103(), m123=model_123(percent, enabled, power_of_ten))
    assert scanned(of, image).limit_in_force == pytest.approx(share)
    assert values(of, image)["DWMX1.WLimSpt"] == pytest.approx(share * 12_000.0)


def test_an_inverter_without_controls_says_no_limit_instead_of_one() -> None:
    of = source("sunspec-inverter-103", 3, 12_000.0)
    scan = scanned(of, sunspec(40000, m103=model_103()))
    assert scan.limit_in_force is None
    limit = [p.point.name for p in compiled(of).points].index("x/DWMX1.WLimSpt")
    assert scan.values[limit] is None
    assert validity(scan.qualities[limit]) is Validity.INVALID


def test_an_inverters_limit_is_written_in_the_percent_that_it_counts_in() -> None:
    written = setpoint(source("sunspec-inverter-103", 3, 12_000.0))
    assert str(written.at) == "model123/5"
    assert [written.counts(0.6, power_of_ten=p) for p in (0, -1, -2)] == [60, 600, 6000]
    assert written.enable is not None
    assert (str(written.enable[0]), written.enable[1]) == ("model123/9", 1)
    # WMaxLimPct_RvrtTms would lift the limit when nobody writes any more
    assert written.fallback_time is None


def test_who_an_inverter_is_stands_in_its_common_model() -> None:
    image = sunspec(50000, m103=model_103())
    of = source("sunspec-inverter-103", 3, 12_000.0)
    identity = compile_identity(LIBRARY.load(of.profile), of, MODBUS)
    assert identity is not None
    said = {}
    for name in ("maker_at", "model_at", "serial_at"):
        at = resolved(getattr(identity, name), _models(image))
        assert at is not None
        words = image.words("holding", at.address, at.width)
        assert words is not None
        said[name] = b"".join(w.to_bytes(2, "big") for w in words).rstrip(b"\0").decode()
    assert said == {"maker_at": "Sunny Works", "model_at": "SW-10", "serial_at": "4711"}


def model_701() -> list[tuple[str, float]]:
    """SunSpec model 701 after ID and L."""

    def phase(w: int, var: int, a: int, v: int) -> list[tuple[str, float]]:
        power = [("i16", w), ("i16", abs(w)), ("i16", var), NO_I16, ("i16", a)]
        return [*power, NO16, ("u16", v), *[("u64", 0)] * 4]

    return [
        *[("u16", 2), ("u16", 1), ("u16", 3), ("u16", 1), ("u32", 0), ("u32", 1)],
        *[("i16", 900), ("i16", 905), ("i16", 90), NO_I16, ("i16", 390)],  # W VA Var PF A
        *[NO16, ("u16", 2310), ("u32", 49990)],  # LLV LNV Hz
        *[("u64", 5_000_000), ("u64", 0), ("u64", 0), ("u64", 0)],
        *[NO_I16] * 6,
        *phase(300, 30, 130, 2300),
        *phase(310, 31, 131, 2310),
        *phase(290, 29, 129, 2320),
        *[("u16", 100), ("u32", 0)],
        *[("i16", p) for p in (-1, -1, -3, 1, -2, 1, 1, 0, 0, 0)],  # A V Hz W PF VA Var TotWh ...
        *[("u16", 0)] * 32,
    ]


def model_702() -> list[tuple[str, float]]:
    """SunSpec model 702 after ID and L: 12 kW, as rated and as set."""
    ratings = [("u16", 1200), *[NO16] * 18, ("u16", 1), ("u16", 2), ("u32", 0), ("u16", 0)]
    settings = [("u16", 1200), *[NO16] * 17, ("u16", 0)]
    return [*ratings, *settings, *[("i16", p) for p in (1, 0, 1, 1, -1, -1, 0)]]


def model_704(percent: int, enabled: int) -> list[tuple[str, float]]:
    """SunSpec model 704 after ID and L, without its groups of power factors."""
    return [
        *[("u16", 0), ("u16", 0), ("u32", 0), ("u32", 0)] * 2,
        *[("u16", enabled), ("u16", percent), ("u16", 300), ("u16", 1)],
        *[("u32", 60), ("u32", 60)],
        *[("u16", 0), ("u16", 0), ("i32", 0), ("i32", 0), ("i16", 0), ("i16", 0), ("u16", 0)],
        *[("u32", 0), ("u32", 0)],
        *[("u16", 0), ("u16", 0), ("u16", 0), ("i32", 0), ("i32", 0), ("i16", 0), ("i16", 0)],
        *[("u16", 0), ("u32", 0), ("u32", 0), ("u16", 0), ("u16", 0), ("u16", 0), ("u16", 0)],
        *[("i16", p) for p in (-2, -1, 0, -1, 0, -1)],  # PF WMaxLimPct WSet ...
    ]


def test_the_models_for_ieee_1547_say_each_phase() -> None:
    image = sunspec(40000, m701=model_701(), m702=model_702(), m704=model_704(455, 1))
    models = _models(image)
    # published lengths: 701 has 153 registers, 702 has 50, 704 has 57 before its groups
    assert [models[m].length - 2 for m in (701, 702, 704)] == [153, 50, 57]
    of = source("sunspec-der", 3, 12_000.0)
    found = values(of, image)
    assert phases(found, "V") == pytest.approx([230.0, 231.0, 232.0])
    assert phases(found, "A") == pytest.approx([13.0, 13.1, 12.9])
    assert phases(found, "W") == pytest.approx([-3000.0, -3100.0, -2900.0])
    assert phases(found, "VAr") == pytest.approx([-300.0, -310.0, -290.0])
    assert found["MMXU1.Hz"] == pytest.approx(49.99)
    assert found["MMTR1.SupWh"] == 5_000_000
    assert found["DRAT1.WRtg"] == pytest.approx(12_000.0)
    assert scanned(of, image).limit_in_force == pytest.approx(0.455)


def test_the_models_for_ieee_1547_fall_back_to_a_limit_not_to_none() -> None:
    written = setpoint(source("sunspec-der", 3, 12_000.0))
    assert str(written.fallback_time) == "model704/18:u32"
    assert str(written.fallback_limit) == "model704/16"
    assert written.fallback_enable is not None
    assert (str(written.fallback_enable[0]), written.fallback_enable[1]) == ("model704/17", 1)


def test_a_common_three_phase_meter_is_read() -> None:
    image = RegisterImage()  # SDM630 protocol: 30001 is protocol address 0
    image.put("input", 0, "f32", 229.5, 230.25, 231.0)  # phase to neutral
    image.put("input", 6, "f32", 10.0, 11.0, 12.0)
    image.put("input", 12, "f32", 2300.0, -500.0, 2750.5)
    image.put("input", 18, "f32", 2300.0, 2500.0, 2760.0)  # VA
    image.put("input", 24, "f32", 100.0, 200.0, -50.0)
    image.put("input", 70, "f32", 50.0, 1234.5, 6.25)  # Hz, kWh in, kWh out
    image.put("input", 342, "f32", 1240.75)
    found = values(source("meter-sdm630"), image)
    assert phases(found, "V") == [229.5, 230.25, 231.0]
    assert phases(found, "A") == [10.0, 11.0, 12.0]
    assert phases(found, "W") == [2300.0, -500.0, 2750.5]
    assert phases(found, "VAr") == [100.0, 200.0, -50.0]
    assert found["MMTR1.DmdWh"] == 1_234_500.0
    assert found["MMTR1.SupWh"] == 6_250.0
    assert found["MMTR1.TotWh"] == 1_240_750.0


def test_a_meter_that_sends_the_low_word_first_is_read() -> None:
    image = RegisterImage()

    def put(address: int, *counts: int) -> None:
        image.put("input", address, "i32", *counts, low_word_first=True)

    put(0x00, 2305, 2311, 2322)
    put(0x0C, 70_123, 14_500, 1)  # mA: the first needs both words
    put(0x12, 161_000, -33_000, 2)
    put(0x1E, -1000, 2000, 3000)
    image.put("input", 0x33, "u16", 500)
    put(0x34, 1_234_567)
    found = values(source("meter-em340"), image)
    assert phases(found, "V") == pytest.approx([230.5, 231.1, 232.2])
    assert phases(found, "A") == pytest.approx([70.123, 14.5, 0.001])
    assert phases(found, "W") == pytest.approx([16_100.0, -3300.0, 0.2])
    assert phases(found, "VAr") == pytest.approx([-100.0, 200.0, 300.0])
    assert found["MMXU1.Hz"] == pytest.approx(50.0)
    assert found["MMTR1.DmdWh"] == pytest.approx(123_456_700.0)


def evc04() -> RegisterImage:
    """EVC04 Modbus specification."""
    image = RegisterImage()
    image.put_text("input", 100, 25, "4711")
    image.put_text("input", 190, 10, "Vestel")
    image.put_text("input", 210, 5, "EVC04")
    for at, milliamperes in zip((1008, 1010, 1012), (16_000, 15_900, 16_050), strict=True):
        image.put("input", at, "u16", milliamperes)
    for at, volts in zip((1014, 1016, 1018), (230, 231, 229), strict=True):
        image.put("input", at, "u16", volts)
    image.put("input", 1020, "u32", 11_000)
    for at, watts in zip((1024, 1028, 1032), (3680, 3670, 3650), strict=True):
        image.put("input", at, "u32", watts)
    image.put("input", 1036, "u32", 98_765)
    image.put("holding", 5004, "u16", 16)
    return image


def test_a_charge_point_is_read_and_limited_in_whole_amperes() -> None:
    of = source("charge-point-evc04", 3, 22_000.0)
    found = values(of, evc04())
    assert phases(found, "A") == pytest.approx([16.0, 15.9, 16.05])
    assert phases(found, "W") == [3680.0, 3670.0, 3650.0]
    assert found["MMTR1.DmdWh"] == 9_876_500.0
    assert scanned(of, evc04()).limit_in_force == 16.0
    assert found["DWMX1.WLimSpt"] == pytest.approx(16.0 * (230 + 231 + 229))
    written = setpoint(of)
    assert [written.counts(limit) for limit in (0.0, 6.0, 16.0, 32.0)] == [0, 6, 16, 32]
    assert (written.resolution.step, written.resolution.smallest) == (1.0, 6.0)
    assert written.enable is not None  # the alive register
    assert (str(written.enable[0]), written.enable[1]) == ("holding/6000", 1)
    assert str(written.fallback_time) == "holding/2002"
    assert str(written.fallback_limit) == "holding/2000"


def test_a_charge_point_of_many_brands_is_commanded_by_serial_number_only() -> None:
    of = source("charge-point-evc04", 3, 22_000.0)
    profile = LIBRARY.load(of.profile)
    identity = compile_identity(profile, of, MODBUS)
    assert identity is not None
    assert identity.serial == "4711"
    nobody = Connection("modbus-tcp", "127.0.0.1", 502)
    anyone = Source("x", of.profile, nobody, element=1, terminals=3, rated_w=22_000.0)
    with pytest.raises(InputError, match=r"'x'.*serial number only.*'identity' has to say"):
        compile_identity(profile, anyone, MODBUS)


def test_a_heat_pump_with_a_power_limit_takes_watts() -> None:
    image = RegisterImage()  # docs/register-maps.md, heat-pump
    image.put("holding", 5000, "i32", 1000, 1001, 1002, 300, 301, 302)
    image.put("holding", 5012, "u16", 2300, 2310, 2320, 450, 451, 452, 420, 300, 600)
    image.put("holding", 5021, "i16", 215)
    image.put("holding", 5022, "u32", 7)
    image.put("holding", 5024, "u64", 1_790_000_000_000)
    of = source("heat-pump", 3, 6000.0)
    found = values(of, image)
    assert phases(found, "W") == [1000.0, 1001.0, 1002.0]
    assert found["STMP1.Tmp"] == pytest.approx(21.5)
    assert found["DGEN1.WAvl"] == 3000.0
    assert scanned(of, image).limit_in_force == 4200.0
    assert scanned(of, image).time_ns == 1_790_000_000_000 * 1_000_000
    written = setpoint(of)
    assert written.resolution.unit is LimitUnit.WATT
    assert written.counts(4200.0) == 420


def test_a_home_battery_says_its_state_of_charge() -> None:
    image = RegisterImage()  # docs/register-maps.md, home-battery
    image.put("input", 600, "f32", -500.0, -500.5, -501.0, 0.0, 0.0, 0.0, 230.0, 231.0, 232.0)
    image.put("input", 618, "u16", 217, 218, 219, 555, 300)
    image.put("input", 627, "u32", 9)
    image.put("input", 629, "u64", 1_790_000_000_000)
    of = source("home-battery", 3, 5000.0)
    found = values(of, image)
    assert phases(found, "W") == [-500.0, -500.5, -501.0]
    assert phases(found, "A") == pytest.approx([2.17, 2.18, 2.19])
    assert found["ZBAT1.SocPct"] == pytest.approx(0.555)
    assert scanned(of, image).limit_in_force == pytest.approx(0.3)


@pytest.mark.parametrize(("state", "share"), [(1, 0.0), (2, 1.0)])
def test_a_heat_pump_with_sg_ready_is_locked_or_not(state: int, share: float) -> None:
    image = RegisterImage()
    image.put("input", 0, "u16", state)
    image.put("input", 10, "i32", 2400)
    of = source("heat-pump-sg-ready", 3, 6000.0)
    assert scanned(of, image).limit_in_force == share
    assert phases(values(of, image), "W") == [800.0] * 3


def test_off_and_on_are_written_as_the_states_of_sg_ready() -> None:
    written = setpoint(source("heat-pump-sg-ready", 3, 6000.0))
    assert [written.counts(limit) for limit in (0.0, 1.0)] == [1, 2]
    assert written.resolution.hold_s == 600.0


def test_a_control_box_says_late_what_it_has_acknowledged() -> None:
    image = RegisterImage()
    image.put("input", 0, "u16", 0xFFFF)
    image.put("input", 10, "i32", 6000)
    of = source("control-box-14a", 3, 11_000.0)
    scan = scanned(of, image)
    assert scan.limit_in_force is None
    assert scan.qualities[3] & Quality.FAILURE
    image.put("input", 0, "u16", 42)
    assert scanned(of, image).limit_in_force == 4200.0
    written = setpoint(of)
    assert written.counts(4200.0) == 42
    assert written.resolution.acknowledged_s == 300.0
    assert written.resolution.smallest == 4200.0


@pytest.mark.parametrize("kind", LIBRARY.kinds)
def test_every_shipped_profile_is_in_order(kind: str) -> None:
    assert LIBRARY.load(kind).describes
