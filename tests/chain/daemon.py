"""The chain's own daemon: calls the FlareSystemsManager in every block, as Flare's node does without a transaction."""

import threading

from tests.chain.account import Account
from tests.chain.anvil import FLARE_BASE_FEE_WEI, Anvil
from tests.chain.contract import Contract

GAS = 8_000_000
LOOK_S = 0.02


class Daemon:
    """Runs while it is entered; keeps the base fee at Flare's, too."""

    def __init__(self, anvil: Anvil, account: Account, manager: Contract) -> None:
        self._anvil = anvil
        self._account = account
        self._manager = manager
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chain daemon", daemon=True)
        self.fault: Exception | None = None

    def __enter__(self) -> "Daemon":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        rpc, told = self._anvil.rpc, -1
        try:
            while not self._over.wait(LOOK_S):
                head = int(rpc.ask("eth_blockNumber"), 16)
                if head != told:
                    rpc.ask("anvil_setNextBlockBaseFeePerGas", hex(FLARE_BASE_FEE_WEI))
                    self._account.send(rpc, self._manager.address, self._manager.data("daemonize"), GAS)
                    told = head
        except Exception as error:  # noqa: BLE001  # the suite looks at it: a chain without its daemon stands still
            self.fault = error
