"""Chains made for the judge's tests, event by event and transaction by transaction, with other encoders than its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_hash.auto import keccak

from tests.judge import events
from tests.judge.chain import Calendar, Chain, Log, Transaction
from tests.judge.epochs import Epochs
from tests.judge.frames import FTSO, SUBMIT1, SUBMIT2, SUBMIT_SIGNATURES, frame
from tests.judge.rounds import result_of
from tests.judge.votes import Box

CALENDAR = Calendar(1_000_000, 90, 45, 100)
PLACES = {
    name: bytes(19) + bytes([place])
    for place, name in enumerate(
        (
            "Submission",
            "Relay",
            "FlareSystemsManager",
            "VoterRegistry",
            "FlareSystemsCalculator",
            "FtsoRewardOffersManager",
        ),
        start=1,
    )
}
FEEDS = ((b"\x01BTC/USD".ljust(21, b"\0"), 2), (b"\x01ETH/USD".ljust(21, b"\0"), 3))
EPOCH = 1
FIRST_ROUND = 100


@dataclass(frozen=True)
class Person:
    """A voter with an account for each role."""

    name: str
    capped_wei: int
    policy_weight: int

    def key(self, role: str) -> bytes:
        return keccak(f"{self.name} {role}".encode())

    def address(self, role: str) -> bytes:
        return bytes.fromhex(Account.from_key(self.key(role)).address[2:])


PEOPLE = tuple(Person(name, wei, weight) for name, wei, weight in (("ann", 50, 30), ("ben", 30, 30), ("cat", 20, 40)))


@dataclass
class Made:
    """A chain under the hand: what is sent is in a block of its own at the second that is said."""

    people: Sequence[Person] = PEOPLE
    fip16_from: int | None = None
    chain: Chain = field(init=False)

    def __post_init__(self) -> None:
        contracts = {name: frozenset({place}) for name, place in PLACES.items()}
        self.chain = Chain(31_337, CALENDAR, contracts, 0, 0, [], [])
        start = CALENDAR.start(0)
        self.tell("FlareSystemsManager", events.EPOCH_STARTED, [EPOCH - 1], ["uint32", "uint64"], [0, 0], start)
        self.offer(EPOCH, FEEDS, start)
        self.tell("FlareSystemsManager", events.RANDOM_STARTED, [EPOCH], ["uint64"], [0], start + 10)
        for person in self.people:
            self.register(person, EPOCH, start + 20)
        self.policy(EPOCH, FIRST_ROUND, start + 30)

    def tell(
        self,
        contract: str,
        topic: bytes,
        indexed: Sequence[int],
        types: Sequence[str],
        values: Sequence[object],
        at: int,
    ) -> None:
        topics = (topic, *(each.to_bytes(32, "big") for each in indexed))
        place = (self._block(at), len(self.chain.logs))
        self.chain.logs.append(Log(place, at, PLACES[contract], topics, encode(types, values)))

    def offer(self, epoch: int, feeds: Sequence[tuple[bytes, int]], at: int) -> None:
        ids = b"".join(feed for feed, _ in feeds)
        decimals = b"".join(each.to_bytes(1, "big", signed=True) for _, each in feeds)
        types = ["bytes", "bytes", "uint256", "uint16", "uint24", "bytes", "uint16"]
        values = [ids, decimals, 1, 5000, 400_000, bytes(3 * len(feeds)), 0]
        self.tell("FtsoRewardOffersManager", events.INFLATION, [epoch], types, values, at)

    def register(self, person: Person, epoch: int, at: int) -> None:
        indexed = [int.from_bytes(person.address(role), "big") for role in ("identity", "signing_policy")]
        types = ["address", "address", "(bytes32,bytes32)", "uint256", "(uint8,bytes32,bytes32)"]
        places = ["0x" + person.address(role).hex() for role in ("submit", "submit_signatures")]
        values = [*places, (bytes(32), bytes(32)), 1, (27, bytes(32), bytes(32))]
        self.tell("VoterRegistry", events.REGISTERED_SECOND, [indexed[0], epoch, indexed[1]], types, values, at)
        types = ["address", "uint16", "uint256", "uint256", "bytes20[]", "uint256[]"]
        told = [places[0], 2000, person.capped_wei + 100, person.capped_wei, [], []]
        self.tell("FlareSystemsCalculator", events.INFO[1], [indexed[0], epoch], types, told, at)

    def policy(self, epoch: int, start: int, at: int) -> None:
        types = ["uint32", "uint16", "uint256", "address[]", "uint16[]", "bytes", "uint64"]
        signers = ["0x" + person.address("signing_policy").hex() for person in self.people]
        values = [start, 50, 7, signers, [person.policy_weight for person in self.people], b"", at]
        self.tell("Relay", events.POLICY, [epoch], types, values, at)

    def send(self, person: Person, role: str, data: bytes, at: int, to: str = "Submission") -> None:
        block = self._block(at)
        hash_ = keccak(data + block.to_bytes(8, "big"))
        self.chain.transactions.append(
            Transaction((block, 0), at, person.address(role), PLACES[to], data, hash_, True, 22_000, 25 * 10**9)
        )

    def commit(
        self, person: Person, round_id: int, values: Sequence[int], at: int | None = None, salt: int = 0
    ) -> bytes:
        """Gives what has to be revealed."""
        random = keccak(f"{person.name} {round_id} {salt}".encode())
        encoded = b"".join((value + 2**31).to_bytes(4, "big") for value in values)
        types = ["address", "uint32", "uint256", "bytes"]
        told = ["0x" + person.address("submit").hex(), round_id, int.from_bytes(random, "big"), encoded]
        when = CALENDAR.start(round_id) + 80 if at is None else at
        self.send(person, "submit", SUBMIT1 + frame(FTSO, round_id, keccak(encode(types, told))), when)
        return random + encoded

    def reveal(self, person: Person, round_id: int, payload: bytes, at: int | None = None) -> None:
        when = CALENDAR.start(round_id + 1) + 10 if at is None else at
        self.send(person, "submit", SUBMIT2 + frame(FTSO, round_id, payload), when)

    def sign(self, person: Person, round_id: int, message: bytes) -> None:
        made = Account.sign_message(encode_defunct(primitive=keccak(message)), person.key("signing_policy"))
        raw = bytes([1, made.v]) + made.r.to_bytes(32, "big") + made.s.to_bytes(32, "big")
        data = SUBMIT_SIGNATURES + frame(FTSO, round_id, raw)
        self.send(person, "submit_signatures", data, CALENDAR.reveal_deadline(round_id) + 5)

    def message(self, round_id: int) -> bytes:
        """What the round's result should be, as the judge has it so far. Raises: LookupError without one."""
        epochs = Epochs(self.chain, self.fip16_from)
        electorate = epochs.electorate_of(round_id)
        result = electorate and result_of(round_id, electorate, Box(self.chain, epochs))
        if not result:
            raise LookupError(round_id)
        return result.message(round_id)

    def finalise(self, round_id: int, message: bytes) -> None:
        at = CALENDAR.reveal_deadline(round_id) + 8
        indexed = [message[0], round_id]
        self.tell("Relay", events.RELAYED, indexed, ["bool", "bytes32"], [bool(message[5]), message[6:]], at)

    def round(self, round_id: int, values: int = 100) -> None:
        """One in which everybody does everything."""
        told = {
            person: self.commit(person, round_id, [values + place, values]) for place, person in enumerate(self.people)
        }
        for person, payload in told.items():
            self.reveal(person, round_id, payload)
        message = self.message(round_id)
        for person in self.people:
            self.sign(person, round_id, message)
        self.finalise(round_id, message)

    def over(self, round_id: int) -> Chain:
        """The chain when the time of this round is up."""
        self.chain.head_time_s = CALENDAR.over(round_id)
        return self.chain

    def _block(self, at: int) -> int:
        self.chain.head_number += 1
        self.chain.head_time_s = max(self.chain.head_time_s, at)
        return self.chain.head_number
