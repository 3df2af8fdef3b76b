# ruff: noqa: INP001 - a script
"""Does the library in the arm64 wheel compute what this machine's computes?

`python arm64_check.py WHEEL NETWORK`: runs the wheel's power flow kernel under qemu-aarch64-static
on a network file and compares the voltages with those of the installed package. It needs Debian's
gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user-static, and is not part of `make test`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from ortsnetz_grid.kernels.native import library
from ortsnetz_grid.kernels.power_flow import Factors
from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow import Appliances, PowerFlow, Settings
from ortsnetz_grid.network.power_flow.engines import blocks_of

SCENARIOS = 19
AGREEMENT_PU = 1e-12
"""Both round differently (fused multiply-add), nothing else."""

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64-static"
HERE = Path(__file__).resolve().parent


def main() -> int:
    """Compare; 0 if they agree, 1 if not, 2 if something is missing."""
    wheel, network = Path(sys.argv[1]), Network.from_json(Path(sys.argv[2]).read_bytes(), "network")
    missing = [tool for tool in (COMPILER, EMULATOR) if shutil.which(tool) is None]
    if missing or library() is None:
        print(f"arm64: not checked, missing: {', '.join(missing) or 'compiled kernels here'}")
        return 2
    flow, appliances = PowerFlow.of(network), Appliances.of(network)
    share = np.random.default_rng(1).uniform(0, 1, (SCENARIOS, len(appliances.ids), 3))
    injections = appliances.injections(appliances.power * share)
    if list(injections.by_kind) != ["power"]:
        print("arm64: not checked, the network has other than constant powers")
        return 2
    expected = flow.solve(injections, Settings(tolerance=1e-10, newton=False)).voltage
    with tempfile.TemporaryDirectory() as folder:
        found = _emulated(Path(folder), wheel, _image(flow, injections.nodes, injections.power))
    found = found.reshape(SCENARIOS, -1, 3)
    live = flow.admittance.energised
    difference = float(np.abs(found[:, live] - expected[:, live]).max())
    print(f"arm64: {SCENARIOS} scenarios of {live.sum()} nodes differ by {difference:.1e} pu")
    return 0 if difference < AGREEMENT_PU else 1


def _image(flow: PowerFlow, nodes: np.ndarray, power: np.ndarray | None) -> bytes:
    """The case as arm64_check.c reads it."""
    equations = flow.equations
    blocks = blocks_of(equations, nodes)
    kernels = library()
    if power is None or kernels is None:
        raise SystemExit("arm64: nothing to compute")
    right = flow.sources.currents(flow.sources.voltage[None], len(equations.own))
    idle = Factors(kernels, blocks).solve(right)
    place = np.full(len(equations.own), -1, dtype=np.int32)
    place[nodes] = np.arange(len(nodes))
    sizes = [len(blocks.own), blocks.passive, len(equations.parts), len(blocks.later)]
    sizes += [len(equations.own), len(nodes), SCENARIOS]
    matrices = [
        np.stack([each.real, each.imag], axis=1)
        for each in (blocks.own, blocks.lower, blocks.upper)
    ]
    arrays = [np.array(sizes, dtype=np.int64), blocks.start, blocks.later, blocks.node]
    arrays += [blocks.island, *matrices, place[blocks.node], power / BASE_PHASE_VA, idle]
    return b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)


def _emulated(folder: Path, wheel: Path, image: bytes) -> np.ndarray:
    """Voltages as the wheel's library finds them."""
    kernels = zipfile.ZipFile(wheel).extract("ortsnetz_grid/kernels/_kernels.so", folder)
    driver, case, result = folder / "driver", folder / "case", folder / "result"
    case.write_bytes(image)
    source = str(HERE / "arm64_check.c")
    command = [COMPILER, "-O1", "-std=gnu11", "-w", source, "-o", str(driver), "-ldl", "-lm"]
    subprocess.run(command, check=True, timeout=120)
    run = [EMULATOR, "-L", "/usr/aarch64-linux-gnu", str(driver), kernels, str(case), str(result)]
    subprocess.run(run, check=True, timeout=300)
    return np.frombuffer(result.read_bytes(), dtype=np.complex128)


if __name__ == "__main__":
    sys.exit(main())
