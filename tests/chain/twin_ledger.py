"""What twins know of the chain: every block as it comes, in the judge's own words."""

from functools import cached_property

from tests.chain.rpc import Rpc
from tests.judge.chain import Calendar, Chain, Log, Transaction
from tests.judge.epochs import Epochs
from tests.judge.events import RELAYED, logs_of, relayed_of
from tests.judge.frames import FTSO
from tests.judge.votes import BENCHED_ROUNDS, Box


class Ledger:
    """Follows one node. Its head is the newest block that was read whole."""

    def __init__(self, rpc: Rpc, contracts: dict[str, bytes], calendar: Calendar, fip16_from: int | None) -> None:
        self._rpc = rpc
        self._fip16_from = fip16_from
        places = {name: frozenset({place}) for name, place in contracts.items()}
        self.chain = Chain(int(rpc.ask("eth_chainId"), 16), calendar, places, -1, 0, [], [])
        self.system_logs = 0

    @cached_property
    def calendar(self) -> Calendar:
        return self.chain.calendar

    def follow(self) -> bool:
        """Reads what is new; whether there was anything."""
        head = int(self._rpc.ask("eth_blockNumber"), 16)
        before = self.chain.head_number
        for block in range(before + 1, head + 1):
            self._read(block)
        return head > before

    def epochs(self) -> Epochs:
        """Read anew only when something was told."""
        if self.system_logs != len(self.chain.logs):
            self.__dict__.pop("_epochs", None)
            self.system_logs = len(self.chain.logs)
        return self._epochs

    @cached_property
    def _epochs(self) -> Epochs:
        return Epochs(self.chain, self._fip16_from)

    def box(self, round_id: int) -> Box:
        """The votes that a round's result needs."""
        since = self.calendar.start(round_id - BENCHED_ROUNDS - 1)
        recent = [each for each in self.chain.transactions if each.time_s >= since]
        return Box(Chain(**{**vars(self.chain), "transactions": recent}), self.epochs())

    def is_relayed(self, round_id: int) -> bool:
        told = map(relayed_of, logs_of(self.chain, "Relay", RELAYED))
        return any(each.round_id == round_id and each.protocol == FTSO for each in told)

    def sent_since(self, time_s: int) -> list[Transaction]:
        return [each for each in self.chain.sent_to("Submission") if each.time_s >= time_s]

    def _read(self, block: int) -> None:
        told = self._rpc.ask("eth_getBlockByNumber", hex(block), True)
        time_s = int(told["timestamp"], 16)
        for sent in told["transactions"]:
            self.chain.transactions.append(
                Transaction(
                    (block, int(sent["transactionIndex"], 16)),
                    time_s,
                    bytes.fromhex(sent["from"][2:]),
                    bytes.fromhex((sent["to"] or "0x")[2:]),
                    bytes.fromhex(sent["input"][2:]),
                    bytes.fromhex(sent["hash"][2:]),
                )
            )
        if told["transactions"]:
            self._read_logs(block, time_s)
        self.chain.head_number, self.chain.head_time_s = block, time_s

    def _read_logs(self, block: int, time_s: int) -> None:
        for log in self._rpc.ask("eth_getLogs", {"fromBlock": hex(block), "toBlock": hex(block)}):
            self.chain.logs.append(
                Log(
                    (block, int(log["logIndex"], 16)),
                    time_s,
                    bytes.fromhex(log["address"][2:]),
                    tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
                    bytes.fromhex(log["data"][2:]),
                )
            )
