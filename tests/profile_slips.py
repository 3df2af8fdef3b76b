"""Mistakes that people make in device profiles, each with the line and the words it has to get.

One mistake is one replacement in a profile that is in order. `test_edge_profiles_refusals` makes
them.
"""

from __future__ import annotations

from dataclasses import dataclass

CHARGER = """\
format: ortsnetz.profile/2
kind: charger
version: 1
describes: a charge point
protocol: modbus
direction: consumption
groups: {slow: 60}
voltage: {at: [input/0, input/1, input/2], scale: 0.1, range: [0, 460]}
current: {at: [input/3, input/4, input/5], scale: 0.1, absent: 0xFFFF, range: [0, 100]}
active_power:
  total: input/6:i32
  share: equal
  range: [-5.0e+4, 5.0e+4]
state: {at: input/8}
limit:
  value: {at: input/9, scale: 0.1}
  unit: A
available:
  value: {at: input/10, scale: 0.1}
  unit: A
further:
  - name: MMTR1.TotWh
    value: {at: "input/20:u32", scale: 100, group: slow}
    unit: Wh
    range: [0, 1.0e+12]
time: {seconds: "input/12:u32", fraction_ms: input/14}
setpoint:
  at: holding/100
  kind: steps
  unit: A
  step: 1
  smallest: 6
  reaction_s: 5
  fallback: {time_at: holding/101, limit_at: holding/102}
identity:
  maker_at: holding/200:text8
  serial_at: holding/208:text8
  maker: ACME
modbus:
  registers: 60
  whole: [input/0+20]
"""
HEAT_PUMP = """\
format: ortsnetz.profile/2
kind: pump
version: 1
describes: a heat pump
protocol: modbus
direction: consumption
active_power:
  at: ["input/0:i32", "input/2:i32", "input/4:i32"]
  absent: 0x80000000
  range: [0, 9.0e+3]
limit: {value: {at: input/6}, unit: share}
setpoint:
  at: coil/0
  kind: on-off
  unit: share
  step: 1
  reaction_s: 60
identity: {model_at: identification/1, model: HP}
"""
FEEDER = """\
format: ortsnetz.profile/2
kind: feeder
version: 1
describes: a bay of an RTU
protocol: dnp3
direction: away-from-busbar
bay_stride: 10
voltage: {at: [analog-input/0, analog-input/1, analog-input/2], range: [0, 460]}
limit: {value: {at: analog-input/8}, unit: W}
setpoint: {at: "analog-output/3:f32", kind: continuous, unit: W, step: 1, reaction_s: 5}
identity: {maker_at: attribute/252, maker: ACME}
dnp3: {integrity_s: 60}
"""
PARK = """\
format: ortsnetz.profile/2
kind: park
version: 1
describes: a charge point of a park
protocol: opcua
direction: consumption
voltage:
  at: ["nsu=urn:p;s=CP{bay}.V1", "nsu=urn:p;s=CP{bay}.V2", "nsu=urn:p;s=CP{bay}.V3"]
  range: [0, 460]
opcua: {subscribe: true, publishing_s: 1}
"""
BASES = {"charger": CHARGER, "pump": HEAT_PUMP, "feeder": FEEDER, "park": PARK}


@dataclass(frozen=True)
class Slip:
    """One mistake: `old` becomes `new` in a profile that is in order.

    Attributes:
        at: begins the line that is named; the changed text if empty.
        says: field and reason as the message has them, a regular expression.
    """

    base: str
    old: str
    new: str
    says: str
    at: str = ""


INVERTER = """\
format: ortsnetz.profile/2
kind: inverter
version: 1
describes: an inverter
protocol: modbus
direction: feed-in
voltage: {at: [input/0, input/1, input/2], scale: 0.1, range: [0, 460]}
further_setpoints:
  - quantity: reactive_power
    at: holding/100:i16
    unit: share
    step: 0.001
    range: [-0.5, 0.5]
    read_back: {at: holding/100:i16, scale: 0.001}
identity: {maker_at: holding/200:text8, maker: ACME}
"""
BASES["inverter"] = INVERTER
SLIPS = {
    # the file
    "an older format": Slip(
        "charger", "profile/2", "profile/1", r"format: 'ortsnetz.profile/2' is"
    ),
    "no format": Slip("charger", "format: ortsnetz.profile/2\n", "", "format: .*is needed", "kind"),
    "a field twice": Slip(
        "charger",
        "state: {",
        "voltage: {",
        r"voltage: .*already in line 8",
        at="voltage: {at: input/8}",
    ),
    "an unknown field": Slip("charger", "version: 1", "verison: 1", "did you mean 'version'"),
    "an unknown quantity": Slip(
        "charger", "state: {at: input/8}", "states: {at: input/8}", "did you mean 'state'"
    ),
    "an unknown field within": Slip(
        "charger", "scale: 0.1, range", "scaling: 0.1, range", r"voltage.scaling: .*mean 'scale'"
    ),
    "a missing field": Slip(
        "charger", "  kind: steps\n", "", "setpoint: the field 'kind' is mis", "setpoint"
    ),
    "a name with capitals": Slip(
        "charger", "kind: charger", "kind: Charger", "kind: a name of a-z"
    ),
    "a version below one": Slip("charger", "version: 1", "version: 0", "version: at least 1"),
    "no description": Slip(
        "charger", "describes: a charge point", 'describes: ""', "describes: at least 1"
    ),
    "text for a number": Slip(
        "charger",
        "scale: 0.1, range: [0, 460]",
        "scale: tenth, range: [0, 460]",
        "voltage.scale: a number is needed, not text",
    ),
    "not a number for a number": Slip(
        "charger",
        "scale: 0.1, range: [0, 460]",
        "scale: .nan, range: [0, 460]",
        "voltage.scale: a number is needed, not text",
    ),
    "too large a number": Slip("charger", "5.0e+4]", "5.0e+400]", "5.0e.400 is too large a number"),
    "a protocol that is none": Slip(
        "charger",
        "protocol: modbus",
        "protocol: modbuss",
        r"protocol: 'modbuss' is none of .*did you mean 'modbus'",
    ),
    "a direction that is none": Slip(
        "charger",
        "direction: consumption",
        "direction: import",
        "direction: 'import' is none of con",
    ),
    "options of another protocol": Slip(
        "charger", "modbus:", "dnp3: {}\nmodbus:", "dnp3: the profile is one of modbus"
    ),
    "an anchor": Slip("charger", "state: {", "state: &a {", r"anchors \(&\) and aliases"),
    "a tag": Slip("charger", "version: 1", "version: !!python/name:os.system", "tags such as"),
    "a tab": Slip("charger", "  unit: A\navail", "\tunit: A\navail", "not YAML"),
    "nothing to read": Slip(
        "park",
        PARK[PARK.index("voltage") : PARK.index("opcua: {")],
        "",
        "there is no value to read",
        "format",
    ),
    # quantities
    "a range upside down": Slip("charger", "[0, 460]", "[460, 0]", "voltage.range: the lower end"),
    "a range of one end": Slip("charger", "[0, 460]", "[460]", "voltage.range: exactly 2 needed"),
    "two references for three": Slip(
        "charger", "[input/0, input/1, input/2]", "[input/0, input/1]", "voltage.at: exactly 3"
    ),
    "a total without share": Slip(
        "charger", "  share: equal\n", "", "active_power: 'share: equal' has", "active_power"
    ),
    "a total of voltages": Slip(
        "charger",
        "at: [input/0, input/1, input/2]",
        "total: input/0, share: equal",
        "voltages do not add",
    ),
    "a share of what is measured": Slip(
        "charger",
        "input/2], scale",
        "input/2], share: equal, scale",
        "voltage.share: belongs to 'total'",
    ),
    "both total and each": Slip(
        "charger",
        "input/2], scale",
        "input/2], total: input/7, share: equal, scale",
        "either 'at' with",
    ),
    "neither": Slip(
        "charger", "  total: input/6:i32\n", "", "either 'at' with three", "active_power"
    ),
    "a scale of zero": Slip(
        "charger", "scale: 0.1, range", "scale: 0, range", "voltage.scale: 0 makes everything zero"
    ),
    "a group that is none": Slip(
        "charger", "group: slow", "group: slwo", r"'slwo' is not among 'groups' \(slow\)"
    ),
    "a group for nothing": Slip(
        "charger", ", group: slow", "", "groups.slow: no value belongs", "groups"
    ),
    "a group that is never due": Slip(
        "charger", "slow: 60", "slow: 0", "groups.*more than 0 is needed"
    ),
    "a reference copied": Slip(
        "charger",
        "input/1, input/2]",
        "input/0, input/2]",
        r"voltage.at\[1\]: 'input/0' is the reference of voltage.at\[0\] already",
    ),
    "a reference of two quantities": Slip(
        "charger",
        "[input/3,",
        "[input/0,",
        r"current.at\[0\]: .* reference of voltage.at\[0\] already",
        at="current",
    ),
    "an absence that does not fit": Slip(
        "charger",
        "absent: 0xFFFF",
        "absent: 0x1FFFF",
        "current.absent: 131071 does not fit into input/3",
    ),
    "an absence with a sign": Slip(
        "pump",
        "absent: 0x80000000",
        "absent: -2147483648",
        "absent: -2147483648 does not fit .*without a sign",
    ),
    "a further name that is none": Slip(
        "charger", "MMTR1.TotWh", "total energy", r"further\[0\].name"
    ),
    "a further name twice": Slip(
        "charger",
        "time: {",
        "  - {name: MMTR1.TotWh, value: {at: input/30}, unit: Wh, range: [0, 1]}\ntime: {",
        r"further\[1\].name: 'MMTR1.TotWh' is there twice",
        "  - {name: MMTR1.TotWh",
    ),
    "a unit that is none": Slip(
        "charger", "unit: Wh", "unit: kWh", "unit: 'kWh' is none of V, A, W"
    ),
    "amperes without a voltage": Slip(
        "charger",
        "voltage: {at: [input/0, input/1, input/2], scale: 0.1, range: [0, 460]}\n",
        "",
        "limit.unit: amperes become watts",
        "  unit: A",
    ),
    "two clocks": Slip(
        "charger", "time: {", 'time: {milliseconds: "input/15:u64", ', "time: either 'milliseconds'"
    ),
    "a fraction of nothing": Slip(
        "charger", 'seconds: "input/12:u32", ', "", "time.fraction_ms: belongs to", at="time"
    ),
    "frozen at once": Slip(
        "charger",
        "direction: c",
        "frozen_after_s: 2\ndirection: c",
        "frozen_after_s: at least 30",
        "frozen",
    ),
    "a count of answers nobody asked for": Slip(
        "park",
        "opcua: {",
        "read_count: {at: 'nsu=urn:p;s=CP{bay}.Count'}\nopcua: {",
        "read_count: what comes as it changes has no count",
    ),
    "a count of polls for events": Slip(
        "feeder",
        "voltage: {",
        "read_count: {at: counter/0}\nvoltage: {",
        "read_count: what comes as it changes has no count",
    ),
    "frozen within a deadband": Slip(
        "park",
        "opcua: {",
        "frozen_after_s: 300\nopcua: {deadband: 1, ",
        "frozen_after_s: with a 'deadband'",
    ),
    "a further range upside down": Slip(
        "charger", "[0, 1.0e+12]", "[1, 0]", r"further\[0\].range: the lower end comes first"
    ),
    "a switch of amperes": Slip(
        "charger",
        "input/9, scale: 0.1}\n  unit: A",
        "input/9, scale: 0.1}\n  enabled: {at: coil/1, value: 1}\n  unit: A",
        "limit.enabled: belongs to limits in W or share",
        "  enabled",
    ),
    "an available current without a voltage": Slip(
        "pump",
        "setpoint:",
        "available: {value: {at: input/8}, unit: A}\nsetpoint:",
        "available.unit: amperes become watts",
    ),
    "frozen measurements of none": Slip(
        "park",
        PARK[PARK.index("voltage") : PARK.index("opcua: {")],
        'frozen_after_s: 300\nstate: {at: "i=2258"}\n',
        "frozen_after_s: there is no measurement",
    ),
    "one value absent in two ways": Slip(
        "charger",
        "available:\n  value: {at: input/10, scale: 0.1}",
        "available:\n  value: {at: input/9, scale: 0.1, absent: 0xFFFF}",
        "available.value: 'input/9' is in the profile twice, with another 'absent'",
        "  value: {at: input/9, scale: 0.1, absent",
    ),
    "a value that no request can hold": Slip(
        "charger",
        "registers: 60\n  whole: [input/0+20]",
        "registers: 1",
        "active_power.total: spans 2 registers; the device gives 1 a request",
        "  total",
    ),
    "references of nobody": Slip(
        "pump",
        "protocol: modbus",
        "protocol: other\nreferences: acme",
        "references: .*acme",
        "references",
    ),
    # setpoints
    "a setpoint for anyone": Slip(
        "charger",
        CHARGER[CHARGER.index("identity:") : CHARGER.index("modbus:\n")],
        "",
        "setpoint: 'identity' is needed",
        "setpoint",
    ),
    "a setpoint without read-back": Slip(
        "charger",
        "limit:\n  value: {at: input/9, scale: 0.1}\n  unit: A\n",
        "",
        "setpoint: 'limit' is needed",
        "setpoint",
    ),
    "a limit in another unit": Slip(
        "charger",
        "input/9, scale: 0.1}\n  unit: A",
        "input/9, scale: 0.1}\n  unit: W",
        "setpoint.unit: the limit is read back in W",
        "  unit: A\n  step",
    ),
    "ten times the limit": Slip(
        "feeder",
        "limit: {value: {at: analog-input/8}, unit: W}",
        "limit: {value: {at: analog-output/3, scale: 10}, unit: W}",
        "setpoint.step: one count is 1 here and 10 in 'limit', which is the same value",
        "setpoint",
    ),
    "a limit with a power of ten of its own": Slip(
        "feeder",
        "limit: {value: {at: analog-input/8}, unit: W}",
        "limit: {value: {at: analog-output/3, scale_at: analog-input/9}, unit: W}",
        "setpoint: 'limit', the same value of the device, has another 'scale_at'",
        "setpoint",
    ),
    "on and off in amperes": Slip(
        "charger", "kind: steps", "kind: on-off", "setpoint.kind: on-off needs 'unit: share'"
    ),
    "off and on alike": Slip(
        "pump",
        "  step: 1\n",
        "  step: 1\n  off: 1\n",
        "setpoint.off: off and on are both 1",
        "  off",
    ),
    "codes of what is counted": Slip(
        "charger",
        "  step: 1\n",
        "  step: 1\n  on: 2\n",
        "setpoint.on: 'off' and 'on' belong",
        "  on: 2",
    ),
    "steps from zero": Slip(
        "charger",
        "  smallest: 6\n",
        "",
        "setpoint.*steps begin at a lowest limit above zero",
        "setpoint",
    ),
    "a step that is none": Slip(
        "charger", "  step: 1\n", "  step: 0\n", "setpoint.step: more than 0 is needed"
    ),
    "percent for a share": Slip(
        "pump",
        "kind: on-off\n  unit: share\n  step: 1\n",
        "kind: continuous\n  unit: share\n  step: 5\n",
        "setpoint.step: a share of the rating is at most 1",
        "  step",
    ),
    "a ramp that takes longer": Slip(
        "charger",
        "reaction_s: 5",
        "reaction_s: 5\n  ramp_per_s: 0.1",
        "setpoint.reaction_s: the ramp alone takes 10 s",
        "  reaction_s",
    ),
    "a fall-back without its time": Slip(
        "charger",
        "time_at: holding/101, ",
        "",
        "setpoint.fallback: 'time_at' is needed",
        at="  fallback",
    ),
    "a limit in an input register": Slip(
        "charger", "at: holding/100", "at: input/100", "setpoint.at: input/100 cannot be written"
    ),
    "a limit in a bit": Slip(
        "pump", "at: coil/0", "at: holding/0:bit3", "setpoint.at: holding/0:bit3: one bit"
    ),
    "a limit at an analog input": Slip(
        "feeder",
        '"analog-output/3:f32"',
        "analog-input/9",
        "setpoint.at: analog-input/9 cannot be written",
    ),
    "a smallest between off and on": Slip(
        "pump",
        "  step: 1\n",
        "  step: 1\n  smallest: 0.5\n",
        "setpoint.smallest: between off and on",
        "  smallest",
    ),
    "a power of ten of off and on": Slip(
        "pump",
        "  step: 1\n",
        "  step: 1\n  scale_at: holding/9\n",
        "setpoint.scale_at: off and on are not counted",
        "  scale_at",
    ),
    "a fall-back that is enabled and never begins": Slip(
        "pump",
        "  step: 1\n",
        "  step: 1\n  fallback: {enable: {at: coil/9, value: 1}}\n",
        "setpoint.fallback.enable: there is no 'time_at'",
        "  fallback",
    ),
    # identity
    "an identity that says nothing": Slip(
        "pump", "{model_at: identification/1, model: HP}", "{}", "identity: one of 'maker_at'"
    ),
    "a maker from nowhere": Slip(
        "charger",
        "  maker_at: holding/200:text8\n",
        "",
        "identity.maker: 'maker_at' has to say",
        "  maker: ACME",
    ),
    "an identity that fits all": Slip(
        "pump", ", model: HP", "", "identity: nothing in it tells one", at="identity"
    ),
    "an empty beginning": Slip("charger", "maker: ACME", 'maker: ""', "identity.maker: at least 1"),
    # references
    "a table that is none": Slip(
        "charger", "at: input/8", "at: inputs/8", "state.at: 'inputs' is not a table: holding"
    ),
    "a reference of the manual": Slip(
        "charger", "at: input/8", "at: 30009", "state.at: text is needed, not a whole number"
    ),
    "a type that is none": Slip(
        "charger", "input/6:i32", "input/6:i24", "active_power.total: 'i24' is not a type"
    ),
    "an order that is none": Slip(
        "charger", "input/6:i32", "input/6:i32,dacb", "'dacb' is not an order of bytes"
    ),
    "an address beyond all": Slip(
        "charger", "at: input/8", "at: input/65536", "'input/65536' goes beyond address 65535"
    ),
    "a value over the end": Slip(
        "charger", "input/6:i32", "input/65535:i32", "goes beyond address 65535"
    ),
    "a coil with a type": Slip(
        "pump", "at: coil/0", "at: coil/0:u16", "a coil is one bit and has no type"
    ),
    "a text as a number": Slip(
        "charger", "at: input/8", 'at: "input/8:text2"', "state.at: texts belong to 'identity'"
    ),
    "identification as a number": Slip(
        "charger", "at: input/8", "at: identification/1", "belong to 'identity'"
    ),
    "a block that is none": Slip(
        "charger", "input/0+20", "input/0-20", r"modbus.whole\[0\]: 'input/0-20' is not of the form"
    ),
    "a block beyond the device": Slip(
        "charger", "input/0+20", "input/0+80", r"modbus.whole\[0\]: more than the device's 60"
    ),
    "more registers than Modbus has": Slip(
        "charger", "registers: 60", "registers: 126", "modbus.registers: at most 125"
    ),
    "points in no event class, and an hour between integrity polls": Slip(
        "feeder", "integrity_s: 60", "integrity_s: 3600", "dnp3.integrity_s: at most 60"
    ),
    "a kind of point that is none": Slip(
        "feeder",
        "[analog-input/0,",
        "[analogue-input/0,",
        r"voltage.at\[0\]: 'analogue-input' is not a kind",
    ),
    "an index beyond all": Slip(
        "feeder", "[analog-input/0,", "[analog-input/65536,", "there is no such index"
    ),
    "a form of the other kind": Slip(
        "feeder", "analog-output/3:f32", "analog-output/3:latch", "is commanded as one of f32"
    ),
    "an attribute as a number": Slip(
        "feeder", "[analog-input/0,", "[attribute/252,", "texts belong to 'identity'"
    ),
    "bays counted twice": Slip(
        "feeder",
        "[analog-input/0,",
        '["analog-input/{bay}",',
        "either {bay} in references or 'bay_stride'",
    ),
    "a node that is none": Slip(
        "park", "nsu=urn:p;s=CP{bay}.V1", "CP{bay}.V1", r"voltage.at\[0\]: .*is not a node id"
    ),
    "a node without a number": Slip(
        "park", "nsu=urn:p;s=CP{bay}.V1", "ns=2;i=x", "i= needs a number"
    ),
    "a node with a broken GUID": Slip(
        "park", "nsu=urn:p;s=CP{bay}.V1", "ns=2;g=12", "g= needs a GUID"
    ),
    "nodes with a stride": Slip(
        "park",
        PARK[PARK.index("voltage") : PARK.index("opcua: {")],
        'bay_stride: 4\nstate: {at: "i=2258"}\n',
        "bay_stride: nodes are not counted",
        "bay_stride",
    ),
    "a further set point of nobody": Slip(
        "inverter",
        "identity: {maker_at: holding/200:text8, maker: ACME}\n",
        "",
        r"further_setpoints\[0\]: 'identity' is needed",
        "  - quantity",
    ),
    "reactive power in per unit": Slip(
        "inverter", "unit: share", "unit: pu", r"further_setpoints\[0\].unit: .* in var or share"
    ),
    "bounds upside down": Slip("inverter", "[-0.5, 0.5]", "[0.5, -0.5]", "the lower end comes"),
    "a range in percent": Slip("inverter", "[-0.5, 0.5]", "[-50, 50]", "within -1 and 1"),
    "a set point that is read back in another scale": Slip(
        "inverter", "step: 0.001", "step: 0.01", "the same value of the device"
    ),
    "a set point in an input register": Slip(
        "inverter", "    at: holding/100:i16", "    at: input/100:i16", "cannot be written"
    ),
    "a quantity that is none": Slip(
        "inverter", "quantity: reactive_power", "quantity: power_factor", "quantity: "
    ),
}
