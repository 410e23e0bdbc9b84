"""The AsyncAPI document says what is really sent."""

import json
from typing import Any

import jsonschema_rs
import pytest

from chrono.clock import ManualClock
from chrono.stream.asyncapi import asyncapi
from chrono.stream.frames import CLIENT_FRAMES, SERVER_FRAMES
from tests.fakes.streams import AT_NS, GOOD_KEY, Board, KeptOutlet, a_hub, a_quote, an_estimate


async def every_frame() -> list[dict[str, Any]]:
    """One conversation in which each kind of frame is sent."""
    clock, board = ManualClock(AT_NS), Board()
    hub, outlet = a_hub(clock, board), KeptOutlet()
    connection = hub.open(outlet, "test")
    board.put(hub, an_estimate(price="1", at_ns=AT_NS))
    for frame in (
        {"action": "auth", "key": GOOD_KEY, "id": 1},
        {"action": "subscribe", "symbols": ["BTC", "ETH-USD", "*"], "sources": True, "rounds": True, "id": "x"},
        {"action": "unsubscribe", "symbols": ["ETH", "a b"]},
        {"action": "ping"},
        {"action": "dance"},
    ):
        hub.receive(connection, json.dumps(frame))
    board.put(hub, an_estimate(price="0.000001", at_ns=AT_NS + 1_000_000, volume=None))
    hub.publish_quotes([a_quote()])
    hub.publish_round({"epoch": 1, "phase": "submit2", "status": "reverted", "tx_hash": "0x0", "gas_used": 1})
    connection.beat(AT_NS)
    await hub.drain(0.0)
    return outlet.frames


async def test_every_frame_that_is_sent_fits_its_schema() -> None:
    document = asyncapi()
    frames = await every_frame()
    assert {frame["type"] for frame in frames} == {kind.__struct_config__.tag for kind in SERVER_FRAMES}
    for frame in frames:
        name = next(kind.__name__ for kind in SERVER_FRAMES if kind.__struct_config__.tag == frame["type"])
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.validate(schema, frame)


def test_a_frame_that_does_not_fit_is_found() -> None:
    schema = {"$ref": "#/components/schemas/Heartbeat", "components": asyncapi()["components"]}
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, {"type": "heartbeat", "seq": "1", "timestamp": "x"})


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = asyncapi()

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            found = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return found + [ref for value in node.values() for ref in references(value)]
        return [ref for value in node for ref in references(value)] if isinstance(node, list) else []

    for reference in references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def test_both_sides_of_the_conversation_are_told() -> None:
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    told = {name: len(operation["messages"]) for name, operation in document["operations"].items()}
    assert told == {"tell": len(SERVER_FRAMES), "ask": len(CLIENT_FRAMES)}
    assert set(document["components"]["messages"]) == {kind.__name__ for kind in (*SERVER_FRAMES, *CLIENT_FRAMES)}
