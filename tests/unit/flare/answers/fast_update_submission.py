"""The signed update and the call that carries it."""

from typing import Any

from chrono.flare.fast_updates.sortition import Credential
from chrono.flare.fast_updates.submission import SUBMIT_UPDATES, FastUpdate, decode_calldata
from chrono.flare.signatures import eth_signed, recover


def answer(case: dict[str, Any]) -> object:
    gamma = (int(case["gamma"]["x"], 16), int(case["gamma"]["y"], 16))
    credential = Credential(int(case["replicate"]), gamma, int(case["c"], 16), int(case["s"], 16))
    update = FastUpdate(int(case["sortitionBlock"]), credential, bytes.fromhex(case["deltas"][2:]))
    signature = update.sign(bytes.fromhex(case["signingPolicyPrivateKey"][2:]))
    signer = recover(eth_signed(update.message_hash()), signature)
    assert signer is not None
    assert "0x" + signer.hex() == case["signer"]
    assert decode_calldata(update.calldata(signature)) == (update, signature)
    return {
        "messageHash": "0x" + update.message_hash().hex(),
        "v": signature.v,
        "r": "0x" + signature.r.hex(),
        "sSig": "0x" + signature.s.hex(),
        "encodedArgs": "0x" + update.encode(signature).hex(),
        "submitAndPassCalldata": "0x" + update.calldata(signature).hex(),
        "submitUpdatesSelector": "0x" + SUBMIT_UPDATES.hex(),
    }
