"""The listening socket of the fast door: it turns away whoever floods it, before a handshake costs anything.

From one address only so many connections may be open whose handshake is not done, and none while too many attempts
of that address failed within the minute. What is turned away is reset, so that it keeps no port and no memory here.
"""

import errno
import os
import socket
import struct
from collections import Counter
from typing import Any, Final

from chrono.stream.ports import Threshold
from chrono.telemetry import WS_DROPPED

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: a close sends a reset and leaves nothing behind in the kernel."""

BURST: Final = 32
"""Connections taken before the loop turns to other work: a wave of newcomers delays no price."""

_NO_FILES: Final = (errno.EMFILE, errno.ENFILE)


class Visitor(socket.socket):
    """An accepted connection that tells its doorway when it ends."""

    doorway: "Doorway | None" = None
    peer: Any = None

    def close(self) -> None:
        """Close, once told."""
        if self.doorway is not None:
            self.doorway.ended(self.peer)
            self.doorway = None
        super().close()


class Doorway(socket.socket):
    """Listens, and picks whom it lets through. `most` is how many of one address may be in their handshake."""

    def __init__(self, family: int, most: int, threshold: Threshold | None) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._most, self._threshold = most, threshold
        self._in_handshake: dict[Any, str] = {}
        self._by_caller: Counter[str] = Counter()
        self._taken = 0
        # Given up for a moment when there are no files left, to take a waiting connection only to end it: a listener
        # that cannot accept would be called again and again for the same connection.
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection that may come in.

        Raises: BlockingIOError when there is none for now; ConnectionAbortedError when one was turned away.
        """
        if self._taken >= BURST:
            self._taken = 0
            raise BlockingIOError
        self._taken += 1
        try:
            connection, address = super().accept()
        except BlockingIOError:
            self._taken = 0
            raise
        except OSError as error:
            if error.errno not in _NO_FILES:
                raise
            self._shed()
            raise ConnectionAbortedError from error
        return self._let_in(connection, address), address

    def settled(self, peer: Any) -> str | None:
        """The handshake of this peer (address and port) is done: from now on others count it. The caller it was
        counted under, None when it was not.
        """
        caller = self._in_handshake.pop(peer, None)
        if caller is not None:
            self._by_caller[caller] -= 1
            if not self._by_caller[caller]:
                del self._by_caller[caller]
        return caller

    def ended(self, peer: Any) -> None:
        """The connection is closed. Without a handshake that counts against its address."""
        caller = self.settled(peer)
        if caller is not None:
            WS_DROPPED.labels("no_handshake").inc()
            if self._threshold is not None:
                self._threshold.failed(caller)

    def close(self) -> None:
        """Stop listening."""
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        super().close()

    def _let_in(self, connection: socket.socket, address: Any) -> Visitor:
        visitor = Visitor(connection.family, connection.type, connection.proto, fileno=connection.detach())
        visitor.setblocking(False)
        if self._threshold is None or self._threshold.is_proxy(address[0]):
            return visitor
        caller = self._threshold.caller(address[0], {})
        if self._threshold.locked(caller) is not None or self._by_caller[caller] >= self._most:
            WS_DROPPED.labels("turned_away").inc()
            _reset(visitor)
            raise ConnectionAbortedError
        self._in_handshake[address] = caller
        self._by_caller[caller] += 1
        visitor.doorway, visitor.peer = self, address
        return visitor

    def _shed(self) -> None:
        WS_DROPPED.labels("no_files").inc()
        os.close(self._spare)
        self._spare = -1
        try:
            _reset(super().accept()[0])
        except OSError:
            pass  # somebody else took the file, or the connection is gone: the next turn sees
        finally:
            self._spare = os.open(os.devnull, os.O_RDONLY)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    connection.close()
