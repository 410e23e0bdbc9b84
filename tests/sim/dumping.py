"""A simulated chain as the document that the judge of the local chain reads: one judge for both."""

from typing import Any

from chrono.simulation.flare.network import SimulatedFlare

LOOKED_AT = ("Submission", "Relay")


def document_of(flare: SimulatedFlare) -> dict[str, Any]:
    """The whole chain, in the shape that `tests.judge.dump` describes."""
    chain, timing, world = flare.chain, flare.network.timing, flare.deployment.world
    places = {name: [world.addresses[name], *filter(None, [world.second.get(name)])] for name in world.addresses}
    wanted = {world.addresses[name] for name in LOOKED_AT}
    return {
        "chain_id": chain.chain_id,
        "calendar": {
            "first_start_s": timing.first_start_s,
            "epoch_s": timing.epoch_s,
            "reveal_s": timing.reveal_s,
            "rounds_per_reward_epoch": timing.rounds_per_reward_epoch,
            "first_reward_epoch_round": timing.first_reward_epoch_round,
        },
        "contracts": {name: [_hex(each) for each in those] for name, those in places.items()},
        "head": {"number": chain.head.number, "time_s": chain.head.time_s},
        "transactions": [
            {
                "hash": _hex(signed.hash),
                "block": block.head.number,
                "index": index,
                "time_s": block.head.time_s,
                "from": _hex(sender),
                "to": _hex(signed.transaction.to),
                "input": _hex(signed.transaction.data),
                "status": receipt.succeeded,
                "gas_used": receipt.gas_used,
                "gas_price_wei": receipt.gas_price_wei,
            }
            for block in chain.blocks
            for index, (signed, sender, receipt) in enumerate(block.mined)
            if signed.transaction.to in wanted
        ],
        "logs": [
            {
                "block": block.head.number,
                "index": index,
                "time_s": block.head.time_s,
                "address": _hex(log.address),
                "topics": [_hex(topic) for topic in log.topics],
                "data": _hex(log.data),
            }
            for block in chain.blocks
            for index, log in enumerate(block.logs)
        ],
    }


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
