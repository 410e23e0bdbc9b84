"""Chrono's answers to feed_values.json: values on the wire and back.

The reference gives up a whole vector for one bad value, which Chrono does not; `feed_value` is where it says so.
"""

import json
from decimal import Decimal
from typing import Any

from chrono.flare.feed_values import decode_values, encode_values, feed_value
from chrono.flare.refusal import Fault, Refused

FEED = "0x01" + "00" * 20


def answer(case: dict[str, Any]) -> dict[str, Any]:
    return {"encode": _encoded, "decode": _decoded}[case["op"]](case)


def _encoded(case: dict[str, Any]) -> dict[str, Any]:
    values: list[int | None] = []
    for price, decimals in zip(case["values"], case["decimals"], strict=True):
        try:
            values.append(None if price is None else feed_value(Decimal(repr(price)), decimals))
        except Refused as refused:
            assert refused.fault is Fault.VALUE_RANGE
            feed = json.dumps({"id": FEED, "decimals": decimals}, separators=(",", ":"))
            return {"error": True, "message": f"Value {price} is out of range for feed {feed}"}
    encoded = encode_values(values)
    return {
        "encoded": "0x" + encoded.hex(),
        "encodedUnstripped": "0x" + encode_values(values, strip=False).hex(),
        "decoded": decode_values(encoded, len(values)),
    }


def _decoded(case: dict[str, Any]) -> dict[str, Any]:
    data, feeds = bytes.fromhex(case["encoded"].removeprefix("0x")), case["nFeeds"]
    try:
        return {"decoded": decode_values(data, feeds)}
    except Refused as refused:
        assert refused.fault is Fault.VALUES_COUNT
        told = f"Invalid feed values count: {len(data) // 4}; expected at most {feeds} (number of supported feeds)"
        return {"error": True, "message": told}
