"""What a stream of Sampled Values has lost or what was refused of it is seen without any point."""

from __future__ import annotations

import pytest

from ortsnetz_common.link.sample_blocks import Counters, Silent
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.sampled_values.place import Newest
from ortsnetz_edge.drivers.sampled_values.protocol import SampledValues
from ortsnetz_edge.drivers.sampled_values.values import Values
from ortsnetz_edge.profiles.references.sampled_values import SampledValuesSyntax

CONNECTION = Connection("sampled-values", "01-0C-CD-04-00-01", 0x4000, path="MU01")
NAMES = Counters.__struct_fields__
COUNTED = Counters(**{name: number for number, name in enumerate(NAMES, 1)})


def test_the_status_of_a_source_has_all_that_the_receiver_counts() -> None:
    source = Source("feeder-1", "sampled-values-feeder", CONNECTION, 3, 3)
    driver = SampledValues(Environment()).open(source)
    assert set(driver.diagnose().counters.values()) == {0}
    driver._take(Silent(0, 1.0, COUNTED))
    assert driver.diagnose().counters == {
        f"sv_{name}": number for number, name in enumerate(NAMES, 1)
    }
    assert driver.diagnose().counters["sv_out_of_range"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_each_counter_can_be_a_point(name: str) -> None:
    reference = SampledValuesSyntax().parse(f"stream/{name}")
    found = Values(()).value(reference, Newest(), COUNTED, ())
    assert found.value == getattr(COUNTED, name)
