"""One asyncio loop in one thread of the recorder, for all feeds that wait on sockets.

It starts with the first feed that needs it and ends with the last one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
_START_S: Final = 10.0


class _Shared:
    """The loop and how many feeds use it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread: threading.Thread | None = None


_shared = _Shared()


def take_loop() -> asyncio.AbstractEventLoop:
    """The running loop; give it back with `leave_loop`."""
    with _shared.lock:
        _shared.users += 1
        if _shared.loop is None:
            ready = threading.Event()
            loop = asyncio.new_event_loop()
            thread = threading.Thread(
                target=_run, args=(loop, ready), name="feeds (async)", daemon=True
            )
            thread.start()
            ready.wait(_START_S)
            _shared.loop, _shared.thread = loop, thread
        return _shared.loop


def leave_loop() -> None:
    """The last user's leaving ends the loop and its thread."""
    with _shared.lock:
        _shared.users -= 1
        if _shared.users > 0 or _shared.loop is None:
            return
        loop, thread = _shared.loop, _shared.thread
        _shared.loop = _shared.thread = None
    loop.call_soon_threadsafe(loop.stop)
    if thread is not None and thread is not threading.current_thread():
        thread.join(5.0)


def submit(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _T]) -> Future[_T]:
    """Run a coroutine on the loop from any thread."""
    return asyncio.run_coroutine_threadsafe(work, loop)


def _run(loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
    asyncio.set_event_loop(loop)
    loop.call_soon(ready.set)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
