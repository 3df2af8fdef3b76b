"""Runs iotcore as a process of its own: for a machine without mosquitto, on loopback only."""

from __future__ import annotations

import sys

from iotcore import IotCoreBroker


def main() -> None:
    """Serve the configuration file named as the only argument until terminated."""
    IotCoreBroker(config_path=sys.argv[1]).run_forever()


if __name__ == "__main__":
    main()
