"""system_messages.json: what is signed to register, before and after the chain id came in, and for the uptime vote."""

from typing import Any

from chrono.flare.address import parse_address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.registration import registration_message
from chrono.flare.signatures import address_of, eth_signed, recover, sign
from chrono.flare.system_messages import UPTIME_VOTE_HASH, uptime_message


def answer(case: dict[str, Any]) -> object:
    key = bytes.fromhex(case["privateKey"][2:])
    about = (case["chainId"], case["rewardEpochId"], parse_address(case["voterIdentity"]))
    register = registration_message(Generation.SECOND, *about)
    uptime = uptime_message(case["rewardEpochId"])
    return {
        "registerVoterMessageHash": "0x" + register.hex(),
        "registerVoterSignature": _signed(register, key),
        "registerVoterMessageHashBeforeChainIdUpgrade": "0x" + registration_message(Generation.FIRST, *about).hex(),
        "uptimeVoteHashFake": "0x" + UPTIME_VOTE_HASH.hex(),
        "uptimeVoteMessageHash": "0x" + uptime.hex(),
        "uptimeVoteSignature": _signed(uptime, key),
    }


def _signed(message: bytes, key: bytes) -> object:
    digest = eth_signed(message)
    signature = sign(digest, key)
    assert recover(digest, signature) == address_of(key)
    return {"v": signature.v, "r": "0x" + signature.r.hex(), "s": "0x" + signature.s.hex()}
