"""`python -m ortsnetz_iec61850.ied`: the bench's IED.

Without arguments it is the plant's: it takes its model and its values from the socket that the
plant's server process hands to it. With a file it shows what the file presets, and refuses every
command: enough to browse a device that nobody has yet.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link import bench_ied
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_iec61850.ied import controls, model, values
from ortsnetz_iec61850.ied.counting import Counting
from ortsnetz_iec61850.ied.process import KIND, MAKER, REVISION, chosen, serve_plant
from ortsnetz_iec61850.ied.serving import IedServer
from ortsnetz_iec61850.library.loading import LibraryMissingError


def main() -> int:
    """Serve; the exit code."""
    if bench_ied.SOCKET_VARIABLE in os.environ:
        return serve_plant()
    parser = argparse.ArgumentParser(prog="ortsnetz_iec61850.ied", description=__doc__)
    parser.add_argument("scl", type=Path, help="SCL file")
    parser.add_argument("--ied", default="", help="its name, where the file has several")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=102)
    options = parser.parse_args()
    try:
        _serve_file(options.scl, options.ied, options.host, options.port)
    except (OrtsnetzError, LibraryMissingError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _serve_file(path: Path, name: str, host: str, port: int) -> None:
    document, ied = chosen(read_scl(path.read_bytes(), str(path)), name)
    built = model.build(document, ied)
    counting = Counting()
    server = IedServer(built, counting, (MAKER, KIND, REVISION))
    with server.locked():
        values.preset(server.handle, built)
    server.keep(controls.install(server.handle, built, None, counting, ()))
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    print(f"{ied.name} listens at {host}:{server.start(host, port)}", flush=True)
    signal.sigwait(ending)
    server.stop()


if __name__ == "__main__":
    sys.exit(main())
