"""The Schnorr proof of a sortition key, with a known nonce."""

from typing import Any

from chrono.flare.address import parse_address
from chrono.flare.fast_updates.sortition import SortitionKey, register, registration_message


def answer(case: dict[str, Any]) -> object:
    identity = parse_address(case["entityIdentityAddress"])
    key = SortitionKey(bytes.fromhex(case["secretKey"][2:]))
    registration = register(key, identity, bytes.fromhex(case["nonceK"][2:]))
    assert registration.holds_for(identity)
    return {
        "publicKeyPart1": _word(registration.public_key[0]),
        "publicKeyPart2": _word(registration.public_key[1]),
        "message": "0x" + registration_message(identity).hex(),
        "s": _word(registration.s),
        "r": {"x": _word(registration.r[0]), "y": _word(registration.r[1])},
        "verificationData": "0x" + registration.verification_data.hex(),
    }


def _word(number: int) -> str:
    return f"0x{number:064x}"
