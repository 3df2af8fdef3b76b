"""The compiled kernels: built, loaded, and never used when they do not fit."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ortsnetz_grid.kernels import fingerprint, native

GRID = Path(__file__).resolve().parents[3] / "common/grid"
needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CC") or "cc") is None, reason="there is no C compiler"
)


@pytest.fixture
def apart(tmp_path: Path) -> Path:
    """A copy of the distribution with one small kernel, to be compiled or broken."""
    copy = tmp_path / "grid"
    left_out = ("_kernels.*", "__pycache__", "estimation*", "power_flow.c", "block_factors.c")
    left_out = (*left_out, "limiting_*.c")  # call what is left out, or are large
    shutil.copytree(GRID, copy, ignore=shutil.ignore_patterns(*left_out))
    return copy


def _build(where: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "hatch_build.py"],
        cwd=where,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _words(where: Path, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "ortsnetz_grid.kernels.native"],
        env={**os.environ, "PYTHONPATH": str(where / "src"), **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@needs_compiler
def test_the_library_in_use_was_made_of_the_sources_beside_it() -> None:
    loaded = native.library()
    assert loaded is not None, native.in_words()
    loaded.ortsnetz_kernels_sources.restype = ctypes.c_char_p
    assert loaded.ortsnetz_kernels_sources().decode() == fingerprint.fingerprint()
    assert loaded.ortsnetz_kernels_abi() == native.ABI


def test_kernels_that_are_switched_off_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORTSNETZ_KERNELS", "none")
    assert native.library() is None
    assert "switched off" in native.in_words()


@needs_compiler
def test_a_library_older_than_its_sources_is_not_used(apart: Path) -> None:
    assert _build(apart, ORTSNETZ_KERNELS="required").returncode == 0
    assert "in use" in _words(apart)
    with (apart / "src/ortsnetz_grid/kernels/abi.c").open("a") as source:
        source.write("/* changed */\n")
    assert "older than their sources" in _words(apart)


@needs_compiler
def test_a_library_of_another_interface_is_not_used(apart: Path) -> None:
    abi = apart / "src/ortsnetz_grid/kernels/abi.c"
    abi.write_text(abi.read_text().replace(f"return {native.ABI};", "return 999;"))
    assert _build(apart, ORTSNETZ_KERNELS="required").returncode == 0
    assert "interface 999" in _words(apart)


def test_a_file_that_is_no_library_is_not_used(apart: Path) -> None:
    (apart / "src/ortsnetz_grid/kernels/_kernels.so").write_bytes(b"no library")
    assert "do not load" in _words(apart)


def test_without_a_compiler_the_installation_goes_on_and_says_so(apart: Path) -> None:
    done = _build(apart, CC="no-such-compiler", ORTSNETZ_KERNELS="")
    assert done.returncode == 0
    assert "no C compiler 'no-such-compiler'" in done.stderr
    assert "not compiled" in _words(apart, ORTSNETZ_KERNELS="")


def test_required_kernels_that_cannot_be_had_are_an_error(
    apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _build(apart, CC="no-such-compiler", ORTSNETZ_KERNELS="required")
    assert done.returncode != 0
    assert "required" in done.stderr
    monkeypatch.setenv("ORTSNETZ_KERNELS", "required")
    monkeypatch.setattr(native, "_load", lambda: (None, "it is not there"))
    with pytest.raises(native.KernelsMissingError, match="it is not there"):
        native.library()


@needs_compiler
def test_a_wheel_serves_every_python_of_its_platform(apart: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=apart,
        env={**os.environ, "ORTSNETZ_WHEEL_PLATFORM": "linux_test"},
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-linux_test.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "ortsnetz_grid/kernels/_kernels.so" in names
    assert not [name for name in names if name.endswith((".c", ".h"))]
