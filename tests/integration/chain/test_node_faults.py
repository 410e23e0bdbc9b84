"""One node that fails in every way: each call ends in time, with a named reason, and without a guess."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chrono.chain.answers import Receipt
from chrono.chain.node import Node
from chrono.chain.ports import LogQuery
from chrono.chain.verdicts import Verdict, verdict_of_error
from chrono.clock import SystemClock
from chrono.errors import (
    NODE_BUSY,
    NODE_GARBLED,
    NODE_REFUSED,
    NODE_SILENT,
    NODE_UNREACHABLE,
    NODE_WRONG_CHAIN,
    ChronoError,
    Reason,
)
from chrono.flare.signatures import address_of, sign
from chrono.flare.transaction import SignedTransaction
from chrono.flare.units import GWEI
from chrono.settings import Secret
from chrono_core import keccak256
from tests.fakes.evm_chain import SUBMISSION, FakeChain, transfer_of
from tests.fakes.rpc import FakeNode, serving

KEY = keccak256(b"a key for one node")
ME = address_of(KEY)
SECRET_PATH = "?apikey=do-not-tell"


@asynccontextmanager
async def a_node(fake: FakeNode, deadline_s: float = 2.0) -> AsyncIterator[Node]:
    async with serving(fake) as url:
        node = Node("near", Secret(url + SECRET_PATH), 31_337, SystemClock(), deadline_s=deadline_s)
        yield node
        await node.close()


def transaction(nonce: int = 0, max_fee_wei: int = 100 * GWEI) -> SignedTransaction:
    made = transfer_of(nonce, max_fee_wei=max_fee_wei)
    return made.signed(sign(made.signing_hash(), KEY))


async def reason_of(node: Node) -> Reason:
    with pytest.raises(ChronoError) as caught:
        await node.head()
    assert "do-not-tell" not in str(caught.value)
    assert "do-not-tell" not in repr(caught.value.facts)
    return caught.value.reason


async def test_what_a_sound_node_says_is_read() -> None:
    fake = FakeNode(FakeChain())
    fake.chain.fund(ME, 10**18)
    fake.chain.emit(SUBMISSION, (keccak256(b"Told()"), keccak256(b"x")), b"abc")
    signed = transaction()
    async with a_node(fake) as node:
        await node.send(signed.raw)
        fake.chain.mine(1_700_000_002)
        head = await node.head()
        assert head == fake.chain.head
        assert await node.header(1) == head
        assert await node.header(2) is None
        block = await node.block(1, {SUBMISSION})
        assert block is not None
        assert block.hashes == (signed.hash,)
        assert [(t.sender, t.data, t.to) for t in block.transactions] == [(ME, signed.transaction.data, SUBMISSION)]
        assert (await node.block(1, ())) is not None
        only_hashes = await node.hashes(1)
        assert only_hashes is not None
        assert only_hashes.hashes == block.hashes
        logs = await node.logs(LogQuery(0, 1, (SUBMISSION,), (keccak256(b"Told()"),)))
        assert [(log.block_number, log.data) for log in logs] == [(1, b"abc")]
        assert isinstance(await node.receipt(signed.hash), Receipt)
        assert await node.receipt(bytes(32)) is None
        assert await node.nonce(ME) == 1
        assert await node.balance(ME) == fake.chain.balance(ME)
        assert await node.base_fee() == 25 * GWEI
    assert fake.asked[0] == "eth_chainId"
    assert fake.asked.count("eth_chainId") == 1


async def test_a_node_of_another_chain_is_asked_nothing_but_its_chain_id() -> None:
    fake = FakeNode(FakeChain())
    fake.chain_id = 14
    async with a_node(fake) as node:
        for _ in range(3):
            assert await reason_of(node) is NODE_WRONG_CHAIN
        with pytest.raises(ChronoError):
            await node.send(transaction().raw)
    assert set(fake.asked) == {"eth_chainId"}


async def test_a_node_that_is_exchanged_behind_its_address_is_asked_its_chain_id_again() -> None:
    fake = FakeNode(FakeChain())
    async with a_node(fake) as node:
        await node.head()
        fake.wire = "reset"
        assert await reason_of(node) is NODE_UNREACHABLE
        fake.wire, fake.chain_id = "", 19
        assert await reason_of(node) is NODE_WRONG_CHAIN


async def test_a_node_that_does_not_answer_is_given_up_after_its_deadline() -> None:
    fake = FakeNode(FakeChain())
    fake.wire = "hang"
    async with a_node(fake, deadline_s=0.2) as node:
        async with asyncio.timeout(60):  # a bound on the test, not on the node
            assert await reason_of(node) is NODE_SILENT


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("garbage", NODE_GARBLED),
        ("html", NODE_GARBLED),
        ("huge", NODE_GARBLED),
        ("deep", NODE_GARBLED),
        ("other_id", NODE_GARBLED),
        ("no_result", NODE_GARBLED),
        ("html_502", NODE_UNREACHABLE),
        ("reset", NODE_UNREACHABLE),
    ],
)
async def test_an_answer_that_is_none_has_its_reason(wire: str, reason: Reason) -> None:
    fake = FakeNode(FakeChain())
    async with a_node(fake) as node:
        await node.head()
        fake.wire = wire
        assert await reason_of(node) is reason


async def test_an_answer_without_end_is_left_where_it_is_too_long() -> None:
    fake = FakeNode(FakeChain())
    async with a_node(fake) as node:
        await node.head()
        fake.wire = "huge"
        with pytest.raises(ChronoError) as caught:
            await node.nonce(ME)
    assert "more than 1048576 bytes" in str(caught.value)


async def test_a_fee_that_is_no_number_is_refused_and_not_guessed() -> None:
    fake = FakeNode(FakeChain())
    fake.wire = "nan_fee"
    async with a_node(fake) as node:
        with pytest.raises(ChronoError) as caught:
            await node.base_fee()
    assert caught.value.reason is NODE_GARBLED


async def test_where_eth_basefee_is_unknown_the_newest_block_tells_it() -> None:
    fake = FakeNode(FakeChain(base_fee_wei=7))
    fake.knows_base_fee = False
    async with a_node(fake) as node:
        assert await node.base_fee() == 7


async def test_a_busy_node_says_so() -> None:
    fake = FakeNode(FakeChain())
    fake.busy = 1
    async with a_node(fake) as node:
        assert await reason_of(node) is NODE_BUSY
        assert (await node.head()).number == 0


async def test_a_port_where_nobody_listens_is_unreachable() -> None:
    async with serving(FakeNode(FakeChain())) as url:
        pass
    node = Node("gone", Secret(url), 31_337, SystemClock())
    assert await reason_of(node) is NODE_UNREACHABLE
    await node.close()


async def test_what_the_node_says_of_a_transaction_becomes_a_verdict() -> None:
    fake = FakeNode(FakeChain())
    found = []

    async def sending(signed: SignedTransaction) -> None:
        try:
            await node.send(signed.raw)
            found.append(Verdict.TAKEN)
        except ChronoError as error:
            assert error.reason is NODE_REFUSED
            found.append(verdict_of_error(error))

    async with a_node(fake) as node:
        await sending(transaction())
        fake.chain.fund(ME, 10**18)
        await sending(transaction())
        await sending(transaction())
        await sending(transaction(max_fee_wei=109 * GWEI))
        await sending(transaction(max_fee_wei=111 * GWEI))
        fake.chain.mine(1_700_000_002)
        await sending(transaction())
    taken, known, low = Verdict.TAKEN, Verdict.KNOWN, Verdict.NONCE_TOO_LOW
    assert found == [Verdict.NOT_FUNDED, taken, known, Verdict.UNDERPRICED, taken, low]


async def test_after_a_reset_behind_the_acceptance_the_same_bytes_are_already_known() -> None:
    fake = FakeNode(FakeChain())
    fake.chain.fund(ME, 10**18)
    fake.resets_after_accept = True
    async with a_node(fake) as node:
        with pytest.raises(ChronoError) as lost:
            await node.send(transaction().raw)
        assert verdict_of_error(lost.value) is Verdict.UNSURE
        fake.resets_after_accept = False
        with pytest.raises(ChronoError) as again:
            await node.send(transaction().raw)
        assert verdict_of_error(again.value) is Verdict.KNOWN


class Confused(FakeNode):
    """Answers every question for a receipt with the same one."""

    def _eth_getTransactionReceipt(self, _: str) -> object:  # noqa: N802
        return super()._eth_getTransactionReceipt("0x" + self.chain.blocks[1].mined[0][0].hash.hex())


async def test_a_receipt_of_another_transaction_is_garbage() -> None:
    fake = Confused(FakeChain())
    fake.chain.fund(ME, 10**18)
    fake.chain.send(transaction().raw)
    fake.chain.mine(1_700_000_002)
    async with a_node(fake) as node:
        assert await node.receipt(transaction().hash) is not None
        with pytest.raises(ChronoError) as caught:
            await node.receipt(bytes(32))
    assert caught.value.reason is NODE_GARBLED
