"""What the Relay takes and what it refuses, with Flare's own words; policies of our choosing."""

import pytest
from eth_abi import encode
from eth_hash.auto import keccak

from tests.chain.account import Account
from tests.chain.anvil import Anvil
from tests.chain.bench import GAS
from tests.chain.building import compiled
from tests.chain.contract import Contract
from tests.chain.deployment import DEPLOY_GAS, RANDOM_PROTOCOL
from tests.chain.rpc import RpcError
from tests.chain.twin_words import joined, relay
from tests.judge.sums import policy_hash

RELAYED = "0x" + keccak(b"ProtocolMessageRelayed(uint8,uint32,bool,bytes32)").hex()
ROUNDS = 10
WEIGHTS = (100, 200, 300, 400)
THRESHOLD = 500
VOTERS = tuple(sorted((Account.of(f"voter {place}") for place in range(4)), key=lambda one: one.address))
ROOT = keccak(b"root")


class Signed:
    """A Relay with a policy of reward epoch 3, whose manager is the owner."""

    def __init__(self, anvil: Anvil, is_home: bool = True, window: int = 2, start: int = 30) -> None:
        self.anvil = anvil
        self.owner = Account.of("owner")
        anvil.give(self.owner.address, 10**24)
        registry = self.create("FlareContractRegistry", b"")
        self.registry = Contract(anvil.rpc, "registry", registry, compiled()["FlareContractRegistry"].abi)
        self.send(registry, self.registry.data("set", "FlareSystemsManager", self.owner.address))
        self.policy = policy(3, start)
        self.relay = self.relay_of(is_home, window, policy_hash(self.policy), 3, start)

    def relay_of(self, is_home, window, hash_, epoch, start, first=0, rounds=ROUNDS) -> Contract:
        abi = compiled()["Relay"].abi
        types = [
            "address",
            "(uint32,uint8,uint32,uint16)",
            "uint8",
            "uint16",
            "uint32",
            "uint24",
            "uint32",
            "bytes32",
            "bool",
        ]
        calendar = (1_700_000_000, 10, first, rounds)
        values = [self.registry.address, calendar, RANDOM_PROTOCOL, 12_000, window, epoch, start, hash_, is_home]
        return Contract(self.anvil.rpc, "Relay", self.create("Relay", encode(types, values)), abi)

    def create(self, name, arguments) -> str:
        sent = self.owner.send(self.anvil.rpc, None, compiled()[name].bytecode + arguments, DEPLOY_GAS)
        self.anvil.mine()
        return self.anvil.rpc.ask("eth_getTransactionReceipt", sent)["contractAddress"]

    def send(self, to, data) -> dict:
        sent = self.owner.send(self.anvil.rpc, to, data, GAS)
        self.anvil.mine()
        return self.anvil.rpc.ask("eth_getTransactionReceipt", sent)

    def refusal(self, data) -> str:
        try:
            self.anvil.rpc.ask("eth_call", {"to": self.relay.address, "data": "0x" + data.hex()}, "latest")
        except RpcError as error:
            return str(error).partition("execution reverted: ")[2].removeprefix("revert: ")
        return ""

    def take(self, data) -> dict:
        """Raises: AssertionError when it is not taken."""
        assert self.refusal(data) == ""
        receipt = self.send(self.relay.address, data)
        assert int(receipt["status"], 16) == 1
        return receipt

    def next_policy(self, epoch, start) -> bytes:
        values = (epoch, start, THRESHOLD, epoch, [one.address for one in VOTERS], list(WEIGHTS))
        receipt = self.send(self.relay.address, self.relay.data("setSigningPolicy", values))
        assert int(receipt["status"], 16) == 1
        return policy(epoch, start)


@pytest.fixture
def signed(anvil):
    return Signed(anvil)


def policy(epoch, start, weights=WEIGHTS, threshold=THRESHOLD):
    head = len(weights).to_bytes(2, "big") + epoch.to_bytes(3, "big") + start.to_bytes(4, "big")
    rows = (one.raw + weight.to_bytes(2, "big") for one, weight in zip(VOTERS, weights, strict=True))
    return head + threshold.to_bytes(2, "big") + epoch.to_bytes(32, "big") + b"".join(rows)


def message(round_id, protocol=RANDOM_PROTOCOL, root=ROOT, secure=1):
    return bytes([protocol]) + round_id.to_bytes(4, "big") + bytes([secure]) + root


def told(encoded, text, places, signers=VOTERS):
    rows = [(place, joined(signers[place].signed(keccak(text)))) for place in places]
    return relay(encoded, text, rows)


def test_a_message_of_more_weight_than_the_threshold_is_taken(signed):
    receipt = signed.take(told(signed.policy, message(33), [1, 3]))
    (log,) = receipt["logs"]
    assert log["topics"] == [RELAYED, f"0x{RANDOM_PROTOCOL:064x}", f"0x{33:064x}"]
    assert bytes.fromhex(log["data"][2:]) == bytes(31) + b"\x01" + ROOT
    assert signed.relay.ask("isFinalized", RANDOM_PROTOCOL, 33)
    assert not signed.relay.ask("isFinalized", 200, 33)


def test_weight_equal_to_the_threshold_is_not_enough(signed):
    assert signed.refusal(told(signed.policy, message(33), [1, 2])) == "Not enough weight"
    assert signed.refusal(told(signed.policy, message(33), [0, 3])) == "Not enough weight"
    assert signed.refusal(told(signed.policy, message(33), [0, 1, 2])) == ""


def test_indices_ascend_and_none_comes_twice(signed):
    assert signed.refusal(told(signed.policy, message(33), [3, 1])) == "Index out of order"
    assert signed.refusal(told(signed.policy, message(33), [2, 2, 3])) == "Index out of order"
    rows = [(4, joined(VOTERS[0].signed(keccak(message(33)))))]
    assert signed.refusal(relay(signed.policy, message(33), rows)) == "Index out of range"


def test_a_signature_at_anothers_place_is_wrong(signed):
    swapped = (VOTERS[0], VOTERS[3], VOTERS[2], VOTERS[1])
    assert signed.refusal(told(signed.policy, message(33), [1, 3], swapped)) == "Wrong signature"
    strangers = tuple(Account.of(f"stranger {place}") for place in range(4))
    assert signed.refusal(told(signed.policy, message(33), [1, 3], strangers)) == "Wrong signature"


def test_signatures_of_another_message_are_wrong(signed):
    data = told(signed.policy, message(33), [1, 3]).replace(ROOT, keccak(ROOT))
    assert signed.refusal(data) == "Wrong signature"


def test_what_comes_behind_the_signature_that_suffices_is_not_looked_at(signed):
    rows = [(place, joined(VOTERS[place].signed(keccak(message(33))))) for place in (2, 3)]
    assert signed.refusal(relay(signed.policy, message(33), [rows[0], rows[1], (0, bytes(65))])) == ""


def test_another_policy_is_not_known(signed):
    for wrong in (
        policy(3, 31),
        policy(3, 30, threshold=400),
        policy(3, 30, weights=(100, 200, 300, 500)),
        policy(4, 30),
    ):
        assert signed.refusal(told(wrong, message(33), [1, 3])) == "Signing policy hash mismatch"


def test_a_round_is_relayed_once_by_protocol(signed):
    signed.take(told(signed.policy, message(33), [1, 3]))
    assert signed.refusal(told(signed.policy, message(33), [2, 3])) == "Already relayed"
    signed.take(told(signed.policy, message(33, protocol=200), [1, 3]))
    assert signed.relay.ask("merkleRoots", 200, 33) == ROOT


def test_a_policy_signs_no_rounds_before_it(signed):
    assert signed.refusal(told(signed.policy, message(29), [1, 3])) == "Wrong sign policy reward epoch"
    late = Signed(signed.anvil, start=32)
    assert late.refusal(told(late.policy, message(31), [1, 3])) == "Delayed sign policy"


def test_a_policy_that_stands_in_for_a_late_one_needs_a_fifth_more(signed):
    assert signed.refusal(told(signed.policy, message(41), [1, 3])) == "Not enough weight", "600 is not more than 600"
    assert signed.refusal(told(signed.policy, message(41), [2, 3])) == ""
    signed.next_policy(4, 45)
    assert signed.refusal(told(signed.policy, message(44), [1, 3])) == "", "the next one is known: as usual again"
    assert signed.refusal(told(signed.policy, message(45), [2, 3])) == "Must use new sign policy"
    assert signed.refusal(told(policy(4, 45), message(44), [2, 3])) == "Delayed sign policy"


def test_rounds_too_far_back_are_not_taken(signed):
    for epoch in (4, 5, 6):
        signed.next_policy(epoch, epoch * ROUNDS)
    assert signed.refusal(told(signed.policy, message(39), [1, 3])) == "Message too old"
    assert signed.refusal(told(policy(4, 40), message(40), [1, 3])) == ""


def test_data_that_end_too_early_are_refused(signed):
    data = told(signed.policy, message(33), [1, 3])
    ends = {4 + 42: "Invalid sign policy metadata", 4 + 43 + 21: "Invalid sign policy length"}
    whole = 4 + len(signed.policy)
    ends |= {whole: "Too short message", whole + 37: "Too short message", whole + 39: "No signature count"}
    ends |= {len(data) - 1: "Not enough signatures"}
    for end, reason in ends.items():
        assert signed.refusal(data[:end]) == reason, end


def test_governance_messages_have_neither_round_nor_random(signed):
    assert signed.refusal(told(signed.policy, message(33, protocol=1), [1, 3])) == "Wrong message format"
    assert signed.refusal(told(signed.policy, message(0, protocol=1), [1, 3])) == "Wrong message format2"


def test_the_random_is_that_of_the_newest_round_of_its_protocol(signed):
    signed.take(told(signed.policy, message(34), [1, 3]))
    signed.take(told(signed.policy, message(33, root=keccak(ROOT), secure=0), [1, 3]))
    signed.take(told(signed.policy, message(35, protocol=200, root=keccak(ROOT)), [1, 3]))
    random = int.from_bytes(keccak(ROOT), "big")
    assert signed.relay.ask("getRandomNumber") == (random, True, 1_700_000_000 + 35 * 10)
    signed.take(told(signed.policy, message(36, secure=0), [1, 3]))
    assert signed.relay.ask("getRandomNumber") == (random, False, 1_700_000_000 + 37 * 10)


def test_on_flares_own_chains_no_policy_is_relayed(signed):
    assert signed.refusal(policy_relay(signed.policy, policy(4, 40), [1, 3])) == "Sign policy relay disabled"


def policy_relay(present, following, places):
    rows = b"".join(joined(VOTERS[place].signed(policy_hash(following))) + place.to_bytes(2, "big") for place in places)
    return bytes.fromhex("b59589d1") + present + b"\0" + following + len(places).to_bytes(2, "big") + rows


def test_elsewhere_a_policy_is_relayed_under_the_one_before(anvil):
    away = Signed(anvil, is_home=False)
    following = policy(4, 40)
    assert away.refusal(policy_relay(away.policy, following, [1, 2])) == "Not enough weight"
    assert away.refusal(policy_relay(away.policy, policy(5, 50), [1, 3])) == "Not next reward epoch"
    assert away.refusal(policy_relay(away.policy, policy(4, 40, threshold=499), [1, 3])) == "too small threshold"
    assert away.refusal(policy_relay(away.policy, policy(4, 40, threshold=661), [1, 3])) == "too big threshold"
    away.take(policy_relay(away.policy, following, [1, 3]))
    assert away.relay.ask("toSigningPolicyHash", 4) == policy_hash(following)
    assert away.refusal(policy_relay(away.policy, following, [1, 3])) == "Not with last intialized"


def test_only_the_manager_sets_policies_and_one_after_the_other(signed):
    values = (4, 40, THRESHOLD, 4, [one.address for one in VOTERS], list(WEIGHTS))
    with pytest.raises(RpcError, match="only flare system manager"):
        signed.relay.ask("setSigningPolicy", values, sender=VOTERS[0].address)
    with pytest.raises(RpcError, match="not next reward epoch"):
        signed.relay.ask("setSigningPolicy", (5, *values[1:]), sender=signed.owner.address)


def test_relay_messages_of_the_vectors_are_taken(signed, vectors):
    for case in vectors("relay_message"):
        wanted, given = case["policy"], case["message"]
        epoch, round_id = wanted["rewardEpochId"], given["votingRoundId"]
        encoded = bytes.fromhex(case["expected"]["relayMessage"][2:])
        hash_ = policy_hash(encoded[: 43 + 22 * len(wanted["voters"])])
        # One round to a reward epoch, counted so that the round falls into the policy's own.
        start = wanted["startVotingRoundId"]
        signed.relay = signed.relay_of(True, 30, hash_, epoch, start, first=round_id - epoch, rounds=1)
        signed.take(bytes.fromhex("b59589d1") + encoded)
        assert "0x" + signed.relay.ask("merkleRoots", given["protocolId"], round_id).hex() == given["merkleRoot"]


def test_proofs_of_the_vectors_lead_to_a_finalised_root(signed, vectors):
    for round_id, case in enumerate(vectors("merkle_tree")[:9], start=30):
        signed.take(told(signed.policy, message(round_id, root=bytes.fromhex(case["expected"]["root"][2:])), [1, 3]))
        for each in case["expected"]["proofs"]:
            leaf = bytes.fromhex(each["leaf"][2:])
            proof = [bytes.fromhex(sibling[2:]) for sibling in each["proof"]]
            assert signed.relay.ask("verify", RANDOM_PROTOCOL, round_id, leaf, proof) == each["verifies"]
            assert not signed.relay.ask("verify", RANDOM_PROTOCOL, round_id, keccak(leaf), proof)


def test_policies_of_the_vectors_have_their_bytes_and_their_hash(signed, vectors):
    topic = (
        "0x" + keccak(b"SigningPolicyInitialized(uint24,uint32,uint16,uint256,address[],uint16[],bytes,uint64)").hex()
    )
    for case in vectors("signing_policy"):
        wanted, expected = case["policy"], case["expected"]
        epoch = wanted["rewardEpochId"]
        signed.relay = signed.relay_of(True, 30, bytes(32), epoch - 1, 0)
        head = (epoch, wanted["startVotingRoundId"], wanted["threshold"], int(wanted["seed"], 16))
        data = signed.relay.data("setSigningPolicy", (*head, wanted["voters"], wanted["weights"]))
        receipt = signed.send(signed.relay.address, data)
        assert [log["topics"][0] for log in receipt["logs"]] == [topic]
        assert expected["encoded"][2:] in receipt["logs"][0]["data"]
        assert "0x" + signed.relay.ask("toSigningPolicyHash", epoch).hex() == expected["hash"]
