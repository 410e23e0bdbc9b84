"""Edge workers that remember what was answered: the truth that a fault test holds the store against."""

import http.client
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

from tests.fakes.house import INTERNAL_KEY, PUBLIC_KEY, House

Key = tuple[str, str, str]
"""Source, symbol, timestamp: a feed's identity on the wire."""


class Sender(threading.Thread):
    """Posts batches of new feeds until told to stop; a batch without an answer is sent again, as workers do."""

    def __init__(self, house: House, number: int, *, feeds: int = 20, per_s: float | None = None) -> None:
        super().__init__(daemon=True)
        self._house = house
        self._source = f"sender-{number}"
        self._feeds = feeds
        self._per_s = per_s
        self._over = threading.Event()
        self.acknowledged: dict[Key, str] = {}
        self.sent: set[Key] = set()
        self.refused = 0
        self.unanswered = 0

    def run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        batch = self._batch()
        while not self._over.is_set():
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self._house.port, timeout=15)
                answered = self._post(connection, batch)
            except (OSError, http.client.HTTPException):
                self.unanswered += 1
                connection = None
                self._over.wait(0.02)
                continue
            if answered:
                batch = self._batch()
            if self._per_s is not None:
                self._over.wait(self._feeds / self._per_s)
        if connection is not None:
            connection.close()

    def finish(self) -> None:
        """Stop after the request under way."""
        self._over.set()
        self.join(30)
        assert not self.is_alive()

    def _post(self, connection: http.client.HTTPConnection, batch: list[dict[str, Any]]) -> bool:
        body = json.dumps({"worker_id": self._source, "feeds": batch})
        connection.request("POST", "/internal/ingest", body, {"X-API-Key": INTERNAL_KEY})
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            self.refused += 1
            assert response.status == 503, answer
            self._over.wait(0.05)
            return False
        assert answer["failed"] == 0, answer
        for feed in batch:
            self.acknowledged[self._key(feed)] = feed["price"]
        return True

    def _batch(self) -> list[dict[str, Any]]:
        now = time.time()
        feeds = [
            {
                "symbol": f"F{n:02d}/USD",
                "price": f"{now % 1000:.6f}",
                "volume": "1",
                "source": self._source,
                "timestamp": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            }
            for n in range(self._feeds)
        ]
        self.sent.update(self._key(feed) for feed in feeds)
        return feeds

    @staticmethod
    def _key(feed: dict[str, Any]) -> Key:
        # The API answers in milliseconds; senders never make two batches within one.
        return feed["source"], feed["symbol"], feed["timestamp"][:-4] + "Z"


def stored(house: House, sources: list[str], since_ms: int, feeds: int = 20) -> list[tuple[Key, str]]:
    """Every stored row of these senders, read page by page through the API."""
    rows: list[tuple[Key, str]] = []
    until_ms = int(time.time() * 1000) + 10_000
    for number in range(feeds):
        cursor = ""
        while True:
            path = f"/prices/range?symbol=F{number:02d}/USD&from={since_ms}&to={until_ms}&limit=10000{cursor}"
            status, page = house.get(path, PUBLIC_KEY)
            assert status == 200, page
            rows += [
                ((row["source"], row["symbol"], row["timestamp"]), row["price"])
                for row in page["data"]
                if row["source"] in sources
            ]
            if not page.get("next"):
                break
            cursor = f"&cursor={page['next']}"
    return rows


def verdict(senders: list[Sender], rows: list[tuple[Key, str]]) -> dict[str, int]:
    """How many acknowledged feeds are lost, stored twice or changed, and how many stored ones nobody sent."""
    found: dict[Key, list[str]] = {}
    for key, price in rows:
        found.setdefault(key, []).append(price)
    acknowledged = {key: price for sender in senders for key, price in sender.acknowledged.items()}
    sent = {key for sender in senders for key in sender.sent}
    return {
        "acknowledged": len(acknowledged),
        "lost": sum(key not in found for key in acknowledged),
        "doubled": sum(len(prices) > 1 for prices in found.values()),
        "changed": sum(key in found and float(found[key][0]) != float(price) for key, price in acknowledged.items()),
        "unknown": sum(key not in sent for key in found),
    }
