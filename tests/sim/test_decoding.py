"""Flare's own library reads every transaction that the provider sent, and finds the values that the journal holds."""

import asyncio
from typing import Any

from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.simulation.flare.genesis import network_at
from chrono.simulation.virtual_time import VirtualClock
from chrono.store.journal_file import JournalFile
from chrono.voting.journal import Journal
from tests.sim.house import JOURNAL, KEYS, House
from tests.sim.judging import SIGNATURES, SUBMIT1, SUBMIT2, Judge, decoded
from tests.sim.scenario import live

ROUNDS = 4


def test_py_flare_common_reads_every_submission_to_the_same_values() -> None:
    judge, journal = live(_some_rounds, 3)
    read = {SUBMIT1: 0, SUBMIT2: 0, SIGNATURES: 0}
    for told in judge.told:
        selector, message = decoded(told.data)
        read[selector] += 1
        assert _written(selector, message.ftso) == _kept(selector, message.ftso.voting_round_id, journal)
    assert min(read.values()) >= ROUNDS


async def _some_rounds(clock: VirtualClock) -> tuple[Judge, Journal]:
    house = House(clock, 3, network=network_at(clock.now_ns(), rounds=10))
    with house.on_disk():
        await asyncio.sleep(1.0)
        house.start()
        await house.until(house.round.id + 1 + ROUNDS + 1)
        house.kill(power=False)
        network, identity = house.flare.network, KEYS.entity().identity
        kept = Journal(JournalFile(JOURNAL), network=network.name, chain_id=network.chain_id, identity=identity)
        judge = Judge(house.flare, house.nodes, KEYS.entity())
        await house.close()
    return judge, kept


def _written(selector: str, message: Any) -> bytes:
    """The payload that says what py-flare-common read in it."""
    payload = message.payload
    assert message.protocol_id == FTSO
    if selector == SUBMIT1:
        return bytes(payload.commit_hash)
    if selector == SUBMIT2:
        values = b"".join((0 if value is None else value + 2**31).to_bytes(4, "big") for value in payload.values)
        return payload.random.to_bytes(32, "big") + values
    signature = payload.signature
    assert (payload.message, payload.unsigned_message) == (None, b"")
    return bytes([payload.type]) + bytes.fromhex(signature.v + signature.r + signature.s)


def _kept(selector: str, round_id: int, journal: Journal) -> bytes | None:
    return journal.payload(SubmissionFunction(bytes.fromhex(selector)), FTSO, round_id)
