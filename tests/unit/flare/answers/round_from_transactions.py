"""Chrono's answers to round_from_transactions.json: from raw transactions to the root of a round."""

from collections.abc import Iterable
from typing import Any

from chrono.flare.address import Address, parse_address
from chrono.flare.epochs import VotingRound
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.frames import SubmissionFunction
from chrono.flare.networks import network_of
from chrono.flare.round.electorate import Electorate, Voter
from chrono.flare.round.outcome import round_from_transactions
from chrono.flare.round.transactions import Transaction

SUBMISSION = parse_address("0x2cA6571Daa15ce734Bbd0Bf27D5C9D16787fc33f")


def answer(case: dict[str, Any]) -> dict[str, Any]:
    voters = tuple(Voter(parse_address(told["submitAddress"]), int(told["weight"]), 0) for told in case["voters"])
    feeds = tuple(Feed(FeedId.from_hex(told["id"]), told["decimals"]) for told in case["feeds"])
    electorate = Electorate(0, voters, feeds, fip16=False)
    voting_round = VotingRound(case["votingRoundId"], network_of(case["network"]).timing)
    transactions = map(_transaction, case["transactions"])
    outcome = round_from_transactions(
        voting_round, transactions, SUBMISSION, lambda _: electorate, case["benchingWindow"]
    )
    assert outcome.result is not None
    return {
        "validReveals": _sorted(outcome.valid),
        "revealOffenders": _sorted(outcome.offenders),
        "benched": _sorted(outcome.benched),
        "random": f"0x{outcome.result.random.value:064x}",
        "isSecureRandom": outcome.result.random.is_secure,
        "medians": [feed.value for feed in outcome.result.feeds],
        "merkleRoot": "0x" + outcome.result.root.hex(),
    }


def _transaction(told: dict[str, Any]) -> Transaction:
    function = {"submit1": SubmissionFunction.SUBMIT1, "submit2": SubmissionFunction.SUBMIT2}[told["function"]]
    return Transaction(
        sender=parse_address(told["from"]),
        to=SUBMISSION,
        calldata=function.value + bytes.fromhex(told["data"].removeprefix("0x")),
        block_number=told["blockNumber"],
        index=told["transactionIndex"],
        block_time_s=told["timestamp"],
    )


def _sorted(addresses: Iterable[Address]) -> list[str]:
    return sorted("0x" + address.hex() for address in addresses)
