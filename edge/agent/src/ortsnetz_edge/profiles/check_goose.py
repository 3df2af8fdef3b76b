"""What a profile says of GOOSE messages: names that are some, values that can be found."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ortsnetz_common.files.yaml_source import Place
from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_edge.profiles.schema import Profile, ProtocolFamily

_IN_NODE = re.compile(r"[A-Za-z0-9_]{1,64}/[A-Za-z0-9_]{4,}\.[A-Za-z][A-Za-z0-9_]*")


def goose_complaints(profile: Profile) -> Iterator[tuple[Place, str]]:
    """What is wrong with the streams of a profile, each with its place."""
    if profile.goose and profile.protocol is not ProtocolFamily.IEC61850:
        yield ("goose",), f"the profile is one of {profile.protocol}"
        return
    seen: dict[str, int] = {}
    for number, stream in enumerate(profile.goose):
        place: Place = ("goose", number)
        for field, text in (("block", stream.block), ("data_set", stream.data_set)):
            if not _IN_NODE.fullmatch(text.replace("{bay}", "1")):
                yield (*place, field), f"'{text}' is not of the form LD0/LLN0.name"
        if seen.setdefault(stream.block, number) != number:
            yield (*place, "block"), f"'{stream.block}' is there twice"
        for member, values in enumerate(stream.members):
            for value, text in enumerate(values):
                words = _value(text)
                if words is not None:
                    yield (*place, "members", member, value), words


def _value(text: str) -> str | None:
    at, _, basic_type = text.partition(" ")
    if not basic_type.isalnum():
        return f"'{text}' is not of the form LD0/XCBR1.Pos.stVal[ST] Dbpos"
    try:
        parse_reference(at.replace("{bay}", "1"))
    except ValueError as error:
        return str(error)
    return None
