"""The committed interface documents are those that the code generates."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from ortsnetz_cockpit import documents
from ortsnetz_common.link.messages import Batch, Decision, Setpoint, SetpointSource, Watermark

DOCS = Path(__file__).resolve().parents[3] / "docs" / "api"


@pytest.mark.parametrize("name", ["asyncapi", "openapi"])
def test_the_committed_document_is_current(name: str) -> None:
    generated = getattr(documents, name)()
    committed = (DOCS / f"{name}.json").read_text()
    assert committed == generated, f"run `ortsnetz cockpit {name}`"


def test_all_references_of_the_link_document_lead_somewhere() -> None:
    document = json.loads(documents.asyncapi())
    assert document["asyncapi"] == "3.0.0"
    pending, references = [document], set()
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            references |= {value["$ref"]} if "$ref" in value else set()
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    assert len(references) > 15
    for reference in references:
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/")]


def test_real_messages_keep_the_published_schema() -> None:
    schemas = json.loads(documents.asyncapi())["components"]["schemas"]
    setpoint = Setpoint("ev-1", 4830.0, SetpointSource.SAFETY, "because", ("T1",))
    for message in (
        Watermark("ons-1", "e", 5),
        Batch("ons-1", "e", 1, (b"x",)),
        Decision(5, 1, "limited", (setpoint,)),
    ):
        schema = {
            "$ref": f"#/components/schemas/{type(message).__name__}",
            "components": {"schemas": schemas},
        }
        jsonschema.validate(json.loads(msgspec.json.encode(message)), schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"type": "something else"}, schema)
