"""MQTT topics. Every topic names its node, so that a broker's ACL can bind it to a certificate.

ortsnetz/<partition>/<node>/up       batches of records, node -> cockpit, QoS 1
ortsnetz/<partition>/<node>/down     watermarks and orders, cockpit -> node, QoS 1
ortsnetz/<partition>/<node>/state    retained: online or offline (last will)
ortsnetz/tso/<interface>             aggregates for the TSO, cockpit -> TSO, QoS 1
"""

from __future__ import annotations

import re
import zlib

PARTITIONS = 16
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")


def check_name(name: str) -> str:
    """A node or interface name: lower-case letters, digits, hyphens, at most 63 characters.

    Raises:
        ValueError: the name could be mistaken for a topic level or a wildcard.
    """
    if not _NAME.match(name):
        raise ValueError(
            f"'{name}' is not a valid name: use lower-case letters, digits and hyphens, at most 63"
        )
    return name


def partition_of(node: str) -> int:
    """Partition of a node; stable over time and machines."""
    return zlib.crc32(node.encode()) % PARTITIONS


def _topic(node: str, leaf: str) -> str:
    return f"ortsnetz/{partition_of(check_name(node)):02d}/{node}/{leaf}"


def uplink(node: str) -> str:
    """Topic of a node's batches."""
    return _topic(node, "up")


def downlink(node: str) -> str:
    """Topic of what the cockpit says to a node."""
    return _topic(node, "down")


def presence(node: str) -> str:
    """Topic of a node's retained presence."""
    return _topic(node, "state")


def tso(interface: str) -> str:
    """Topic of an interface's aggregates."""
    return f"ortsnetz/tso/{check_name(interface)}"


ALL_UPLINKS = "ortsnetz/+/+/up"
ALL_PRESENCE = "ortsnetz/+/+/state"
