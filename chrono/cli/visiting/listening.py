"""A venue's stream, listened to by hand for a moment: subscribe, answer its beats, keep what it says."""

import asyncio
from collections.abc import Sequence
from typing import Final

from chrono.cli.visiting.asking import NO_ANSWER, AskedInVainError, Asker, told
from chrono.clock import MS_NS, Clock
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.ports import HandshakeRefusedError, LineError, Network, Wire
from chrono.ingest.venues.spec import Stream
from chrono.ingest.venues.words import Beat, Dealt, Offered, RefusalKind, Refused, Said, Subscribed, Ticked

MOST_FRAMES: Final = 20_000


class Ear:
    """What a socket said. Fits: ingest.venues.ports.Listener.

    `offset_ms` is our clock minus the venue's time in its freshest price, the way to us included.
    """

    def __init__(self, stream: Stream, clock: Clock) -> None:
        self.frames: list[bytes] = []
        self.prices = 0
        self.refused: RefusalKind | None = None
        self.offset_ms: float | None = None
        self.wire: Wire | None = None
        self._clock = clock
        self._parse = stream.parse if stream.new_parser is None else stream.new_parser()
        self._first = asyncio.Event()
        self._said = ""
        self._why = ""
        self._subscribed = False

    async def first_price(self) -> str:
        """What the first price was. Raises: AskedInVainError when the socket is lost, or the venue refuses, before."""
        await self._first.wait()
        if not self.prices:
            raise AskedInVainError(self._why, self.refused)
        return self._said

    def why_silent(self) -> str:
        """Why there is no price yet, as far as is known."""
        confirmed = "subscribed, but" if self._subscribed else "the subscription was not confirmed, and"
        return self._why or f"{confirmed} no price came; {len(self.frames)} messages"

    def close(self) -> None:
        """Drop the socket."""
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    # What the socket calls

    def on_frame(self, data: bytes) -> None:
        """A message: it is read at once, and kept."""
        if len(self.frames) < MOST_FRAMES:
            self.frames.append(data)
        for word in self._parse(data):
            self._hear(word)

    def on_alive(self) -> None:
        """A ping or a pong: nothing to do."""

    def on_lost(self, why: str) -> None:
        """The socket is gone."""
        self.wire = None
        self._why = self._why or why
        self._first.set()

    def _hear(self, word: Said) -> None:
        if isinstance(word, Dealt | Offered | Ticked):
            self._priced(word)
        elif isinstance(word, Beat) and word.reply is not None and self.wire is not None:
            self.wire.send(word.reply, is_text=word.is_text)
        elif isinstance(word, Subscribed):
            self._subscribed = True
        elif isinstance(word, Refused) and not self.prices:
            self.refused, self._why = word.kind, told(word)
            if word.kind is not RefusalKind.UNKNOWN_SYMBOL:
                self._first.set()

    def _priced(self, word: Dealt | Offered | Ticked) -> None:
        self.prices += 1
        at_ns = word.traded_at_ns if isinstance(word, Dealt) else word.quoted_at_ns
        if at_ns is not None:
            behind_ms = (self._clock.now_ns() - at_ns) / MS_NS
            # The first words of a subscription may be of old trades: the freshest tells the clock.
            self.offset_ms = behind_ms if self.offset_ms is None else min(self.offset_ms, behind_ms, key=abs)
        if not self._said:
            price = word.price if isinstance(word, Dealt) else word.bid or word.ask
            self._said = f"{word.symbol} {price}"
        self._first.set()


async def listen(asker: Asker, stream: Stream, symbols: Sequence[str], ear: Ear, network: Network, clock: Clock) -> str:
    """Connect and subscribe; then the ear hears. Raises: AskedInVainError."""
    url = stream.url(symbols)
    if stream.token is not None and stream.url_from_token is not None:
        try:
            url, _ = stream.url_from_token(await asker.ask(stream.token))
        except ValueError as error:
            raise AskedInVainError(f"its answer names no server: {error}"[:200]) from error
    try:
        ear.wire = await network.connect(url, ear)
    except HandshakeRefusedError as refused:
        raise _refused(asker, refused) from refused
    except LineError as error:
        raise AskedInVainError(f"{NO_ANSWER}: {error}") from error
    await clock.sleep(stream.settles_s)
    allowance = Allowance(stream.frames)
    for frame in stream.subscribe(symbols):
        await allowance.wait(clock)
        if ear.wire is not None:
            ear.wire.send(frame, is_text=True)
    return f"connected, asked for {', '.join(symbols)}"


def _refused(asker: Asker, refused: HandshakeRefusedError) -> AskedInVainError:
    answer = refused.answer
    word = asker.spec.rest.refusal(answer.status, answer.headers, answer.body)
    if word is None:
        return AskedInVainError(f"the handshake was answered with HTTP {answer.status}")
    return AskedInVainError(told(word), word.kind)
