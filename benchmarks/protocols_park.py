"""The OPC UA server of the benchmark: four charge points on asyncua."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import ua
from opcua_bench import serving

HOST = "127.0.0.1"
CHARGE_POINTS = 4
_NUMBERS = tuple(
    f"{name}{terminal}"
    for name in ("Voltage", "Current", "ActivePower", "ReactivePower")
    for terminal in (1, 2, 3)
)


@dataclass(frozen=True)
class Served:
    """What listens.

    Attributes:
        where: ports, or device files of serial lines; one a client where a device takes only one.
        change: everything that the N-th measures.
    """

    where: list[int | str]
    change: Callable[[int], None] = lambda _: None


@asynccontextmanager
async def park(folder: Path, *, secured: bool = False) -> AsyncIterator[Served]:
    """Four charge points on asyncua, as `opcua-charge-point` maps them."""
    nodes = {
        f"CP{bay}.{name}": variant
        for bay in range(CHARGE_POINTS)
        for name, variant in _charge_point().items()
    }
    device = folder / "application"
    credentials = (device / "certificate.pem", device / "key.pem") if secured else None
    users = [folder / "node" / "certificate.pem"] if secured else []
    writing: set[asyncio.Task[None]] = set()
    async with serving(nodes, credentials=credentials, users=users) as server:

        async def write(number: int) -> None:
            for name, variant in nodes.items():
                kind = variant.VariantType
                if kind in {ua.VariantType.Float, ua.VariantType.UInt16}:
                    value: Any = variant.Value + number % 2
                elif kind is ua.VariantType.UInt64:
                    value = time.time_ns() // 1_000_000
                else:
                    continue
                shown = ua.DataValue(ua.Variant(value, kind), SourceTimestamp=datetime.now(UTC))
                await server.server.write_attribute_value(server.node(name), shown)

        def change(_: int) -> None:
            task = asyncio.create_task(write(next(numbers)))
            writing.add(task)
            task.add_done_callback(writing.discard)

        numbers = itertools.count(1)
        yield Served([server.port], change)


def _charge_point() -> dict[str, ua.Variant]:
    found = {name: ua.Variant(float(n), ua.VariantType.Float) for n, name in enumerate(_NUMBERS)}
    found |= {name: ua.Variant(16, ua.VariantType.UInt16) for name in ("State", "Limit", "Wanted")}
    found["Time"] = ua.Variant(1_790_000_000_000, ua.VariantType.UInt64)
    texts = {"Maker": "Ortsnetz bench", "Model": "ev-controller", "Serial": "4711"}
    return found | {name: ua.Variant(text, ua.VariantType.String) for name, text in texts.items()}
