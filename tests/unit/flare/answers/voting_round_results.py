"""Chrono's answers to voting_round_results.json: from valid reveals to leaves, proofs, root and signed message."""

from typing import Any

from chrono.flare.address import parse_address
from chrono.flare.commit import Reveal
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.merkle import verify_proof
from chrono.flare.results import FeedResult, RoundResult
from chrono.flare.round.electorate import Electorate, Voter
from chrono.flare.round.outcome import conclude
from chrono.flare.round.submissions import ReadReveal, Submissions


def answer(case: dict[str, Any]) -> dict[str, Any]:
    electorate = electorate_of(case)
    reveals = {parse_address(told["submitAddress"]): _reveal(told) for told in case["validReveals"]}
    feeds = len(electorate.feeds)
    round_id = case["votingRoundId"]
    commits = {sender: reveal.commit_hash(sender, round_id) for sender, reveal in reveals.items()}
    # Whoever offended committed to something else, as far as anyone can see.
    commits |= {parse_address(text): bytes(32) for text in case["revealOffendersThisRound"]}
    read = {sender: ReadReveal(reveal, reveal.values(feeds)) for sender, reveal in reveals.items()}
    benched = frozenset(map(parse_address, case["benched"]))
    result = conclude(Submissions(round_id, commits, read), benched, electorate).result
    assert result is not None
    return {
        "random": f"0x{result.random.value:064x}",
        "isSecureRandom": result.random.is_secure,
        "randomLeaf": "0x" + result.random_leaf.hex(),
        "feeds": [_spelled(feed, result) for feed in result.feeds],
        "merkleRoot": "0x" + result.root.hex(),
        "submitSignaturesData": "0x" + result.message.encode().hex(),
        "messageHash": "0x" + result.message.hash().hex(),
    }


def electorate_of(case: dict[str, Any]) -> Electorate:
    voters = tuple(Voter(parse_address(told["submitAddress"]), int(told["weight"]), 0) for told in case["voters"])
    feeds = tuple(Feed(FeedId.from_hex(told["id"]), told["decimals"]) for told in case["feeds"])
    return Electorate(0, voters, feeds, fip16=False)


def _reveal(told: dict[str, Any]) -> Reveal:
    return Reveal(*(bytes.fromhex(told[name].removeprefix("0x")) for name in ("random", "encodedValues")))


def _spelled(feed: FeedResult, result: RoundResult) -> dict[str, Any]:
    proof = result.proof(feed)
    assert verify_proof(feed.leaf, proof, result.root)
    return {
        "votingRoundId": feed.voting_round_id,
        "id": feed.feed.id.hex,
        "value": feed.value,
        "turnoutBIPS": feed.turnout_bips,
        "decimals": feed.feed.decimals,
        "isEmpty": feed.median is None,
        "leaf": "0x" + feed.leaf.hex(),
        "proof": ["0x" + sibling.hex() for sibling in proof],
    }
