"""A mistake of our own in a read that several sources share leaves nobody waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opcua_bench import driving, run, scanned, serving

from ortsnetz_edge.drivers.contract import DriverError
from ortsnetz_edge.drivers.opcua import session


@pytest.mark.parametrize("step", ["planned", "Reading"])
def test_a_mistake_while_a_read_is_put_together_is_a_failure(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: Any) -> Any:
        raise TypeError("a mistake")

    async def check() -> None:
        async with serving() as server, driving(server.port) as driver:
            with monkeypatch.context() as patched:
                patched.setattr(session, step, mistaken)
                with pytest.raises(DriverError):
                    await asyncio.wait_for(driver.scan(), 10)
            assert (await scanned(driver)).values[0] == 230.0

    run(check)
