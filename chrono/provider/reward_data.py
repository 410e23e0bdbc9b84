"""Where published reward epochs come from: a folder, or an address under which each has its file.

Everything that comes from there is suspected: bounded in size and time, and believed only after it was computed again
(`published.signing`). Source: fsp.md sections 6 and 7, "Claiming".
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import httpx

from chrono.errors import REWARD_DATA_ABSENT, ChronoError
from chrono.flare.address import Address
from chrono.published.conditions import NAME as CONDITIONS
from chrono.published.conditions import conditions_of
from chrono.published.documents import document_of, read_document, unpacked
from chrono.published.epoch import PublishedEpoch
from chrono.published.places import DOCUMENTS
from chrono.voting.conditions import PublishedConditions

DEADLINE_S: Final = 20.0
"""Longest that one file may take."""

MOST_BYTES: Final = 16 * 2**20
"""Of one file; the largest published one has less than 1 MB."""


class RewardSource(Protocol):
    """Published reward epochs. Fits: RewardFolder, RewardAddress."""

    async def fetch(self, reward_epoch_id: int) -> PublishedEpoch:
        """The reward epoch as it is published, not verified yet.

        Raises: ChronoError: REWARD_DATA_ABSENT while it is not there, BAD_REWARDS when it cannot be read.
        """
        ...

    async def conditions(self, reward_epoch_id: int, identity: Address) -> PublishedConditions | None:
        """How an entity met the minimal conditions; None when it was no voter. Raises: as `fetch`."""
        ...


class RewardFolder:
    """`FOLDER/EPOCH/…` or `FOLDER/NETWORK/EPOCH/…` with the published names, plain or gzipped."""

    def __init__(self, folder: Path, network: str) -> None:
        self._folder = folder
        self._network = network

    async def fetch(self, reward_epoch_id: int) -> PublishedEpoch:
        """Raises: ChronoError, as the port says."""
        return read_document(self._path(reward_epoch_id, DOCUMENTS), MOST_BYTES)

    async def conditions(self, reward_epoch_id: int, identity: Address) -> PublishedConditions | None:
        """Raises: ChronoError, as the port says."""
        path = self._path(reward_epoch_id, (CONDITIONS,))
        return conditions_of(unpacked(path, MOST_BYTES), str(path), identity)

    def _path(self, reward_epoch_id: int, names: Sequence[str]) -> Path:
        places = (self._folder / self._network, self._folder)
        spelled = [name + suffix for name in names for suffix in ("", ".gz")]
        paths = [place / str(reward_epoch_id) / name for place in places for name in spelled]
        found = next((path for path in paths if path.is_file()), None)
        if found is None:
            raise ChronoError(REWARD_DATA_ABSENT, folder=self._folder, reward_epoch=reward_epoch_id)
        return found


class RewardAddress:
    """`PREFIX/EPOCH/reward-distribution-data.json` over HTTP. Everything is called from one loop."""

    def __init__(self, prefix: str, network: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` is httpx's, for tests."""
        self._prefix = prefix.rstrip("/")
        self._network = network
        headers = {"accept-encoding": "identity"}
        self._client = httpx.AsyncClient(headers=headers, timeout=DEADLINE_S, trust_env=False, transport=transport)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def fetch(self, reward_epoch_id: int) -> PublishedEpoch:
        """Raises: ChronoError, as the port says."""
        name = f"{reward_epoch_id}/{DOCUMENTS[0]}"
        return document_of(await self._get(name), name, self._network)

    async def conditions(self, reward_epoch_id: int, identity: Address) -> PublishedConditions | None:
        """Raises: ChronoError, as the port says."""
        name = f"{reward_epoch_id}/{CONDITIONS}"
        return conditions_of(await self._get(name), name, identity)

    async def _get(self, name: str) -> bytes:
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._read(f"{self._prefix}/{name}")
        except TimeoutError as error:
            raise ChronoError(REWARD_DATA_ABSENT, file=name, cause="no answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ChronoError(REWARD_DATA_ABSENT, file=name, cause=type(error).__name__) from error

    async def _read(self, url: str) -> bytes:
        body = bytearray()
        async with self._client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise ChronoError(REWARD_DATA_ABSENT, cause=f"status {response.status_code}")
            async for part in response.aiter_raw():
                body += part
                if len(body) > MOST_BYTES:
                    raise ChronoError(REWARD_DATA_ABSENT, cause=f"more than {MOST_BYTES} bytes")
        return bytes(body)


def reward_source(where: str, network: str) -> RewardFolder | RewardAddress:
    """What the setting flare.reward_data means."""
    if where.startswith(("http://", "https://")):
        return RewardAddress(where, network)
    return RewardFolder(Path(where).expanduser(), network)
