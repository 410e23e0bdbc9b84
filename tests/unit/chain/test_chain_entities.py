"""What registries say of an entity, and what a refused call means, by nodes that may not agree."""

from collections.abc import Callable

import pytest

from chrono.chain.entities import Tried, is_preregistered, is_registered, spoken, tried, voter_addresses
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.clock import ManualClock
from chrono.errors import NODE_REFUSED, NODE_SILENT, NOT_CONFIRMED, ChronoError
from chrono.flare.abi import encode
from chrono.flare.address import Address
from chrono.flare.contracts.questions import QUESTION_BY_NAME

REGISTRY, OLD, PRE, ENTITIES = (Address(bytes([n]) * 20) for n in (1, 2, 3, 4))
US = Address(bytes([9]) * 20)
CONTRACTS = Contracts(
    {"VoterRegistry": REGISTRY, "VoterPreRegistry": PRE, "EntityManager": ENTITIES},
    {"VoterRegistry": (OLD, REGISTRY), "VoterPreRegistry": (PRE,), "EntityManager": (ENTITIES,)},
)
YES, NO = encode(["bool"], [True]), encode(["bool"], [False])
Says = Callable[[Address, bytes], bytes]


class Answers:
    """A node that only answers calls."""

    def __init__(self, name: str, says: Says) -> None:
        self.name = name
        self._says = says

    async def call(self, to: Address, data: bytes, sender: Address | None = None) -> bytes:
        return self._says(to, data)


def pool(*says: Says) -> Pool:
    nodes = [Answers(f"node{at}", each) for at, each in enumerate(says)]
    return Pool(nodes, ManualClock(10**18))  # type: ignore[arg-type]


def always(told: bytes) -> Says:
    return lambda *_: told


def refuses(said: str) -> Says:
    def says(*_: object) -> bytes:
        raise ChronoError(NODE_REFUSED, said=said)

    return says


def silent(*_: object) -> bytes:
    raise ChronoError(NODE_SILENT)


def by_address(**told: bytes) -> Says:
    names = {REGISTRY: "now", OLD: "old"}

    def says(to: Address, _: bytes) -> bytes:
        return told[names[to]]

    return says


async def test_an_entity_is_registered_when_any_registry_holds_it() -> None:
    held = by_address(now=NO, old=YES)
    assert await is_registered(pool(held, held), CONTRACTS, US, 5) is True
    gone = by_address(now=NO, old=NO)
    assert await is_registered(pool(gone, gone), CONTRACTS, US, 5) is False


async def test_an_old_registry_that_is_not_there_leaves_the_present_one_to_decide() -> None:
    empty = by_address(now=NO, old=b"")
    assert await is_registered(pool(empty, empty), CONTRACTS, US, 5) is False


async def test_nodes_that_contradict_each_other_leave_it_unknown() -> None:
    assert await is_registered(pool(always(YES), always(NO)), CONTRACTS, US, 5) is None
    assert await is_preregistered(pool(always(YES), silent), CONTRACTS, US, 5) is None
    assert await is_preregistered(pool(always(YES)), Contracts({}, {}), US, 5) is None


async def test_one_lying_node_of_three_changes_nothing() -> None:
    assert await is_registered(pool(always(NO), always(YES), always(NO)), CONTRACTS, US, 5) is False


async def test_addresses_are_asked_for_now_or_at_a_block() -> None:
    asked: list[bytes] = []
    told = encode(["address"] * 3, ["0x" + bytes([n]).hex() * 20 for n in (5, 6, 7)])

    def says(_: Address, data: bytes) -> bytes:
        asked.append(data[:4])
        return told

    found = await voter_addresses(pool(says), CONTRACTS, US)
    assert found is not None
    assert (found.submit, found.signing_policy) == (bytes([5]) * 20, bytes([7]) * 20)
    assert await voter_addresses(pool(says), CONTRACTS, US, 77) == found
    names = ("getVoterAddresses", "getVoterAddressesAt")
    assert asked == [QUESTION_BY_NAME[name].selector for name in names]


async def test_a_contract_that_does_not_know_the_question_says_nothing() -> None:
    assert await voter_addresses(pool(refuses("execution reverted"), silent), CONTRACTS, US) is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("execution reverted: already registered", "already registered"),
        ("VM Exception: revert Voter Already Pre-Registered!", "voter already pre-registered"),
        ("execution reverted: signature invalid", "signature invalid"),
        ("execution reverted", "execution reverted"),
        ("execution reverted 0x08c379a0" + encode(["string"], ["vote power too low"]).hex(), "vote power too low"),
        ("execution reverted 0x08c379a0" + "00" * 10, "execution reverted 0x08c379a0" + "00" * 10),
        ("execution reverted: custom 0xdeadbeef", "custom 0xdeadbeef"),
        ("execution reverted: address taken 0x08c379a0" + "00" * 10 + "0", "address taken"),
        ("the method eth_call does not exist", None),
        ("rate limited", None),
    ],
)
def test_a_refusal_is_read_in_the_words_of_the_contract(said: str, told: str | None) -> None:
    assert spoken(said) == told


async def test_a_call_goes_through_when_any_node_lets_it() -> None:
    """A node that says a revert where another sees none may be lying or late: sending costs gas only."""
    reverts = refuses("execution reverted: voter already signed")
    assert await tried(pool(always(b""), reverts), REGISTRY, b"", US) == Tried(None)
    assert await tried(pool(reverts, reverts), REGISTRY, b"", US) == Tried("voter already signed", confirmed=True)
    assert await tried(pool(reverts, silent), REGISTRY, b"", US) == Tried("voter already signed", confirmed=False)
    assert await tried(pool(reverts), REGISTRY, b"", US) == Tried("voter already signed", confirmed=True)


async def test_a_refusal_that_is_no_revert_is_no_answer() -> None:
    with pytest.raises(ChronoError) as raised:
        await tried(pool(refuses("rate limited"), silent), REGISTRY, b"", US)
    assert raised.value.reason is NOT_CONFIRMED
