"""The simulated chain as tests of the chain's door use it: without contracts, mined when told."""

from chrono.flare.address import Address
from chrono.flare.transaction import Transaction
from chrono.flare.units import GWEI
from chrono.simulation.flare.chain import SUBMISSION, SUBSIDY, Refusal, SimulatedBlock, SimulatedChain

__all__ = ["SUBMISSION", "SUBSIDY", "FakeBlock", "FakeChain", "Refusal", "transfer_of"]

FakeBlock = SimulatedBlock
FakeChain = SimulatedChain


def transfer_of(
    nonce: int,
    to: Address = SUBMISSION,
    data: bytes = b"\x6c\x53\x2f\xae1",
    *,
    chain_id: int = 31_337,
    gas: int = 100_000,
    max_fee_wei: int = 100 * GWEI,
    tip_wei: int | None = None,
) -> Transaction:
    """A transaction whose every field has a default."""
    return Transaction(
        chain_id=chain_id,
        nonce=nonce,
        to=to,
        value_wei=0,
        data=data,
        gas=gas,
        max_fee_wei=max_fee_wei,
        max_priority_fee_wei=max_fee_wei // 2 if tip_wei is None else tip_wei,
    )
