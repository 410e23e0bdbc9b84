"""Where Flare's contracts are, as far as official sources agree: a cross-check, and never the only source.

The FlareContractRegistry on chain decides; resolve by it at start and at each reward epoch. Contracts that were
redeployed are listed with all their addresses, because their events must be read from every one of them.
Sources: fsp.md sections 0.2, 0.3, 2 and 9 (deployment repositories, Go and TypeScript clients, developer hub).
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

from msgspec import Struct

from chrono.flare.address import Address, parse_address

NETWORK_NAMES: Final = ("flare", "songbird", "coston", "coston2")


class Generation(Enum):
    """Which ABI a redeployed contract has: its events, and the message that registers with it."""

    FIRST = "first"
    """The message says epoch and identity; events have uint24 reward epochs."""
    SECOND = "second"
    """The message says the chain id before them; events have uint32 reward epochs and the voter's signature."""


class Deployment(Struct, frozen=True):
    """A contract at an address. `from_reward_epoch` is when the clients switched to it; None: always, or not known."""

    address: Address
    from_reward_epoch: int | None = None
    generation: Generation = Generation.FIRST
    """Of the ABI, for the contracts whose events and messages changed."""


Contracts: TypeAlias = Mapping[str, tuple[Deployment, ...]]
"""The contracts of one network by name; of what was redeployed every address, the oldest first."""


_EVERYWHERE: Final = {
    "FlareContractRegistry": "0xaD67FE66660Fb8dFE9d6b1b4240d8650e30F6019",
    "Submission": "0x2cA6571Daa15ce734Bbd0Bf27D5C9D16787fc33f",
}

# Columns as NETWORK_NAMES. Every official source says the same.
_ONE_EACH: Final = {
    "Relay": (
        "0xCcF30790A93F15e24EB909548a2C58a9b0a7FBd4",
        "0xCB86E8Be709001e01897Bf59847406853da8f14b",
        "0x051f214D346Cfd97B107BECb87E2B35D1b4287E9",
        "0xa10B672D1c62e5457b17af63d4302add6A99d7dE",
    ),
    "FlareSystemsManager": (
        "0x89e50DC0380e597ecE79c8494bAAFD84537AD0D4",
        "0x421c69E22f48e14Fc2d2Ee3812c59bfb81c38516",
        "0x85680Dd93755Fe5d0789773fd0896cEE51F9e358",
        "0xA90Db6D10F856799b10ef2A77EBCbF460aC71e52",
    ),
    "EntityManager": (
        "0x134b3311C6BdeD895556807a30C7f047D99DfdC2",
        "0x46C417D0760198E94fee455CE0e223262a3D0049",
        "0x60A848E5Da796D741e559c170E851FC813061217",
        "0xE62c5557210a5D095BfC2fDc8B2b5D64609cfDf1",
    ),
    "RewardManager": (
        "0xC8f55c5aA2C752eE285Bd872855C749f4ee6239B",
        "0xE26AD68b17224951b5740F33926Cc438764eB9a7",
        "0x2ade9972E7f27200872D378acF7a1BaD8D696FC5",
        "0xB4f43E342c5c77e6fe060c0481Fe313Ff2503454",
    ),
    "WNatDelegationFee": (
        "0xb382DC86C06f91ef711703a582D08977b2601726",
        "0x3499a6D765640F8D35538cF0a292BcA38504353C",
        "0xD6f2DC0A3433613d3d0Ee1d764e22631cCF175C8",
        "0xd357A191986982CDcb4E093508362a2Ffc412772",
    ),
    "FtsoRewardOffersManager": (
        "0x244EA7f173895968128D5847Df2C75B1460ac685",
        "0x5aB9cB258a342001C4663D9526A1c54cCcF8C545",
        "0xC9534cB913150aD3e98D792857689B55e2404212",
        "0x1b7ffab226b66b5eCBdC79a42287BC09C05bCb33",
    ),
    "FastUpdater": (
        "0xdBF71d7840934EB82FA10173103D4e9fd4054dd1",
        "0x7D9F73FD9bC4607daCB618FF895585f98BFDD06B",
        "0xB8336A96b4b8af89f60EA080002214191Bc8293A",
        "0x0B162CA3acf3482d3357972e12d794434085D839",
    ),
    "FastUpdateIncentiveManager": (
        "0xd648e8ACA486Ce876D641A0F53ED1F2E9eF4885D",
        "0x596C70Ad6fFFdb9b6158F1Dfd0bc32cc72B82006",
        "0x8c45666369B174806E1AB78D989ddd79a3267F3b",
        "0xC71C1C6E6FB31eF6D948B2C074fA0d38a07D4f68",
    ),
    "FastUpdatesConfiguration": (
        "0xD9B6fB7F49C13C1448d0DEF4E83aFECf8E8778C8",
        "0x8D48a67e11CdB821C38c85FB92bcB3A1865aCEdF",
        "0x9A53e14B58383642cdB2bb4D5C46989F05C6B5f9",
        "0x222768c5AbCe56Af9Fd75c5f59614a8B7F5dBe80",
    ),
    "WNat": (
        "0x1D80c49BbBCd1C0911346656B529DF9E5c2F783d",
        "0x02f0826ef6aD107Cfc861152B32B52fD11BaB9ED",
        "0x767b25A658E8FC8ab6eBbd52043495dB61b4ea91",
        "0xC67DCE33D7A8efA5FfEB961899C73fe01bCe9273",
    ),
    "ClaimSetupManager": (
        "0xD56c0Ea37B848939B59e6F5Cda119b3fA473b5eB",
        "0xDD138B38d87b0F95F6c3e13e78FFDF2588F1732d",
        "0x3F55A3c8012C26B140AcC23d061E7c4626d64e01",
        "0x5Ddb590530EF66775E6225671eaBD94959e9AE0e",
    ),
}

# Redeployed with another ABI. Of the test networks' second ones, the sources name several and agree on none.
_SWITCH: Final = 417
_REDEPLOYED: Final[Mapping[str, Mapping[str, tuple[tuple[str, int | None, Generation], ...]]]] = {
    "VoterRegistry": {
        "flare": (
            ("0x2580101692366e2f331e891180d9ffdF861Fce83", None, Generation.FIRST),
            ("0xA480457953Af3583E54DCd630b219353B8FC9Af7", _SWITCH, Generation.SECOND),
        ),
        "songbird": (
            ("0x31B9EC65C731c7D973a33Ef3FC83B653f540dC8D", None, Generation.FIRST),
            ("0xd23FAE88c09e6A77dD9eFcc29D6bBC55D2e74310", _SWITCH, Generation.SECOND),
        ),
        "coston": (
            ("0xE2c06DF29d175Aa0EcfcD10134eB96f8C94448A3", None, Generation.SECOND),
            ("0x42F4526BFC6f892DB515a832a52eFc9edFADf6c0", 5451, Generation.SECOND),
        ),
        "coston2": (
            ("0x6a0AF07b7972177B176d3D422555cbc98DfDe914", None, Generation.SECOND),
            ("0xc6E40401395DCc648bC4bBb38fE4552423cD9BAC", None, Generation.SECOND),
        ),
    },
    "VoterPreRegistry": {
        "flare": (
            ("0xeFDBf6F31Aa46c62414Aee82aF43036d16885b48", None, Generation.FIRST),
            ("0x76D49E62B07e52A13b7FBB4602eD942f812c87e2", _SWITCH, Generation.SECOND),
        ),
        "songbird": (
            ("0x9Ba9A142FD5B2953667B03dB40D1d77c83F225a2", None, Generation.FIRST),
            ("0xD8957603dE539118898BA2C321a1001d062Be7Ae", _SWITCH, Generation.SECOND),
        ),
        "coston": (
            ("0x4A5538e86bc09cc1b02BAE720CCc39548e10dB28", None, Generation.SECOND),
            ("0xD9e8Ee56CB5A06f2070A2793bf76C5dFb3fc3D52", None, Generation.SECOND),
        ),
        "coston2": (
            ("0xee963D1867d8B5f3D3E304802B40BC55B3eDeCB8", None, Generation.SECOND),
            ("0x47469Af25c253B4fb9b2a207BF4069574C6CcBd7", None, Generation.SECOND),
        ),
    },
    "FlareSystemsCalculator": {
        "flare": (("0x67c4B11c710D35a279A41cff5eb089Fe72748CF8", None, Generation.FIRST),),
        "songbird": (("0x126FAeEc75601dA3354c0b5Cc0b60C85fCbC3A5e", None, Generation.FIRST),),
        "coston": (
            ("0x3787dCBD770202F856ED9204c19d6f9022Ff3BF2", None, Generation.SECOND),
            ("0x43CBAB9C953F54533aadAf7ffCD13c30ec05Edc9", None, Generation.SECOND),
        ),
        "coston2": (
            ("0x93F4C0b43A221Cf0a57faa882Df5E3F6CAa5Aca8", None, Generation.SECOND),
            ("0x9aF60c16192330EC98d04Ec9675d22dBb9892951", None, Generation.SECOND),
        ),
    },
}


def known_contracts(network: str) -> Contracts:
    """Every address that official sources give for one of NETWORK_NAMES. Raises: ValueError for another name."""
    column = NETWORK_NAMES.index(network)
    singles = {name: columns[column] for name, columns in _ONE_EACH.items()} | _EVERYWHERE
    table = {name: (Deployment(parse_address(text)),) for name, text in singles.items()}
    redeployed = {
        name: tuple(Deployment(parse_address(text), since, generation) for text, since, generation in networks[network])
        for name, networks in _REDEPLOYED.items()
    }
    return {**table, **redeployed}


def registration_generation(contracts: Contracts, reward_epoch_id: int) -> Generation:
    """Which message registers for this reward epoch, by the clients' own switch. Raises: KeyError for no registry.

    What the chain's registry names decides; this is the expectation to compare it with.
    """
    known = contracts["VoterRegistry"]
    started = [each for each in known if (each.from_reward_epoch or 0) <= reward_epoch_id]
    return started[-1].generation


def contract_at(contracts: Contracts, address: bytes) -> str | None:
    """The name of the contract at an address; None for one that no source names."""
    for name, deployments in contracts.items():
        if any(each.address == address for each in deployments):
            return name
    return None
