"""Machine-readable descriptions of the interfaces, generated from the types that implement them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from ortsnetz_cockpit.apps.tso_exchange.aggregate import Aggregate
from ortsnetz_cockpit.apps.tso_exchange.messages import AggregateInfo
from ortsnetz_cockpit.apps.tso_exchange.profile import Interface
from ortsnetz_cockpit.apps.tso_exchange.routes import make_router
from ortsnetz_cockpit.core.api.application import create_application
from ortsnetz_cockpit.core.api.guard import VIEWER
from ortsnetz_common.link.codec import MAX_BATCH_RECORDS, MAX_MESSAGE_BYTES
from ortsnetz_common.link.messages import (
    Alarm,
    Batch,
    Catalogue,
    Decision,
    Health,
    Intervention,
    Order,
    OrderState,
    Presence,
    Samples,
    Watermark,
)

_REF = "#/components/schemas/{name}"
_RECORDS = (Catalogue, Samples, Decision, Intervention, Alarm, Health, OrderState)
_NODE = {
    "partition": {"description": "CRC-32 of the node's name modulo 16, two digits."},
    "node": {"description": "Name of the node: lower-case letters, digits and hyphens."},
}


def asyncapi() -> str:
    """AsyncAPI 3 document of the MQTT link, seen from the cockpit."""
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ortsnetz link",
            "version": "1",
            "description": "MQTT 5, QoS 1. Node and cockpit speak msgpack, the TSO gets JSON.",
        },
        "channels": {
            "uplink": _channel("ortsnetz/{partition}/{node}/up", "Batch", _NODE),
            "downlink": _channel("ortsnetz/{partition}/{node}/down", "Watermark", _NODE, "Order"),
            "presence": _channel("ortsnetz/{partition}/{node}/state", "Presence", _NODE),
            "tso": _channel(
                "ortsnetz/tso/{interface}",
                "Aggregate",
                {"interface": {"description": "Name of the interface in the exchange profile."}},
            ),
        },
        "operations": {
            "takeBatch": _operation("receive", "uplink"),
            "answerWatermark": _operation("send", "downlink"),
            "sendOrder": _operation("send", "downlink"),
            "notePresence": _operation("receive", "presence"),
            "sendAggregate": _operation("send", "tso"),
        },
        "components": {"schemas": _schemas(), "messages": _messages()},
    }
    return json.dumps(document, indent=1) + "\n"


def _messages() -> dict[str, Any]:
    return {
        "Batch": _message(
            "Consecutive records of one epoch; each of `records` is one msgpack-encoded record: "
            + ", ".join(record.__name__ for record in _RECORDS)
            + f". At most {MAX_BATCH_RECORDS} records and {MAX_MESSAGE_BYTES} bytes.",
            "application/x-msgpack",
            "Batch",
        ),
        "Watermark": _message(
            "Highest contiguous sequence committed; answers every batch, also repetitions, gaps "
            "and batches without records.",
            "application/x-msgpack",
            "Watermark",
        ),
        "Order": _message(
            "What the cockpit wants of the node until an instant; not retained. Sent again until "
            "an OrderState of its id comes back or it expires; the same id changes nothing.",
            "application/x-msgpack",
            "Order",
        ),
        "Presence": _message(
            "Retained; `online: false` is the node's last will.",
            "application/x-msgpack",
            "Presence",
        ),
        "Aggregate": _message(
            "Agreed figures of one interval of one interface; QoS 1, not retained.",
            "application/json",
            "AggregateInfo",
        ),
    }


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(
        (Batch, Watermark, Order, Presence, *_RECORDS), ref_template=_REF
    )
    aggregate = AggregateInfo.model_json_schema(ref_template=_REF.replace("{name}", "{model}"))
    inner = aggregate.pop("$defs", {})
    found = {**schemas, **inner, "AggregateInfo": aggregate}
    return {name: _dedented(schema) for name, schema in sorted(found.items())}


def _dedented(schema: dict[str, Any]) -> dict[str, Any]:
    # Python 3.13 strips the indentation of docstrings itself; the document must not depend on it
    text = schema.get("description")
    return schema if text is None else {**schema, "description": inspect.cleandoc(text)}


def _message(text: str, content_type: str, schema: str) -> dict[str, Any]:
    return {
        "description": text,
        "contentType": content_type,
        "payload": {"$ref": _REF.format(name=schema)},
    }


def _channel(
    address: str, message: str, parameters: dict[str, Any], *further: str
) -> dict[str, Any]:
    return {
        "address": address,
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in (message, *further)
        },
        "parameters": parameters,
    }


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def openapi() -> str:
    """OpenAPI document of the REST interface, apps included."""

    def compute(_interface: Interface, _starts: Sequence[int]) -> list[Aggregate]:
        return []

    router = make_router({}, compute, lambda _interface, _start: 1, VIEWER)
    return json.dumps(create_application(None, [router]).openapi(), indent=1) + "\n"
