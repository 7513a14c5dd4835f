"""The same task on a Dask cluster: what crosses, the end there, and how it is run there.

Only bytes cross: the name of a task, its payload and its answer, all in our own frames. On the
other machine the task runs as it would here, in a limited process of the same program, so it
gives the same answer to the last bit; files it writes come back with the answer.
"""

from __future__ import annotations

import importlib
import os
import queue
import tempfile
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.codec import Codec
from lamplighter.domain.problems import Problem

ROOM: Final = "lamplighter.analytics."
"""the only room whose functions go to a cluster"""
LOOK_S: Final = 0.3
MOST_BYTES: Final = 400_000_000


class FarAsk(Struct, frozen=True):
    """A task for another machine."""

    version: str
    """of the program that asks; the other end must be the same"""
    task: str
    payload: bytes
    memory_mb: int
    timeout_s: float
    files: dict[str, bytes] = {}
    """what the task reads, by name; nothing but plain files of one folder"""


class FarAnswer(Struct, frozen=True):
    """What came of it: a value, or a problem, or words."""

    value: bytes = b""
    files: dict[str, bytes] = {}
    problem: Problem | None = None
    what: str = ""


def types_of(task: str) -> tuple[Any, Any]:
    """(type of the payload, type of the answer) of `module:function` of the analytics room.

    Raises PermissionError for any other room.
    """
    module, _, name = task.partition(":")
    if not module.startswith(ROOM) or not name or name.startswith("_"):
        raise PermissionError(f"{task} may not run on a cluster")
    function = getattr(importlib.import_module(module), name)
    hints = typing.get_type_hints(function)
    return hints[function.__code__.co_varnames[0]], hints["return"]


def run_far(ask: bytes, topic: str) -> bytes:
    """Run on the other machine, by Dask: takes and gives packed `FarAsk` and `FarAnswer`.

    Raises nothing: whatever goes wrong is said in the answer.
    """
    try:
        wanted = msgspec.msgpack.decode(ask, type=FarAsk)
        answer = _run(wanted, _teller(topic), _unwanted())
    except BaseException as error:
        answer = FarAnswer(what=f"{type(error).__name__}: {error}"[:200])
    return msgspec.msgpack.encode(answer)


def _run(
    ask: FarAsk, tell: Callable[[int, int, str], None], unwanted: Callable[[], bool]
) -> FarAnswer:
    from lamplighter import __version__
    from lamplighter.workers.pool import WorkerPool, program

    if ask.version != __version__:
        return FarAnswer(what=f"that machine has version {__version__}, not {ask.version}")
    wants, gives = types_of(ask.task)
    payload = Codec().decode(ask.payload, wants)
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="lamplighter-far-") as place:
        out = Path(place) / "out"
        if hasattr(payload, "folder"):
            payload = msgspec.structs.replace(payload, folder=str(out))
        pool = WorkerPool(program(), Path(place), SystemClock(), limit=1, keep_warm=False)
        try:
            number = pool.submit(
                ask.task,
                payload,
                name="a task of another console",
                timeout_s=ask.timeout_s,
                on_progress=tell,
                on_end=answers.put,
                result=gives,
                memory_mb=ask.memory_mb,
            )
            value = _wait(answers, lambda: pool.cancel(number), unwanted)
        finally:
            pool.stop(10.0)
        if isinstance(value, Problem):
            return FarAnswer(problem=value)
        return FarAnswer(Codec().encode(value), _taken(out))


def _wait(
    answers: queue.SimpleQueue[Any], stop: Callable[[], None], unwanted: Callable[[], bool]
) -> Any:
    """The answer; a task nobody waits for any more is stopped."""
    while True:
        try:
            return answers.get(timeout=LOOK_S)
        except queue.Empty:
            if unwanted():
                stop()


def _taken(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        return {}
    found = {f.name: f.read_bytes() for f in sorted(folder.iterdir()) if f.is_file()}
    if sum(map(len, found.values())) > MOST_BYTES:
        raise ValueError("the files of the answer are too large")
    return found


def put_files(files: dict[str, bytes], folder: Path) -> None:
    """Write what came back, plain names only. Raises ValueError for any other name."""
    if any(Path(name).name != name or name.startswith(".") for name in files):
        raise ValueError("a file with a path")
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        with (folder / name).open("wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())


# ------------------------------------------------------------------ what Dask is asked over there
def _teller(topic: str) -> Callable[[int, int, str], None]:
    """Tells progress to whoever listens to `topic`."""
    worker = _dask().get_worker()

    def tell(done: int, total: int, text: str) -> None:
        worker.log_event(topic, [int(done), int(total), str(text)])

    return tell


def _unwanted() -> Callable[[], bool]:
    """Whether the console that asked has gone or cancelled: its task is no longer held."""
    worker = _dask().get_worker()
    key = worker.get_current_task()

    def gone() -> bool:
        state = worker.state.tasks.get(key)
        return state is None or state.state in ("cancelled", "released", "forgotten")

    return gone


def _dask() -> Any:
    """Dask, which only a cluster needs."""
    return importlib.import_module("distributed")
