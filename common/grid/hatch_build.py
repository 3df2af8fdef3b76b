# ruff: noqa: INP001 - the build looks for it here
"""Builds the compiled kernels into the package, for wheels and for editable installations.

One shared library without any of Python's interface, so one wheel serves every Python 3. Without a
compiler the installation goes on and numpy does the work; ORTSNETZ_KERNELS=required makes that an
error. CC names another compiler; with ORTSNETZ_WHEEL_PLATFORM (`linux_aarch64`) it is a cross
compiler. `python hatch_build.py` compiles in place.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
FLAGS = [
    *("-std=gnu11", "-O3", "-fPIC", "-shared", "-fvisibility=default"),
    *("-fno-math-errno", "-ffp-contract=fast", "-Wall", "-Wextra", "-Wno-psabi"),
]
"""GNU's C11 for vector types; no -ffast-math: infinite deviations and NaN have a meaning here."""


class KernelsHook(BuildHookInterface):
    """Compiles before anything is packed."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the platform in the wheel's tag if there is something compiled."""
        library = compile_kernels()
        if library is None or version == "editable":
            return
        platform = os.environ.get("ORTSNETZ_WHEEL_PLATFORM") or sysconfig.get_platform()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"
        build_data["artifacts"].append(str(library.relative_to(HERE)))


def compile_kernels() -> Path | None:
    """Path of the new library; None, and no library, where there is no working compiler.

    Raises:
        SystemExit: the kernels are required and could not be compiled.
    """
    kernels = _fingerprint_module()
    library: Path = kernels.LIBRARY
    compiler = shlex.split(os.environ.get("CC") or "cc")
    failure = ""
    if shutil.which(compiler[0]) is None:
        failure = f"there is no C compiler '{compiler[0]}' (Debian: apt install gcc libc6-dev)"
    else:
        new = library.with_suffix(f".{os.getpid()}")
        command = [
            *(*compiler, *FLAGS, f'-DORTSNETZ_SOURCES="{kernels.fingerprint()}"'),
            *(str(path) for path in kernels.sources() if path.suffix == ".c"),
            *("-o", str(new), "-lm"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        sys.stderr.write(done.stderr)
        if done.returncode == 0:
            new.replace(library)  # a running process keeps the file that it has mapped
            return library
        new.unlink(missing_ok=True)
        failure = f"'{compiler[0]}' failed on them, see above"
    library.unlink(missing_ok=True)
    if os.environ.get("ORTSNETZ_KERNELS") == "required":
        raise SystemExit(f"ortsnetz-grid: the kernels are required, but {failure}")
    sys.stderr.write(f"ortsnetz-grid: kernels not compiled, numpy does the work: {failure}\n")
    return None


def _fingerprint_module() -> Any:
    """`kernels/fingerprint.py` by its path: the package is not installed yet."""
    path = HERE / "src/ortsnetz_grid/kernels/fingerprint.py"
    spec = importlib.util.spec_from_file_location("fingerprint", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"ortsnetz-grid: {path} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    compile_kernels()
