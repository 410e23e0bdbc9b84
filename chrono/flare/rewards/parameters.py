"""The numbers that the reward rules share, and the addresses that burn.

Source: fsp.md section 7; FTSO-Scaling libs/fsp-rewards constants.ts.
"""

from typing import Final

from chrono.flare.address import Address, parse_address

SIGNING_BIPS = 1000
"""Of a round's offer, for those who sign."""

FINALISATION_BIPS = 1000
"""Of a round's offer, for those who finalise."""

FDC_OFF_CONSENSUS_BURN_PPM = 200_000
"""Of an FDC signer's share, when its own bit vote did not cover the consensus."""

MOST_STAKING_FEE_BIPS = 2000
"""Stakers cannot leave at once, so the fee taken from them is bounded whatever the delegation fee says."""

OWN_BURN_ADDRESS_FROM = 297
"""The first reward epoch whose published claims burn at the network's own address, on Flare and on Songbird."""

DEAD: Final = parse_address("0x000000000000000000000000000000000000dEaD")

_OWN_BURN_ADDRESS: Final = {
    "flare": parse_address("0xD9e5B450773B17593abAfCF73aB96ad99d589751"),
    "songbird": parse_address("0xAC3F85d29119836545670b2FCeFe35C829bE35ab"),
}


def burn_address(network: str, reward_epoch_id: int) -> Address:
    """Where a network sends what nobody earned in an epoch."""
    return DEAD if reward_epoch_id < OWN_BURN_ADDRESS_FROM else _OWN_BURN_ADDRESS.get(network, DEAD)
