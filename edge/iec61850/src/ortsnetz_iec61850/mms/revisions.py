"""Whether a device's report control blocks are configured as the profile says. Blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ortsnetz_iec61850.mms.covering import blocks_of
from ortsnetz_iec61850.mms.life import Life
from ortsnetz_iec61850.mms.places import Variable, domain_named

REQUESTS_OF_A_BLOCK = 4
"""Names of a logical device, in a few answers, and the revisions."""


def misfit(life: Life, wanted: Mapping[str, int]) -> str | None:
    """Which block has another revision (confRev) than it should, in words; None if none has.

    Args:
        life: the connection.
        wanted: revision by block, `FD1/LLN0.brcbMeas`: of all its instances, `brcbMeas01`, ...

    Raises:
        LibraryError: there is no answer.
    """
    for name, revision in wanted.items():
        device, _, rest = name.partition("/")
        node, _, block = rest.partition(".")
        domain = domain_named(device, life.directory.domains)
        there = () if domain is None else blocks_of(domain, life.association.variables(domain))
        instance = re.compile(rf"{re.escape(block)}(\d\d)?")
        own = [one for one in there if one.node == node and instance.fullmatch(one.name)]
        if not own:
            return f"there is no report control block {name}"
        said = life.read(Variable(one.domain, one.item("ConfRev")) for one in own)
        for variable, found in said.items():
            if found != revision:
                return f"{variable} is {found!r}, and the profile is for confRev {revision}"
    return None
