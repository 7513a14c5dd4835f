"""The way of recorded points into a store: names become local numbers, then the ordinary writer.

Numbers are handed out where the pipeline hands out its own, so that nobody takes the same one
twice. Beside a running recorder that is its decoding thread; else this module has the registry to
itself, because it holds the project's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec.structs import replace

from lamplighter.domain.exchange import NamedStream, ReceivedChunk
from lamplighter.domain.observation import Batch, Committed, PointColumns, Quarantined
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.pipeline import Pipeline, Registry
from lamplighter.store import Store

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

PATIENCE_S: Final = 120.0
"""a chunk that is not stored by then is given up; it comes again, since nothing was marked"""
Door = Callable[[ReceivedChunk, tuple[Quarantined, ...]], "Future[Committed]"]


def to_batch(
    registry: Registry, chunk: ReceivedChunk, aside: tuple[Quarantined, ...] = ()
) -> Batch:
    """The chunk with this store's numbers. `aside`: things set aside, their `source` an index
    into the chunk's sources. Raises LamplighterError (U-804) when there are too many names.
    """
    sources = [_source(registry, name) for name in chunk.sources]
    streams = np.array([_stream(registry, s) for s in chunk.streams], np.int32)
    points = chunk.points
    value, quality = _coded(registry, chunk, streams)
    made = PointColumns(
        streams[points.stream] if len(streams) else np.empty(0, np.int32),
        points.time_ms,
        value,
        quality,
        points.message,
        points.place,
    )
    new_sources, new_streams, new_words = registry.take_new()
    return Batch(
        tuple(replace(m, source=sources[m.source]) for m in chunk.messages),
        made,
        tuple(replace(q, source=sources[q.source]) for q in aside),
        new_sources=new_sources,
        new_datastreams=new_streams,
        new_states=new_words,
        origins=chunk.origins,
    )


def _source(registry: Registry, name: str) -> int:
    number = registry.source(name)
    if number is None:
        raise fault("U-804", name="Taking in records", what="there are too many sources")
    return number


def _stream(registry: Registry, wanted: NamedStream) -> int:
    source = _source(registry, wanted.source)
    table = registry.texts(source) if wanted.text else registry.numbers(source)
    number = table.get(wanted.name)
    if number is None:
        number = registry.create(source, wanted.name, text=wanted.text, unit=wanted.unit)
    if number is None:
        what = f"{wanted.source} has too many datastreams"
        raise fault("U-804", name="Taking in records", what=what)
    return number


def _coded(
    registry: Registry, chunk: ReceivedChunk, streams: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(values with words as this store's codes, qualities); where a datastream has too many words
    NaN, which is bad.
    """
    value, quality = chunk.points.value, chunk.points.quality
    textual = np.array([s.text for s in chunk.streams], bool)
    rows = np.flatnonzero(textual[chunk.points.stream]) if len(streams) else np.empty(0, int)
    if not len(rows):
        return value, quality
    value, quality = value.copy(), quality.copy()
    for row in rows.tolist():
        if np.isfinite(value[row]):
            word = chunk.words[int(value[row])]
            code = registry.code(int(streams[chunk.points.stream[row]]), word)
            value[row] = np.nan if code is None else code
        if not np.isfinite(value[row]):
            quality[row] = quality[row] & ~np.uint8(CLASS_MASK) | np.uint8(Quality.BAD)
    return value, quality


class RecorderDoor:
    """Through a running recorder. `past`: nothing of it is folded into the present."""

    def __init__(self, recorder: Recorder, *, past: bool) -> None:
        self._recorder = recorder
        self._past = past

    def submit(
        self, chunk: ReceivedChunk, aside: tuple[Quarantined, ...] = ()
    ) -> Future[Committed]:
        """Queue the chunk; the future is done when it is committed."""
        done: Future[Committed] = Future()

        def convert(pipeline: Pipeline) -> None:
            try:
                batch = to_batch(pipeline.registry, chunk, aside)
                if batch.new_datastreams or (batch.new_sources and not self._past):
                    self._recorder.names_changed()
                if not self._past:
                    pipeline.also_heard(batch.messages)
                self._recorder.store.writer.submit(batch, end)
            except Exception as error:  # whoever waits for it is told at once
                done.set_exception(error)

        def end(outcome: Committed | BaseException) -> None:
            if isinstance(outcome, Committed):
                self._recorder.took_in(outcome, past=self._past)
            _settle(done, outcome)

        self._recorder.inlet.between(convert)
        return done

    def take(self, chunk: ReceivedChunk) -> int:
        return _stored(self.submit(chunk))


class StoreDoor:
    """Into a store whose lock this process holds, with no recorder."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._registry = Registry(store.datastreams(), sorted(store.sources().items()))

    def submit(
        self, chunk: ReceivedChunk, aside: tuple[Quarantined, ...] = ()
    ) -> Future[Committed]:
        """Queue the chunk; the future is done when it is committed."""
        done: Future[Committed] = Future()
        batch = to_batch(self._registry, chunk, aside)
        self._store.writer.submit(batch, lambda outcome: _settle(done, outcome))
        return done

    def take(self, chunk: ReceivedChunk) -> int:
        return _stored(self.submit(chunk))


def _settle(done: Future[Committed], outcome: Committed | BaseException) -> None:
    """A full disk is told and is not the end: the batch waits in the writer."""
    if done.done():  # it was told that it would not be stored, and was after all
        return
    if isinstance(outcome, Committed):
        done.set_result(outcome)
    elif not (isinstance(outcome, LamplighterError) and outcome.problem.code == "A-401"):
        done.set_exception(outcome)


def _stored(future: Future[Committed]) -> int:
    try:
        committed = future.result(PATIENCE_S)
    except TimeoutError:
        raise fault("A-401", what="records were to be taken in") from None
    return sum(account.stored for _, account in committed.accounts)
