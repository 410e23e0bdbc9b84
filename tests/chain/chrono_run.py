"""The fifth provider: `chrono run --network local`, as an operator runs it, and a market pushed to its edge door.

The only file here that knows anything of Chrono: its command, its settings, and how it keeps keys.
"""

import shutil
import threading
import time
from datetime import UTC, datetime
from typing import Any

from chrono.keys.key_folder import KeyFolder
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.settings.kinds import Secret
from tests.chain.market import price
from tests.chain.scene import Scene
from tests.fakes.house import House

PASSWORD = "a password for the local chain"
VENUES = ("binance", "kraken", "coinbase", "bitstamp")
PUSH_S = 0.5
FAST_SCRYPT_N = 1 << 12
DRAIN_S = 180


class ChronoRun:
    """One provider's whole Chrono. It registers itself, votes, and is killed and started as the test likes."""

    def __init__(self, scene: Scene, name: str, **settings: str) -> None:
        self._scene = scene
        self.entity = scene.entities[name]
        self.house = House()
        self._keep_keys()
        self.house.environment |= self._settings() | settings
        self._over = threading.Event()
        self._market = threading.Thread(target=self._push, name="market", daemon=True)

    def start(self) -> "ChronoRun":
        self.house.start("run", "--network", "local")
        if not self._market.is_alive():
            self._market.start()
        return self

    def __enter__(self) -> "ChronoRun":
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends it as an operator would: what is owed is still done."""
        if kind is not None:
            print(self.house.log())
        self.terminate()
        self._over.set()
        self._market.join(10)
        shutil.copyfile(self.house.log_path, self._scene.folder / "chrono.log")
        self.house.close()

    def terminate(self) -> int:
        """SIGTERM, and the exit code. Raises: TimeoutExpired when it does not end."""
        process = self.house.process
        if process is None:
            return 0
        if process.poll() is None:
            process.terminate()
        return process.wait(DRAIN_S)

    def round(self, round_id: int) -> dict[str, Any]:
        """What it says of a round."""
        status, told = self.house.get(f"/rounds/{round_id}")
        if status != 200:
            raise LookupError(f"round {round_id}: {status} {told}")
        found: dict[str, Any] = told
        return found

    def _keep_keys(self) -> None:
        folder = KeyFolder.below(self.house.data_dir, "local")
        for role, account in (
            (Role.SUBMIT, self.entity.submit),
            (Role.SUBMIT_SIGNATURES, self.entity.submit_signatures),
            (Role.SIGNING_POLICY, self.entity.signing_policy),
        ):
            with SecretKey(account.key) as key:
                folder.add(role, key, Secret(PASSWORD), now_ns=0, scrypt_n=FAST_SCRYPT_N)

    def _settings(self) -> dict[str, str]:
        scene = self._scene
        fip16 = {} if scene.fip16 is None else {"FIP16_ACTIVATION_REWARD_EPOCH": f'{{"local": {scene.fip16}}}'}
        flare = {
            "SEAT": "submitter",
            "MODE": "live",
            "NODES": scene.rpc.url,
            "REGISTRY": scene.registry,
            "DEPLOYMENT": str(scene.folder / "deploy.json"),
            "IDENTITY": self.entity.identity.address,
            "PASSWORD": "env:LOCAL_CHAIN_PASSWORD",
            "WITHOUT_FDC": "true",
            "LOCAL_REVEAL_S": str(scene.plan.reveal_s),
            **fip16,
        }
        return {
            **{f"CHRONO__FLARE__{name}": value for name, value in flare.items()},
            "LOCAL_CHAIN_PASSWORD": PASSWORD,
            "XDG_STATE_HOME": str(scene.folder),
            "CHRONO__PRICING__MINIMUM_SOURCES": "3",
            "CHRONO__LOGS__FORMAT": "json",
        }

    def _push(self) -> None:
        """What four venues say, every half second; one that is down hears nothing."""
        while not self._over.wait(PUSH_S):
            try:
                self.house.ingest(self._quotes())
            except OSError:
                continue

    def _quotes(self) -> list[dict[str, str]]:
        now = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
        round_id = self._scene.round()
        return [
            {
                "symbol": feed,
                "price": f"{price(feed, round_id):.8f}",
                "volume": "100",
                "source": venue,
                "timestamp": now.replace("+00:00", "Z"),
            }
            for venue in VENUES
            for feed in self._scene.feeds
        ]
