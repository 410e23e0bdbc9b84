"""Jobs that live and die together: the reader and the writer of one client."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from litestar.exceptions import WebSocketDisconnect


async def first_of(*jobs: Coroutine[Any, Any, Any]) -> None:
    """Run the jobs side by side until one ends, and end the others. A peer that is gone is no fault.

    Raises: what the first job to end raised.
    """
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        error = task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect | ConnectionError):
            raise error
