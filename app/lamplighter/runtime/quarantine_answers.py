"""Answers about what was set aside. Every change needs the right to it and is audited."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lamplighter.domain import wire
from lamplighter.domain.field_message import OBSERVATIONS, RawMessage
from lamplighter.domain.observation import Committed, PointColumns, Retried
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.domain.quarantine import AsideRow, as_csv, as_json_lines
from lamplighter.governance.roles import Permission
from lamplighter.pipeline import Pipeline
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.feeds import mapping_of
from lamplighter.store import Store
from lamplighter.store.commit import KEPT_BODIES

SHOWN_BODY: Final = 20_000
MOST_AT_ONCE: Final = 1_000
ANSWER_S: Final = 15.0
_TAKEN: Final = "S-201"
_NO_VALUE: Final = frozenset({"D-101", "D-102", "D-106"})
"""what was sent is no number: there is nothing to store, whatever rules hold"""


class QuarantineAnswers(Answering):
    """See the module."""

    def table(self) -> Table:
        return {
            wire.GetQuarantine: lambda ask: listed(self._recorder.store, ask),
            wire.RetryQuarantined: self._retry,
            wire.DeleteQuarantined: self._delete,
            wire.ExportQuarantined: self._export,
        }

    # ---------------------------------------------------------------- retry
    def _retry(self, ask: wire.RetryQuarantined) -> wire.Reply:
        self._need(Permission.FEED, "quarantine")
        recorder = self._recorder
        rows = recorder.store.aside_rows(limit=MOST_AT_ONCE, only=ask.numbers[:MOST_AT_ONCE])
        outcomes: dict[int, Future[str]] = {row.number: Future() for row in rows}

        def work(pipeline: Pipeline) -> None:
            for row in reversed(rows):  # in the order in which they came
                try:
                    self._again(pipeline, row, outcomes[row.number])
                except Exception as error:
                    outcomes[row.number].set_result(f"it failed: {type(error).__name__}")

        recorder.inlet.between(work)
        done, still = [], []
        for number, outcome in sorted(outcomes.items()):
            why = outcome.result(ANSWER_S)
            if why:
                still.append((number, why))
            else:
                done.append(number)
        still += [(n, "there is no such row") for n in ask.numbers if n not in outcomes]
        self._audit(
            "retry quarantine",
            f"{len(done)} of {len(ask.numbers)} stored: {_short(done)}",
            ask.reason,
        )
        return wire.QuarantineRetried(tuple(done), tuple(still))

    def _again(self, pipeline: Pipeline, row: AsideRow, outcome: Future[str]) -> None:
        """On the decoding thread; `outcome` gets an empty text once it is stored."""
        if row.code == _TAKEN:
            outcome.set_result("its number is taken by another value: it can be exported")
            return
        if row.code in _NO_VALUE:
            outcome.set_result("what was sent is no value that can be stored")
            return
        message = self._message(row)
        if message is None:
            outcome.set_result("too little of it was kept to read it again")
            return
        batch = pipeline.again(message)
        if not len(batch.points):
            reason = batch.quarantined[0].reason if batch.quarantined else "no value in it"
            rest = replace(
                batch, messages=(), points=PointColumns.empty(), quarantined=(), refused=(),
                refused_tokens=(),
            )  # fmt: skip
            if not rest.is_empty:
                self._recorder.inlet.put(rest, pipeline, lambda _: None)
            outcome.set_result(reason)
            return
        retried = (Retried(row.number, row.source, row.points),)

        def told(result: Committed | BaseException) -> None:
            if not outcome.done():
                stored = isinstance(result, Committed)
                outcome.set_result("" if stored else f"it waits to be written: {result}")

        self._recorder.inlet.put(replace(batch, retried=retried), pipeline, told)

    def _message(self, row: AsideRow) -> RawMessage | None:
        """The message of a row as its feed would have brought it; None when that is not kept."""
        body = row.body
        if not body:
            return None
        feed = self._feed_for(row.topic)
        if not feed and row.topic.startswith(OBSERVATIONS):
            body = _whole(body, row.received_ms)
        mono = self._recorder.clock.monotonic_ms()
        return RawMessage(row.topic, body, row.received_ms, -1, feed, mono)

    def _feed_for(self, topic: str) -> str:
        """The feed whose mapping reads this topic; empty for native messages."""
        for config in self._recorder.feed_configs():
            try:
                mapping = mapping_of(config)
            except LamplighterError:
                continue
            if mapping is not None and mapping.captures(topic) is not None:
                return config.id
        return ""

    # ---------------------------------------------------------------- delete, export
    def _delete(self, ask: wire.DeleteQuarantined) -> wire.Reply:
        self._need(Permission.FEED, "quarantine")
        count = delete(self._recorder.store, ask)
        self._recorder.inlet.between(lambda pipeline: pipeline.quarantine_freed())
        what = f"{count} rows" + (f" of {ask.code}" if ask.code else f": {_short(ask.numbers)}")
        self._audit("delete quarantine", what, ask.reason)
        return wire.Ok(str(count))

    def _export(self, ask: wire.ExportQuarantined) -> wire.Reply:
        self._need(Permission.VIEW, "quarantine")
        count = export(self._recorder.store, ask)
        self._audit("export quarantine", f"{count} rows to {Path(ask.path).name}")
        return wire.Ok(str(count))


def listed(store: Store, ask: wire.GetQuarantine) -> wire.Quarantine:
    """Rows and sums, the newest first."""
    names = store.sources()
    kept, oldest = store.aside_kept()
    rows = store.aside_rows(limit=min(ask.limit, MOST_AT_ONCE), before=ask.before, code=ask.code)
    return wire.Quarantine(
        tuple(_shown(row, names) for row in rows),
        tuple(
            (code, entries, points, kept.get(code, 0))
            for code, (entries, points) in sorted(store.quarantine_totals().items())
            if entries
        ),
        KEPT_BODIES,
        oldest,
    )


def delete(store: Store, ask: wire.DeleteQuarantined) -> int:
    """Delete rows by number, or all of one reason; a reason must be given (U-801)."""
    if not ask.reason.strip():
        raise fault("U-801", what="deleting needs a reason", name="quarantine delete")
    numbers = list(ask.numbers)
    if ask.code:
        numbers += [r.number for r in store.aside_rows(limit=1_000_000, code=ask.code)]
    return store.writer.call(lambda access: access.drop_aside(numbers)).result()


def export(store: Store, ask: wire.ExportQuarantined) -> int:
    """Write rows into a file; says how many. Raises LamplighterError (I-507) when it cannot."""
    rows = store.aside_rows(limit=1_000_000, code=ask.code, only=ask.numbers)
    names = store.sources()
    path = Path(ask.path)
    text = as_csv(rows, names) if path.suffix.lower() == ".csv" else as_json_lines(rows, names)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise fault("U-804", name=path.name, what=error.strerror or str(error)) from None
    return len(rows)


def _shown(row: AsideRow, names: dict[int, str]) -> wire.QuarantineRow:
    return wire.QuarantineRow(
        row.number,
        names.get(row.source, ""),
        row.topic,
        row.received_ms,
        row.code,
        row.reason,
        row.points,
        row.body[:SHOWN_BODY].decode("utf-8", "replace"),
        len(row.body),
        bool(row.body),
    )


def _whole(body: bytes, received_ms: int) -> bytes:
    """A native message for a single point that was set aside; a whole message stays as it is."""
    try:
        point: Any = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(point, list) or len(point) < 2 or not isinstance(point[0], str):
        return body
    if len(point) == 2:  # a name and its value: the time it came is the best there is
        point = [point[0], received_ms, point[1]]
    return json.dumps({"epoch": 0, "seq": 0, "points": [point]}).encode()


def _short(numbers: Any) -> str:
    rows = [str(n) for n in numbers]
    return ", ".join(rows[:12]) + (f" and {len(rows) - 12} more" if len(rows) > 12 else "")
