"""OpenDSS circuits are imported as OpenDSS computes them; what is not covered is listed."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from dss import DSS
from power_grid_model import CalculationType
from studies.ieee_line_configurations import write_line_codes

from ortsnetz_common.errors import InputError, MissingExtraError
from ortsnetz_grid.commands.network import network as command
from ortsnetz_grid.commands.power_flow import powerflow
from ortsnetz_grid.network.additions_loading import additional_loading
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance
from ortsnetz_grid.network.importing.opendss import import_opendss
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow import Appliances, PowerFlow
from ortsnetz_grid.network.topology import Topology
from ortsnetz_grid.network.validation import problems

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "feeders"
FEEDERS = {
    "13": "13Bus/IEEE13Nodeckt.dss",
    "34": "34Bus/ieee34Mod1.dss",
    "34 mod 2": "34Bus/ieee34Mod2.dss",
    "37": "37Bus/ieee37.dss",
    "123": "123Bus/IEEE123Master.dss",
}
TOLERANCE = 0.002
"""Of the voltage, phase by phase: what the published feeders are to be met with."""
SAME = 1e-5
"""Where both sides have the same model: OpenDSS stops at 1e-4 of the voltage's change by default,
the circuits written here ask for 1e-9."""


@pytest.fixture(scope="module")
def feeders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published feeders with the file of line configurations that they refer to."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data/feeders")
    copied = tmp_path_factory.mktemp("ieee") / "feeders"
    shutil.copytree(SHARED, copied)
    for folder in copied.iterdir():
        folder.chmod(0o755)
    copied.chmod(0o755)
    write_line_codes(copied / "IEEELineCodes.DSS")
    return copied


@pytest.fixture(params=FEEDERS)
def feeder(request: pytest.FixtureRequest, feeders: Path) -> Path:
    return feeders / FEEDERS[request.param]


def opendss(path: Path, *commands: str) -> Any:
    """OpenDSS's own circuit, solved after some further commands."""
    DSS.AllowChangeDir = False
    engine = DSS.NewContext()
    engine.Text.Command = f'compile "{path}"'
    for each in commands:
        engine.Text.Command = each
    engine.ActiveCircuit.Solution.Solve()
    assert engine.ActiveCircuit.Solution.Converged
    return engine.ActiveCircuit


def as_complex(pairs: Any) -> np.ndarray:
    return np.asarray(pairs)[::2] + 1j * np.asarray(pairs)[1::2]


@dataclass(frozen=True)
class Solved:
    """Our network with its solution: phasors (n * 3) to earth, V."""

    network: Network
    model: Admittance
    voltage: np.ndarray

    def rows(self, names: list[str]) -> np.ndarray:
        """Places among (n * 3) of OpenDSS's node names: `671.2`."""
        row_of = {
            self.network.names[node]: row for row, node in enumerate(self.model.node_ids.tolist())
        }
        parts = [name.lower().rsplit(".", 1) for name in names]
        return np.array([3 * row_of[bus] + int(node) - 1 for bus, node in parts])


def source_admittance(network: Network) -> np.ndarray:
    """(3, 3) S of the only source, as power-grid-model's documentation has it."""
    source = network.data["source"][0]
    rated = network.data["node"]["u_rated"][network.row("node", int(source["node"]))]
    rx = 0.1 if np.isnan(source["rx_ratio"]) else source["rx_ratio"]
    z01 = 1 if np.isnan(source["z01_ratio"]) else source["z01_ratio"]
    positive = rated**2 / source["sk"] * (rx + 1j) / np.hypot(rx, 1)
    return np.linalg.inv(np.eye(3) * positive + (z01 - 1) * positive / 3)


def node_matrix_in_siemens(network: Network, model: Admittance) -> np.ndarray:
    """(3n, 3n) with the source's admittance, as OpenDSS's system matrix."""
    volts = np.repeat(model.node_volts, 3)
    matrix = model.node_matrix().toarray() * BASE_PHASE_VA / np.outer(volts, volts)
    at = 3 * model.sources[0] + np.arange(3)
    matrix[np.ix_(at, at)] += source_admittance(network)
    return matrix


def solve(network: Network) -> Solved:
    """Our power flow of the file's own consumption."""
    flow = PowerFlow.of(network)
    flows = flow.solve(Appliances.of(network).injections())
    assert flows.converged.all()
    volts = flows.voltage[0] * flow.admittance.node_volts[:, None]
    return Solved(network, flow.admittance, volts.ravel())


def voltage_error(solved: Solved, circuit: Any) -> float:
    """Largest difference of a phase's phasor to OpenDSS's, relative."""
    theirs = as_complex(circuit.AllBusVolts)
    ours = solved.voltage[solved.rows(circuit.AllNodeNames)]
    live = np.abs(theirs) > 1e-3
    assert (np.abs(ours[~live]) < 1).all()
    return float(np.abs(ours[live] / theirs[live] - 1).max())


# the published feeders


def test_the_node_admittances_of_a_feeder_are_those_of_opendss(feeder: Path) -> None:
    circuit = opendss(feeder, "solve", "set controlmode=off", "batchedit load..* enabled=no")
    network = import_opendss(feeder)
    model = Admittance.of(network)
    order = circuit.YNodeOrder
    theirs = as_complex(circuit.SystemY).reshape(len(order), len(order))
    rows = Solved(network, model, np.zeros(0)).rows(list(order))
    ours = node_matrix_in_siemens(network, model)[np.ix_(rows, rows)]
    own = np.sqrt(np.abs(np.diag(theirs)))
    assert np.abs((ours - theirs) / np.outer(own, own)).max() < 1e-6


def test_a_feeder_has_the_voltages_of_opendss_in_every_phase(feeder: Path) -> None:
    network = import_opendss(feeder)
    assert problems(network, CalculationType.power_flow) == ()
    assert voltage_error(solve(network), opendss(feeder)) < TOLERANCE


def test_lines_of_a_feeder_carry_the_currents_of_opendss(feeder: Path) -> None:
    circuit = opendss(feeder)
    solved = solve(import_opendss(feeder))
    model = solved.model
    per_unit = solved.voltage.reshape(-1, 3) / model.node_volts[:, None]
    amperes = (
        model.branch_currents(per_unit) * (BASE_PHASE_VA / model.node_volts[model.ends])[..., None]
    )
    row_of = {
        solved.network.names.get(branch): row
        for row, branch in enumerate(model.branch_ids.tolist())
    }
    largest = 0.0
    errors = []
    for name in circuit.Lines.AllNames:
        circuit.SetActiveElement(f"Line.{name}")
        element = circuit.ActiveCktElement
        theirs = as_complex(element.Currents).reshape(2, -1)
        phases = np.array(element.NodeOrder[: theirs.shape[1]]) - 1
        errors.append(np.abs(amperes[row_of[name]][:, phases] - theirs).max())
        largest = max(largest, np.abs(theirs).max())
    assert len(errors) > 10
    assert max(errors) < TOLERANCE * largest


def test_lines_are_loaded_as_in_opendss(feeders: Path) -> None:
    path = feeders / FEEDERS["13"]
    solved = solve(import_opendss(path))
    per_unit = solved.voltage.reshape(-1, 3) / solved.model.node_volts[:, None]
    found = additional_loading(solved.network, solved.model, per_unit)
    ours = {solved.network.names.get(i): v for i, v in zip(found.ids, found.loading, strict=True)}
    elements = opendss(path).PDElements
    theirs = dict(zip(elements.AllNames, np.asarray(elements.AllPctNorm()) / 100, strict=True))
    lines = [name.removeprefix("Line.") for name in theirs if name.startswith("Line.")]
    assert len(lines) == 12
    for name in lines:
        assert ours[name] == pytest.approx(theirs[f"Line.{name}"], abs=TOLERANCE)


def test_the_power_flow_command_writes_the_powers_of_opendss(feeders: Path, tmp_path: Path) -> None:
    path = feeders / FEEDERS["13"]
    case, result = tmp_path / "case.json", tmp_path / "result.json"
    network = import_opendss(path)
    case.write_text(network.to_json())
    done = CliRunner().invoke(powerflow, [str(case), "-o", str(result)])
    assert done.exit_code == 0, done.output
    found = json.loads(result.read_text())["ortsnetz"]["elements"]
    circuit = opendss(path)
    kinds = {"matrix_line": "Line", "energy_consumer": "Load", "shunt_compensator": "Capacitor"}
    compared = 0
    for component, kind in kinds.items():
        for row in found[component]:
            if not circuit.SetActiveElement(f"{kind}.{network.names[row['id']]}") >= 0:
                continue  # a source's impedance, what earths transformers
            element = circuit.ActiveCktElement
            terminal = element.Powers[: len(element.Powers) // element.NumTerminals]
            theirs = as_complex(terminal).sum() * 1e3
            p, q = (row.get(f"{name}_from", row.get(name)) for name in "pq")
            assert sum(p) + 1j * sum(q) == pytest.approx(theirs, abs=TOLERANCE * 1e6)
            assert row["energized"] == 1
            compared += 1
    assert compared == 12 + 15 + 2


def test_phases_are_present_where_opendss_has_them(feeder: Path) -> None:
    network = import_opendss(feeder)
    model = Admittance.of(network)
    theirs = set(Solved(network, model, np.zeros(0)).rows(opendss(feeder).AllNodeNames).tolist())
    behind = {3 * row + phase for row in model.sources.tolist() for phase in range(3)}
    assert set(np.flatnonzero(model.present).tolist()) == theirs | behind


def test_regulators_at_given_taps_give_the_voltages_of_opendss_at_these_taps(feeders: Path) -> None:
    path = feeders / FEEDERS["13"]
    taps = {"reg1": 1.0625, "reg2": 1.05, "reg3": 1.06875}  # as IEEE published them
    network = import_opendss(path, taps=taps)
    assert (
        "regulators stand at the taps that were given"
        in network.document["ortsnetz"]["assumptions"]
    )
    commands = [f"transformer.{name}.taps=[1 {tap}]" for name, tap in taps.items()]
    circuit = opendss(path, "set controlmode=off", *commands)
    assert voltage_error(solve(network), circuit) < TOLERANCE
    found = import_opendss(path)
    assert voltage_error(solve(found), circuit) > TOLERANCE


# IEEE PES, '13 Node Test Feeder', radial flow summary: magnitude per unit and angle, degrees
PUBLISHED = {
    "632.1": (1.0210, -2.49),
    "632.2": (1.0420, -121.72),
    "632.3": (1.0174, 117.83),
    "634.1": (0.9940, -3.23),
    "634.2": (1.0218, -122.22),
    "634.3": (0.9960, 117.34),
    "646.2": (1.0311, -121.98),
    "646.3": (1.0134, 117.90),
    "671.1": (0.9900, -5.30),
    "671.2": (1.0529, -122.34),
    "671.3": (0.9778, 116.02),
    "675.1": (0.9835, -5.56),
    "675.2": (1.0553, -122.52),
    "675.3": (0.9758, 116.03),
    "611.3": (0.9738, 115.78),
    "652.1": (0.9825, -5.25),
}


def test_the_13_node_feeder_has_the_voltages_that_ieee_published(feeders: Path) -> None:
    taps = {"reg1": 1.0625, "reg2": 1.05, "reg3": 1.06875}
    solved = solve(import_opendss(feeders / FEEDERS["13"], taps=taps))
    rows = solved.rows(list(PUBLISHED))
    per_unit = solved.voltage[rows] / np.repeat(solved.model.node_volts, 3)[rows]
    size, angle = np.array(list(PUBLISHED.values())).T
    assert np.abs(np.abs(per_unit) / size - 1).max() < TOLERANCE
    assert np.abs(np.degrees(np.angle(per_unit)) - angle).max() < 0.1


@pytest.fixture(scope="module")
def large(feeders: Path) -> Path:
    return feeders / "8500-Node" / "Master.dss"


def test_the_8500_node_feeder_with_its_centre_tapped_transformers_has_opendss_voltages(
    large: Path,
) -> None:
    network = import_opendss(large, leave_out=True)
    solved = solve(network)
    assert len(solved.model.node_ids) > 6000
    assert Topology.of(network).radial
    circuit = opendss(large, "set maxiterations=200 maxcontroliter=200")
    assert voltage_error(solved, circuit) < TOLERANCE


def test_controls_of_the_8500_node_feeder_are_left_out_on_request_only(large: Path) -> None:
    with pytest.raises(InputError, match=r"does not cover 9 CapControl; .* with --leave-out"):
        import_opendss(large)


# circuits written here


HEAD = """
clear
set defaultbasefrequency=60
new circuit.village basekv=10 pu=1.02 angle=12 mvasc3=200 mvasc1=150
new line.feeder bus1=sourcebus bus2=town length=2 units=km
~ r1=0.3 x1=0.35 r0=0.6 x0=1.1 c1=200 c0=120
"""
TAIL = """
set voltagebases=[10 0.4]
calcvoltagebases
set maxiterations=200
set tolerance=1e-9
solve
"""
VILLAGE_TRANSFORMER = """
new transformer.unit phases=3 windings=2 buses=(town low) conns=(delta wye) kvs=(10 0.4)
~ kvas=(400 400) xhl=5 %rs=(0.6 0.7) taps=(0.975 1) %noloadloss=0.2 %imag=0.9
new line.street bus1=low bus2=house length=0.2 units=km r1=0.2 x1=0.08 r0=0.7 x0=0.3 c1=250 c0=200
"""
WIDE = "vminpu=0.5 vmaxpu=1.5"


def written(tmp_path: Path, *lines: str, head: str = HEAD) -> Path:
    path = tmp_path / "village.dss"
    path.write_text("\n".join([head, *lines, TAIL]))
    return path


LOADS = {
    "constant power, star": "phases=3 bus1=house kv=0.4 model=1",
    "constant impedance, star": "phases=3 bus1=house kv=0.4 model=2",
    "motor": "phases=3 bus1=house kv=0.4 model=3",
    "exponents 1 and 2": "phases=1 bus1=house.2 kv=0.23 model=4",
    "exponents 2 and 0": "phases=1 bus1=house.3 kv=0.23 model=4 cvrwatts=2 cvrvars=0",
    "constant current": "phases=1 bus1=house.1 kv=0.23 model=5",
    "polynomial": "phases=1 bus1=house.1 kv=0.23 model=8 zipv=(0.2 0.3 0.5 0.6 0.3 0.1 0.1)",
    "delta of three": "phases=3 bus1=house conn=delta kv=0.4 model=1",
    "between two phases": "phases=1 bus1=house.3.2 conn=delta kv=0.4 model=5",
    "between two phases, called star": "phases=1 bus1=house.1.3 kv=0.4 model=1",
    "two phases": "phases=2 bus1=house.1.3 kv=0.4 model=1",
}


@pytest.mark.parametrize("kind", LOADS)
def test_a_load_draws_what_it_draws_in_opendss(kind: str, tmp_path: Path) -> None:
    load = f"new load.one {LOADS[kind]} kw=30 kvar=12 {WIDE}"
    path = written(tmp_path, VILLAGE_TRANSFORMER, load)
    assert voltage_error(solve(import_opendss(path)), opendss(path)) < SAME


CONNECTIONS = {
    "delta star": "conns=(delta wye)",
    "delta star, leading": "conns=(delta wye) leadlag=lead",
    "star star": "conns=(wye wye)",
    "star delta": "conns=(wye delta)",
    "star delta, leading": "conns=(wye delta) leadlag=lead",
    "delta delta": "conns=(delta delta)",
}


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_a_transformer_turns_and_couples_phases_as_in_opendss(
    connection: str, tmp_path: Path
) -> None:
    unit = (
        f"new transformer.unit phases=3 windings=2 buses=(town low) {CONNECTIONS[connection]} "
        "kvs=(10 0.4) kvas=(400 400) xhl=5 %rs=(0.6 0.7) taps=(1 1.05) %noloadloss=0.2 %imag=0.9"
    )
    load = f"new load.one phases=1 bus1=low.1.2 conn=delta kv=0.4 kw=80 kvar=20 {WIDE}"
    path = written(tmp_path, unit, load)
    assert voltage_error(solve(import_opendss(path)), opendss(path)) < SAME


def test_an_upward_transformer_turns_as_in_opendss(tmp_path: Path) -> None:
    unit = (
        "new transformer.up phases=3 windings=2 buses=(low high) conns=(wye delta) kvs=(0.4 10) "
        "kvas=(100 100) xhl=4"
    )
    load = f"new load.one phases=1 bus1=high.1.2 conn=delta kv=10 kw=20 kvar=5 {WIDE}"
    earth = "new capacitor.earth bus1=high phases=3 kvar=1 kv=10"
    path = written(tmp_path, VILLAGE_TRANSFORMER, unit, load, earth)
    assert voltage_error(solve(import_opendss(path)), opendss(path)) < SAME


@pytest.mark.parametrize("terminal", [1, 2])
def test_a_transformer_that_is_open_at_one_end_only_magnetises(
    terminal: int, tmp_path: Path
) -> None:
    second = VILLAGE_TRANSFORMER.partition("new line.street")[0].replace(".unit", ".second")
    large = second.replace("%imag=0.9", "%imag=30").replace("delta", "wye")
    opened = f"open transformer.second terminal={terminal}"
    first = VILLAGE_TRANSFORMER.replace("delta", "wye")
    path = written(tmp_path, first, large, opened)
    solved = solve(import_opendss(path))
    assert voltage_error(solved, opendss(path)) < SAME
    closed = written(tmp_path, first, large)
    assert voltage_error(solved, opendss(closed)) > 10 * SAME


def test_a_centre_tapped_transformer_and_a_reactor_are_as_in_opendss(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "new reactor.coil bus1=town bus2=behind phases=3 r=0.2 x=1.5",
        "new transformer.yard phases=1 windings=3 buses=(behind.3 yard.1.0 yard.0.2) "
        "kvs=(5.7735 0.2 0.24) kvas=(50 50 50) xhl=2.5 xht=3 xlt=1.8 %rs=(0.6 1.2 1.4) "
        "taps=(1 1.025 0.975) %noloadloss=0.2 %imag=0.5",
        f"new load.one phases=1 bus1=yard.1 kv=0.2 kw=12 kvar=3 {WIDE}",
        f"new load.both phases=1 bus1=yard.1.2 conn=delta kv=0.44 kw=9 kvar=2 {WIDE}",
    )
    network = import_opendss(path)
    assert voltage_error(solve(network), opendss(path)) < SAME
    assert Topology.of(network).radial


def test_capacitors_and_an_open_line_end_are_as_in_opendss(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        VILLAGE_TRANSFORMER,
        "new capacitor.star bus1=house phases=3 kvar=40 kv=0.4",
        "new capacitor.delta bus1=low phases=3 conn=delta kvar=30 kv=0.4",
        "new capacitor.one bus1=house.2 phases=1 kvar=10 kv=0.23",
        "new line.stub bus1=town bus2=end length=30 units=km r1=0.3 x1=0.35 c1=300 c0=150",
        "new load.one phases=1 bus1=house.1 kv=0.23 kw=20 kvar=5",
        "new load.far phases=3 bus1=end kv=10 kw=20 kvar=5",
        "open line.stub terminal=2",
    )
    solved = solve(import_opendss(path))
    assert voltage_error(solved, opendss(path)) < SAME


def test_loads_follow_the_load_multiplier_unless_they_are_fixed(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        VILLAGE_TRANSFORMER,
        "set loadmult=0.5",
        "new load.variable phases=1 bus1=house.1 kv=0.23 kw=20 kvar=5",
        "new load.fixed phases=1 bus1=house.2 kv=0.23 kw=20 kvar=5 status=fixed",
    )
    network = import_opendss(path)
    assert [each.p_specified for each in network.additions.energy_consumer] == [
        (10e3, 0, 0),
        (0, 20e3, 0),
    ]
    assert voltage_error(solve(network), opendss(path)) < SAME


def test_a_source_with_the_same_ratio_in_both_sequences_needs_no_node_of_its_own(
    tmp_path: Path,
) -> None:
    head = HEAD.replace("mvasc3=200 mvasc1=150", "r1=0.1 x1=0.4 r0=0.2 x0=0.8")
    path = written(tmp_path, "new load.one phases=1 bus1=town.1 kv=5.77 kw=900", head=head)
    network = import_opendss(path)
    assert [network.names[node] for node in network.data["node"]["id"].tolist()] == [
        "sourcebus",
        "town",
    ]
    assert voltage_error(solve(network), opendss(path)) < SAME


def test_loads_that_opendss_takes_as_impedances_are_named(tmp_path: Path) -> None:
    load = "new load.{} phases=1 bus1=house.{} kv=0.23 kw=55 kvar=5 vminpu={}"
    path = written(
        tmp_path, VILLAGE_TRANSFORMER, load.format("low", 1, 0.99), load.format("calm", 2, 0.5)
    )
    said = " ".join(import_opendss(path).document["ortsnetz"]["assumptions"])
    assert "OpenDSS takes low as impedance" in said


UNCOVERED = {
    "1 Generator": "new generator.g bus1=house kv=0.4 kw=10",
    "1 Line that joins different phases": "new line.x bus1=low.1.2.3 bus2=far.2.3.1 length=1",
    "1 Line with conductors beyond the three phases": "new line.x phases=4 bus1=low.1.2.3.4 "
    "bus2=far.1.2.3.4 length=1",
    "1 Load of model 6": "new load.one phases=1 bus1=house.1 kv=0.23 kw=2 model=6",
    "1 Load of model 4 with an exponent": "new load.one phases=1 bus1=house.1 kv=0.23 kw=2 model=4 "
    "cvrwatts=0.8",
    "1 Load between other nodes": "new load.one phases=1 bus1=house.1.1 kv=0.23 kw=2",
    "1 Capacitor in series": "new capacitor.c bus1=low bus2=far phases=3 kvar=10 kv=0.4",
    "1 Line with single phases open": "open line.street terminal=1 2",
    "1 Transformer with an open terminal at a delta": "open transformer.unit terminal=1",
    "1 Transformer with 3 windings and 3 phases": "new transformer.t phases=3 windings=3 "
    "buses=(town x y) kvs=(10 0.4 0.4) kvas=(100 100 100)",
    "1 Reactor with a conductor at earth": "new reactor.r phases=3 bus1=town kv=10 kvar=50",
}


@pytest.mark.parametrize("kind", UNCOVERED)
def test_what_the_model_does_not_cover_is_refused_by_kind_and_number(
    kind: str, tmp_path: Path
) -> None:
    path = written(tmp_path, VILLAGE_TRANSFORMER, UNCOVERED[kind])
    with pytest.raises(InputError, match=f"village.dss: the network model does not cover {kind}"):
        import_opendss(path, leave_out=True)


def test_a_property_that_is_not_read_but_matters_is_noticed(tmp_path: Path) -> None:
    capacitor = "new capacitor.second bus1=house phases=3 kvar=40 kv=0.4 r=0.5"
    path = written(tmp_path, VILLAGE_TRANSFORMER, capacitor)
    words = r"village\.dss: at bus house .* a property of .*Capacitor\.second is not covered"
    with pytest.raises(InputError, match=words):
        import_opendss(path)


LINES = {
    "sequence data in feet": "length=900 units=ft r1=3e-4 x1=3e-4 r0=7e-4 x0=9e-4 c1=0 c0=0",
    "a linecode in another unit": "linecode=cable length=400 units=m",
    "a geometry of bare wires": "geometry=pole length=0.5 units=km",
    "a geometry with its neutral eliminated": "geometry=with_neutral length=0.5 units=km",
}
LINE_DATA = """
new linecode.cable nphases=3 units=mi basefreq=60 rmatrix=(0.4 | 0.1 0.4 | 0.1 0.1 0.5)
~ xmatrix=(0.2 | 0.05 0.2 | 0.05 0.05 0.25) cmatrix=(90 | -5 90 | -5 -5 80)
new wiredata.wire rac=0.3 runits=km gmrac=4 gmrunits=mm diam=10 radunits=mm normamps=250
new linegeometry.pole nconds=3 nphases=3 cond=1 wire=wire x=-0.5 h=9 units=m
~ cond=2 wire=wire x=0 h=9.5 units=m cond=3 wire=wire x=0.6 h=9 units=m
new linegeometry.with_neutral nconds=4 nphases=3 reduce=y cond=1 wire=wire x=-0.5 h=9 units=m
~ cond=2 wire=wire x=0 h=9.5 units=m cond=3 wire=wire x=0.6 h=9 units=m
~ cond=4 wire=wire x=0 h=8 units=m
"""


@pytest.mark.parametrize("given", LINES)
def test_a_line_is_what_opendss_makes_of_its_data(given: str, tmp_path: Path) -> None:
    line = f"new line.second bus1=low bus2=far {LINES[given]}"
    load = f"new load.one phases=1 bus1=far.2 kv=0.23 kw=15 kvar=4 {WIDE}"
    path = written(tmp_path, VILLAGE_TRANSFORMER, LINE_DATA, line, load)
    assert voltage_error(solve(import_opendss(path)), opendss(path)) < SAME


def test_meters_and_controls_are_left_out_on_request_and_said_so(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        VILLAGE_TRANSFORMER,
        "new energymeter.m element=line.feeder terminal=1",
        "new monitor.v element=line.street terminal=1",
        "new monitor.i element=line.street terminal=2",
    )
    with pytest.raises(InputError, match=r"1 EnergyMeter, 2 Monitor; .* --leave-out"):
        import_opendss(path)
    said = import_opendss(path, leave_out=True).document["ortsnetz"]["assumptions"]
    assert any(sentence.startswith("left out: 2 Monitor") for sentence in said)


def test_a_circuit_without_voltage_bases_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.dss"
    path.write_text(f"{HEAD}\nsolve\n")
    with pytest.raises(InputError, match="bus sourcebus has no rated voltage"):
        import_opendss(path)


def test_a_circuit_of_a_source_alone_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "source.dss"
    path.write_text("clear\nnew circuit.x basekv=10\nset voltagebases=[10]\ncalcv\nsolve\n")
    network = import_opendss(path)
    assert len(network.data["source"]) == 1


@pytest.mark.parametrize("text", ["", "clear", "\0 nonsense"])
def test_a_file_that_holds_no_circuit_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "village.dss"
    path.write_text(text)
    with pytest.raises(InputError, match=r"village\.dss: OpenDSS: "):
        import_opendss(path)


def test_what_opendss_refuses_is_said_in_one_line(tmp_path: Path) -> None:
    path = written(tmp_path, "new line.bad nonsense=1")
    with pytest.raises(InputError, match=r"village\.dss: OpenDSS: .*nonsense") as refused:
        import_opendss(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="OpenDSS"):
        import_opendss(tmp_path / "missing.dss")


def test_without_dss_python_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dss", None)
    with pytest.raises(MissingExtraError, match=r"ortsnetz-grid\[opendss\]"):
        import_opendss(written(tmp_path))


def test_the_command_writes_a_file_with_the_same_elements(tmp_path: Path) -> None:
    path = written(tmp_path, VILLAGE_TRANSFORMER, f"new load.one {LOADS['motor']} kw=30 kvar=12")
    target = tmp_path / "village.json"
    done = CliRunner().invoke(
        command, ["import", str(path), "-o", str(target), "--tap", "unit=1.025"]
    )
    assert done.exit_code == 0, done.output
    assert "3 matrix_line, 3 single_phase_transformer, 1 energy_consumer" in done.output
    network = Network.from_json(target.read_text(), str(target))
    assert network.additions == import_opendss(path, taps={"unit": 1.025}).additions
    assert {unit.tap_ratio_to for unit in network.additions.single_phase_transformer} == {1.025}


@pytest.mark.parametrize("arguments", [["--leave-out"], ["--tap", "unit=1"]])
def test_options_of_opendss_are_refused_for_other_sources(
    arguments: list[str], tmp_path: Path
) -> None:
    target = str(tmp_path / "out.json")
    done = CliRunner().invoke(command, ["import", "cigre-lv", "-o", target, *arguments])
    assert isinstance(done.exception, InputError)
    assert "are for OpenDSS files" in str(done.exception)
