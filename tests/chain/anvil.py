"""The node: anvil from npm, on loopback, mining a block each second.

Anvil knows nothing of Flare's gas subsidy, nor of its fees: whoever votes pays each transaction in full here.
"""

import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.chain.building import anvil_binary
from tests.chain.rpc import Rpc
from tests.fakes.ports import free_port

CHAIN_ID = 31_337
FLARE_BASE_FEE_WEI = 25 * 10**9
START_S = 60.0


class Anvil:
    """Runs while it is entered. Blocks come on demand first, then by the second from `mine_by_the_clock` on."""

    def __init__(self, folder: Path, chain_id: int = CHAIN_ID) -> None:
        self._log = folder / "anvil.log"
        self._port = free_port()
        self._chain_id = chain_id
        self.rpc = Rpc(f"http://127.0.0.1:{self._port}")

    def __enter__(self) -> "Anvil":
        options = ["--port", self._port, "--chain-id", self._chain_id, "--no-mining", "--accounts", 1, "--quiet"]
        options += ["--hardfork", "cancun", "--base-fee", FLARE_BASE_FEE_WEI]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(anvil_binary()), *map(str, options)], stdout=log, stderr=subprocess.STDOUT
            )
        end = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"anvil did not start: {self._log.read_text()}")
            time.sleep(0.02)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(10)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.rpc.ask("evm_mine")

    def mine_by_the_clock(self, every_s: int = 1) -> None:
        self.rpc.ask("evm_setIntervalMining", every_s)

    def give(self, address: str, wei: int) -> None:
        self.rpc.ask("anvil_setBalance", address, hex(wei))

    def _answers(self) -> bool:
        try:
            self.rpc.ask("eth_chainId")
        except OSError:
            return False
        return True
