"""The child that stands between the console and a Dask cluster.

It speaks our frames to the console and Dask to the scheduler. It has the network, no files but the
cache, and it opens no pickle: answers are taken as bytes alone. When it is ended, the cluster sees
that nobody waits any more and stops the task.
"""

from __future__ import annotations

import importlib
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain.codec import Codec
from lamplighter.domain.problems import LamplighterError
from lamplighter.workers.afar import FarAnswer, FarAsk, put_files, run_far, types_of
from lamplighter.workers.frames import Begin

CONNECT_S: Final = 10.0
EMPTY_S: Final = 15.0
"""a cluster without a single machine for so long does not answer"""
LOOK_S: Final = 0.25
BYTES_ONLY: Final = ["msgpack", "error"]
"""how answers may be packed; never as a pickle"""
Tell = Callable[[int, int, str], None]


class ClusterLost(RuntimeError):
    """The cluster cannot do it; the text says why, for one line."""


def scheduler_address(setting: str) -> str:
    """`dask://HOST:PORT` as Dask writes it; empty for `local`.

    Raises ValueError for anything else.
    """
    text = setting.strip()
    if text in ("", "local"):
        return ""
    scheme, mark, place = text.partition("://")
    host, colon, port = place.rpartition(":")
    known = {"dask": "tcp", "dasks": "tls"}
    if scheme not in known or not mark or not colon or not host or not port.isdigit():
        raise ValueError(f"'{text}' is no cluster like dask://HOST:8786")
    return f"{known[scheme]}://{place}"


def run_on_cluster(order: Begin, scratch: Path, address: str, tell: Tell) -> bytes:
    """The task's encoded answer, as a local worker would give it.

    Raises LamplighterError with the task's own problem, ClusterLost with why there is no answer.
    """
    from lamplighter import __version__

    wants, gives = types_of(order.task)
    codec = Codec(scratch)
    payload = codec.decode(order.payload, wants)
    ask = FarAsk(
        __version__,
        order.task,
        Codec().encode(payload),
        order.memory_mb,
        float(max(1, order.cpu_s // 2)),
    )
    answer = _asked(msgspec.msgpack.encode(ask), address, tell)
    if answer.problem is not None:
        raise LamplighterError(answer.problem)
    if answer.what:
        raise ClusterLost(answer.what)
    value = Codec().decode(answer.value, gives)
    folder = getattr(payload, "folder", "")
    if folder:
        put_files(answer.files, Path(folder))
        if hasattr(value, "folder"):
            value = msgspec.structs.replace(value, folder=folder)
    return codec.encode(value)


def _asked(ask: bytes, address: str, tell: Tell) -> FarAnswer:
    dask: Any = importlib.import_module("distributed")
    try:
        client = dask.Client(
            address,
            timeout=CONNECT_S,
            set_as_default=False,
            serializers=BYTES_ONLY,
            deserializers=BYTES_ONLY,
            name="lamplighter",
        )
    except TypeError:  # Dask's own word for a certificate it was not given
        raise ClusterLost(f"the cluster at {address} wants a certificate") from None
    except (OSError, ValueError, TimeoutError) as error:
        text = f"the cluster at {address} does not answer ({type(error).__name__})"
        raise ClusterLost(text) from None
    try:
        return _followed(client, ask, tell)
    finally:
        client.close(timeout=2.0)


def _followed(client: Any, ask: bytes, tell: Tell) -> FarAnswer:
    """Wait for the answer, telling what is heard of it; says so when no machine is left."""
    topic = f"lamplighter-{client.id}"
    heard: queue.SimpleQueue[tuple[int, int, str]] = queue.SimpleQueue()

    def listen(event: Any) -> None:
        done, total, text = event[1]
        heard.put((int(done), int(total), str(text)))

    client.subscribe_topic(topic, listen)
    future = client.submit(run_far, ask, topic, pure=False, retries=0, key=topic)
    alone_since: float | None = None
    while not future.done():
        time.sleep(LOOK_S)
        while not heard.empty():
            tell(*heard.get())
        if client.status != "running":
            raise ClusterLost("the cluster went away")
        if client.scheduler_info(n_workers=-1)["workers"]:
            alone_since = None
        else:
            alone_since = alone_since or time.monotonic()
            if time.monotonic() - alone_since > EMPTY_S:
                raise ClusterLost("no machine of the cluster is left")
    if future.status != "finished":
        raise ClusterLost("the machines of the cluster that had it were lost")
    while not heard.empty():
        tell(*heard.get())
    raw = future.result(timeout=60)
    if not isinstance(raw, bytes):
        raise ClusterLost("its answer was no message of ours")
    try:
        return msgspec.msgpack.decode(raw, type=FarAnswer)
    except msgspec.DecodeError:
        raise ClusterLost("its answer was no message of ours") from None
