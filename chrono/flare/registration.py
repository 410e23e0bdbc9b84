"""What an entity signs to become a voter of the next reward epoch. Source: fsp.md sections 0.2 and 6."""

from chrono.flare.abi import word
from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono_core import keccak256


def registration_message(generation: Generation, chain_id: int, reward_epoch_id: int, identity: Address) -> bytes:
    """The 32-byte message hash for registerVoter and preRegisterVoter; it is then eth-signed by the policy key."""
    chain = word(chain_id) if generation is Generation.SECOND else b""
    return keccak256(chain + word(reward_epoch_id) + word(int.from_bytes(identity, "big")))
