"""The worker's side: a child process that runs one kind of task and can only fail alone.

Started as `lamplighter worker KIND --cache FOLDER --scratch FOLDER`. It keeps its standard input
and output for frames (a stray `print` goes to the log), sets its limits, imports what its kind
needs, says that it is ready, and only then learns what to run: before the task starts it gives up
every file right but reading the named inputs and writing below the cache folder, and the network.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import tempfile
import time
import traceback
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from lamplighter.domain.codec import Codec
from lamplighter.domain.problems import LamplighterError
from lamplighter.workers import sandbox
from lamplighter.workers.child import CLUSTER_TLS
from lamplighter.workers.frames import (
    Begin,
    Done,
    Failed,
    FrameError,
    Progress,
    Ready,
    one_line,
    pack,
    read_begin,
)

ALLOWED: Final = {
    "spatial": ("lamplighter.spatial.",),
    "analytics": ("lamplighter.analytics.",),
    "scenarios": ("lamplighter.scenarios.",),
    "plugin": ("lamplighter.runtime.plugin_task",),
    "cluster": ("lamplighter.analytics.",),
}
"""kind of worker -> modules whose functions it may run; a name ending in a dot means all below"""

WARM: Final = {
    "spatial": ("numpy", "lxml.etree", "shapely", "pyproj"),
    "analytics": ("numpy", "sklearn.ensemble", "sklearn.isotonic", "skops.io"),
    "scenarios": ("numpy", "epanet.toolkit"),
    "plugin": ("numpy", "lamplighter.runtime.plugin_task"),
    "cluster": ("numpy", "distributed"),
}
REUSED: Final = frozenset({"analytics", "scenarios"})
"""kinds that run only our own code and may take a second task"""

_PROGRESS_S: Final = 0.1
MODEST: Final = 10


def serve(argv: list[str]) -> int:
    """The child's whole life; returns the exit code. Logs go to standard error."""
    options = _options(argv)
    orders, answers = _take_pipes()
    sandbox.die_with_parent()
    sandbox.limit_early()
    if options.kind == "plugin":
        _give_way()
    for name in WARM[options.kind]:
        _import(name)
    answers.write(pack(Ready(options.kind)))
    restricted = False
    while True:
        try:
            order = read_begin(orders)
        except FrameError as error:
            print(f"worker: {error}", file=sys.stderr)
            return 3
        if order is None:
            return 0
        if not restricted:
            _restrict(order, options)
            restricted = True
        sandbox.limit_task(order.memory_mb, order.cpu_s, last=options.kind not in REUSED)
        answers.write(_run(order, options, answers))


def _give_way() -> None:
    """A plugin that burns its time must not take it from the console."""
    if sys.platform != "win32":
        os.nice(MODEST)


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lamplighter worker")
    parser.add_argument("kind", choices=sorted(ALLOWED))
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--cluster", default="")
    return parser.parse_args(argv)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Own standard input and output; whatever else prints, prints into the log."""
    orders = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stderr
    return orders, typing.cast(BinaryIO, _Whole(answers))


class _Whole:
    """Writes all bytes of a frame, however little the pipe takes at a time."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._pipe.write(view) :]


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(f"worker: {name} is not here ({error})", file=sys.stderr)


def _restrict(order: Begin, options: argparse.Namespace) -> None:
    os.chdir(options.scratch)
    tempfile.tempdir = str(options.scratch)
    read, write = [Path(p) for p in order.reads], [options.cache, options.scratch]
    if options.kind == "cluster":
        read += [Path(v) for name, v in os.environ.items() if name.startswith(CLUSTER_TLS)]
    taken = sandbox.restrict(read, write, network=options.kind == "cluster")
    print(f"worker: restricted by {', '.join(taken) or 'nothing'}", file=sys.stderr)


def _run(order: Begin, options: argparse.Namespace, answers: BinaryIO) -> bytes:
    """The answer to `order` as a packed frame, whatever the task does."""
    memory = pack(Failed(order.id, f"it needs more than its {order.memory_mb} MB of memory"))
    codec = Codec(options.scratch)
    try:
        if options.kind == "cluster":
            return _hand_on(order, options, answers)
        task = _find(order.task, options.kind)
        payload = codec.decode(order.payload, _payload_type(task))
        result = task(payload, _Reporter(order.id, answers))
        return pack(Done(order.id, codec.encode(result)))
    except MemoryError:
        return memory
    except OSError as error:
        traceback.print_exc(file=sys.stderr)
        return pack(Failed(order.id, one_line(_file_words(error))))
    except LamplighterError as error:
        return pack(Failed(order.id, one_line(error.problem.text), error.problem))
    except BaseException as error:
        traceback.print_exc(file=sys.stderr)
        text = one_line(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        return pack(Failed(order.id, text))


def _file_words(error: OSError) -> str:
    """What went wrong with which file, without the folder it lies in."""
    why = error.strerror or str(error) or type(error).__name__
    return f"{Path(str(error.filename)).name}: {why}" if error.filename else why


def _hand_on(order: Begin, options: argparse.Namespace, answers: BinaryIO) -> bytes:
    """The answer of a Dask cluster to `order`, as a packed frame."""
    if importlib.util.find_spec("distributed") is None:
        return pack(Failed(order.id, "Dask is not installed here"))
    from lamplighter.workers.bridge import ClusterLost, run_on_cluster

    tell = _Reporter(order.id, answers)
    try:
        value = run_on_cluster(order, options.scratch, options.cluster, tell)
    except ClusterLost as error:
        return pack(Failed(order.id, one_line(str(error))))
    return pack(Done(order.id, value))


def _find(name: str, kind: str) -> Callable[[Any, Any], object]:
    module, _, function = name.partition(":")
    allowed = any(module.startswith(a) if a.endswith(".") else module == a for a in ALLOWED[kind])
    if not allowed or not function or function.startswith("_"):
        raise PermissionError(f"a {kind} worker may not run {name}")
    found = getattr(importlib.import_module(module), function)
    if not callable(found):
        raise TypeError(f"{name} is no function")
    return typing.cast(Callable[[Any, Any], object], found)


def _payload_type(task: Callable[[Any, Any], object]) -> Any:
    """The annotated type of the task's first argument; any plain value where there is none."""
    names = task.__code__.co_varnames[: task.__code__.co_argcount]
    return typing.get_type_hints(task).get(names[0], Any) if names else Any


class _Reporter:
    """Sends progress at most ten times a second; the last word of a task is its answer."""

    def __init__(self, id: int, answers: BinaryIO) -> None:
        self._id, self._answers = id, answers
        self._last = 0.0

    def __call__(self, done: int, total: int = 0, text: str = "") -> None:
        now = time.monotonic()
        if now - self._last >= _PROGRESS_S or (total and done >= total):
            self._last = now
            self._answers.write(pack(Progress(self._id, int(done), int(total), one_line(text))))


__all__ = ["ALLOWED", "REUSED", "WARM", "serve"]
