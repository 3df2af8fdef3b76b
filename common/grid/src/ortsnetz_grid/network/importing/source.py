"""Where networks come from: published feeders, SimBench codes, pandapower and OpenDSS files."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ortsnetz_common.errors import InputError, MissingExtraError

_EXTRA = "ortsnetz-grid[import]"
_OPENDSS_SUFFIX = ".dss"
_PUBLISHED = {
    # IEEE PES test feeder: 906 low-voltage buses, 55 single-phase customers, at 9:26 (on peak)
    "ieee-european-lv": ("ieee_european_lv_asymmetric", {"scenario": "on_peak_566"}),
    # CIGRE TF C6.04.02, European low voltage: residential, industrial and commercial substation
    "cigre-lv": ("create_cigre_network_lv", {}),
}
"""Published feeders: our name, the function of pandapower.networks, its arguments."""


def is_opendss(source: str) -> bool:
    """Whether a source is an OpenDSS file, which `opendss.import_opendss` reads."""
    return Path(source).suffix.lower() == _OPENDSS_SUFFIX


def load(source: str) -> Any:
    """Load a pandapower network.

    A pandapower file names the classes that it wants to have created: import only files whose
    author you trust.

    Args:
        source: path of a pandapower JSON file, a SimBench code such as `1-LV-rural2--0-sw`, or the
            name of a published feeder: `ieee-european-lv`, `cigre-lv`.

    Raises:
        InputError: there is no such file, code or feeder, or the file cannot be read.
        MissingExtraError: pandapower or simbench is not installed.
    """
    path = Path(source)
    if path.is_file():
        return _from_file(path)
    if path.suffix.lower() == ".json" or "/" in source:
        raise InputError(f"{source}: no such file")
    if source in _PUBLISHED:
        return _from_pandapower(source)
    return _from_simbench(source)


def _from_pandapower(name: str) -> Any:
    function, arguments = _PUBLISHED[name]
    with _quiet():
        try:
            from pandapower import networks  # noqa: PLC0415 (an extra, not on a node)
        except ImportError as error:
            raise MissingExtraError(f"importing the network {name}", _EXTRA) from error
        return getattr(networks, function)(**arguments)


def _from_file(path: Path) -> Any:
    with _quiet():
        try:
            import pandapower  # noqa: PLC0415 (an extra, not on a node)
        except ImportError as error:
            raise MissingExtraError("reading a pandapower file", _EXTRA) from error
        try:
            net = pandapower.from_json(str(path))
        except Exception as error:  # whatever a damaged file provokes in a foreign parser
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{path}: not a pandapower file: {reason}") from error
    if not isinstance(net, pandapower.pandapowerNet):
        raise InputError(f"{path}: not a pandapower network")
    return net


def _from_simbench(code: str) -> Any:
    with _quiet():
        try:
            import simbench  # noqa: PLC0415 (an extra, not on a node)
        except ImportError as error:
            raise MissingExtraError("importing a SimBench network", _EXTRA) from error
        if code not in simbench.collect_all_simbench_codes():
            names = " or ".join(_PUBLISHED)
            raise InputError(
                f"{code}: neither a file nor a SimBench code nor a published feeder ({names})"
            )
        return simbench.get_simbench_net(code)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' warnings and messages from the user: they are about themselves."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
