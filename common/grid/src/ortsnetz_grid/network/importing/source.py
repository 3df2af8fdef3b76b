"""Where networks come from: SimBench codes and pandapower files."""

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


def load(source: str) -> Any:
    """Load a pandapower network.

    A pandapower file names the classes that it wants to have created: import only files whose
    author you trust.

    Args:
        source: path of a pandapower JSON file, or a SimBench code such as `1-LV-rural2--0-sw`.

    Raises:
        InputError: there is neither such a file nor such a code, or the file cannot be read.
        MissingExtraError: pandapower or simbench is not installed.
    """
    path = Path(source)
    if path.is_file():
        return _from_file(path)
    if path.suffix.lower() == ".json" or "/" in source:
        raise InputError(f"{source}: no such file")
    return _from_simbench(source)


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
            raise InputError(f"{code}: neither a file nor a SimBench code")
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
