"""How `chrono wallet verify` proves a key: it signs something harmless, and the signature leads back to its address."""

from typing import TYPE_CHECKING, Any

from chrono.cli import frame
from chrono.cli.ends import OK, USAGE, Stop
from chrono.errors import ChronoError
from chrono.keys.roles import Role
from chrono.settings import Secret

if TYPE_CHECKING:
    from chrono.keys.keystore import Keystore


def verdict_of(keystore: "Keystore", password: Secret) -> dict[str, Any]:
    """Whether the key opens and signs, and what to tell of it."""
    from chrono.keys.keystore import open_keystore
    from chrono.keys.proof import prove

    try:
        with open_keystore(keystore, password) as key:
            prove(keystore, key)
    except ChronoError as failed:
        return {
            "sound": False,
            "reason": failed.reason.code,
            "told": f"{failed.reason.message}; {failed.reason.remedy}",
        }
    return {"sound": True, "reason": None, "told": "opens, and signs"}


def verify_ledger(role: Role, path: str, *, as_json: bool) -> int:
    """Have a Ledger sign a message of no use to anybody. Raises: Stop, ChronoError of the device."""
    from chrono.flare.address import checksummed
    from chrono.keys.ledger import LedgerSigner, connect

    try:
        signer = LedgerSigner(connect(), path)
    except ValueError as fault:
        raise Stop(f"--path: {fault}", then="chrono wallet verify --help", code=USAGE) from fault
    frame.say(f"{checksummed(signer.address)}: look at the Ledger, and sign the message `chrono wallet verify`")
    signer.sign_message(b"chrono wallet verify")
    told = {"role": role.value, "address": checksummed(signer.address), "path": path, "sound": True}
    if as_json:
        frame.give_json(told)
    else:
        frame.give(f"ok {role} {told['address']}")
    return OK
