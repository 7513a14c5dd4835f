"""Takes away what a project's rule says is old enough, whole segments at a time.

Each expiry leaves the segment's hash, the head of its chain and a signed note in the catalogue, so
that `verify` can tell what expired from what is missing. Points around transitions of alarms are
written into a smaller segment first and stay as long as the rollups do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.domain.retention import Retention
from lamplighter.store import catalogue, facts
from lamplighter.store.catalogue import DAY_MS, ExpiryNote, Tier
from lamplighter.store.sealer import Sealer
from lamplighter.store.segment import ENDING, Segment, SegmentAbout
from lamplighter.store.slices import Letters, Slice, SlicePoints, heads_of_columns

SETTING: Final = "retention"
_STEP: Final = 24
Array = npt.NDArray[Any]


class _Event(msgspec.Struct):
    """The part of an alarm's transition that counts here."""

    time_ms: int


def stored_retention(city: sqlite3.Connection) -> Retention:
    """The project's rule; everything is kept when none was set."""
    text = facts.one(city, facts.SETTING, SETTING, str)
    try:
        return msgspec.json.decode(text, type=Retention) if text else Retention()
    except msgspec.MsgspecError:
        return Retention()


def expire(
    sealer: Sealer, city: sqlite3.Connection, policy: Retention, until: int | None = None
) -> list[str]:
    """Carry the rule out; says which segments were taken away or thinned. Of batches after `until`
    nothing is taken: somebody else waits for them.
    """
    if not policy.raw_days:
        return []
    now = sealer.clock.wall_ms()
    raw_before = now - policy.raw_days * DAY_MS
    done: list[str] = []
    windows: Array | None = None
    for about in catalogue.aged(sealer.sql, "'sealed'", raw_before, now):
        if sealer.stopping or (until is not None and about.to_batch > until):
            break
        if windows is None:
            windows = alarm_windows(city, policy.alarm_minutes * 60_000)
        _thin(sealer, about, windows, policy, now)
        done.append(about.name)
    if policy.rollup_days:
        done += _end(sealer, now - policy.rollup_days * DAY_MS, policy, now)
    remove_files(sealer)
    sealer.report.expired += done
    return done


def alarm_windows(city: sqlite3.Connection, around_ms: int) -> Array:
    """Rows (first ms, last ms), sorted and disjoint: the surroundings of all transitions."""
    if not around_ms:
        return np.empty((0, 2), np.int64)
    decoder = msgspec.msgpack.Decoder(_Event)
    times = []
    for (body,) in city.execute(
        "SELECT body FROM fact WHERE kind=? AND body IS NOT NULL", (facts.ALARM_EVENT,)
    ):
        try:
            times.append(decoder.decode(body).time_ms)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    if not times:
        return np.empty((0, 2), np.int64)
    at = np.unique(np.array(times, np.int64))
    starts = np.flatnonzero(np.append(True, np.diff(at) > 2 * around_ms))
    ends = np.append(starts[1:], at.shape[0]) - 1
    return np.stack([at[starts] - around_ms, at[ends] + around_ms], axis=1)


def _inside(time_ms: Array, windows: Array) -> Array:
    if not windows.shape[0]:
        return np.zeros(time_ms.shape[0], bool)
    at = np.searchsorted(windows[:, 0], time_ms, side="right") - 1
    found: Array = (at >= 0) & (time_ms <= windows[np.maximum(at, 0), 1])
    return found


def _thin(sealer: Sealer, about: SegmentAbout, windows: Array, policy: Retention, now: int) -> None:
    touched = bool(((windows[:, 0] <= about.last_ms) & (windows[:, 1] >= about.first_ms)).any())
    kept: SegmentAbout | None = None
    if touched and about.points:
        try:
            kept = _write_kept(sealer, about, windows)
        except (ValueError, sqlite3.Error):
            kept = None
        if kept is None:
            return  # damaged: it stays, where `verify` locates it
        if not kept.points:
            (sealer.folder / f"{kept.name}{ENDING}").unlink(missing_ok=True)
            kept = None
    note = msgspec.msgpack.encode(
        ExpiryNote(
            name=about.name,
            from_batch=about.from_batch,
            to_batch=about.to_batch,
            hash=about.hash,
            head=about.head,
            points=about.points,
            kept=kept.points if kept else 0,
            kept_hash=kept.hash if kept else b"",
            expired_ms=now,
            policy=policy.words,
            names=blake2b(about.names, digest_size=16).digest(),
        )
    )
    signature = sealer.sign(note)
    if kept is None:
        sealer.chore(partial(catalogue.expire, name=about.name, note=note, signature=signature))
    else:
        thinned = msgspec.structs.replace(
            kept, state="thinned", note=note, signature=signature, tier=about.tier
        )
        sealer.chore(partial(catalogue.enter, about=thinned, replaced=[about.name]))
    sealer.reached("expired")


def _write_kept(sealer: Sealer, about: SegmentAbout, windows: Array) -> SegmentAbout:
    segment = Segment(sealer.folder / f"{about.name}{ENDING}")
    try:
        catalogue.expect_sound(segment, about)
        name = sealer.free_name(f"{about.name}-alarms", about.from_batch)
        return sealer.write(name, Tier(about.tier), about.previous, _kept(segment, windows))
    finally:
        segment.close()


def _kept(segment: Segment, windows: Array) -> Iterator[Slice]:
    for row in segment.slices():
        whole = segment.whole(row.n)
        yield _thinned(whole, _inside(whole.points.time_ms, windows))


def _thinned(whole: Slice, chosen: Array) -> Slice:
    """The slice with the chosen points, the messages that brought them, and all heads."""
    points = whole.points.take(chosen)
    used = np.unique(points.letter)
    letters = whole.letters.take(used)
    order = np.lexsort((letters.index, letters.batch))
    batch = letters.batch[order]
    starts = np.flatnonzero(np.append(True, batch[1:] != batch[:-1])) if len(order) else order
    rank = np.empty(order.shape[0], np.int64)
    lengths = np.diff(np.append(starts, order.shape[0]))
    rank[order] = np.arange(order.shape[0]) - np.repeat(starts, lengths)
    heads = whole.heads
    slots = len(heads)
    count = np.bincount(letters.batch[_rows(used, points)] - heads.first, minlength=slots)
    messages = np.bincount(letters.batch - heads.first, minlength=slots)
    table = np.stack(
        [heads.wall_ms, heads.monotonic_ns, count, messages, heads.first_ms, heads.last_ms], axis=1
    )
    return Slice(
        heads_of_columns(heads.first, table, heads.hashes, heads.extras),
        Letters(
            letters.source, letters.epoch, letters.seq, letters.hash64, letters.received_ms,
            letters.points, letters.batch, rank,
        ),
        SlicePoints(
            points.datastream, points.time_ms, points.value, points.quality,
            _rows(used, points), points.place,
        ),
    )  # fmt: skip


def _rows(used: Array, points: SlicePoints) -> Array:
    found: Array = np.searchsorted(used, points.letter)
    return found


# ---------------------------------------------------------------- the end of the rollups
def _end(sealer: Sealer, before_ms: int, policy: Retention, now: int) -> list[str]:
    """Thinned segments, cells and key-frames of what ended before `before_ms`."""
    done = []
    for about in catalogue.aged(sealer.sql, "'thinned'", before_ms, now):
        old = msgspec.msgpack.decode(about.note, type=ExpiryNote)
        new = msgspec.structs.replace(
            old, kept=0, kept_hash=b"", expired_ms=now, policy=policy.words
        )
        note = msgspec.msgpack.encode(new)
        sealer.chore(
            partial(catalogue.expire, name=about.name, note=note, signature=sealer.sign(note))
        )
        done.append(about.name)
    ended = catalogue.aged(sealer.sql, "'expired'", before_ms, now)
    while ended and not sealer.stopping:
        if not sealer.chore(partial(_drop_cells, last=ended[-1].to_batch)):
            break
    return done


def _drop_cells(sql: sqlite3.Connection, last: int) -> int:
    found = sql.execute(
        "SELECT n FROM flush WHERE to_batch<=? ORDER BY n LIMIT ?", (last, _STEP)
    ).fetchall()
    sql.executemany("DELETE FROM cells WHERE flush=?", found)
    sql.executemany("DELETE FROM flush WHERE n=?", found)
    frames = sql.execute(
        "DELETE FROM snapshot WHERE batch IN (SELECT batch FROM snapshot WHERE batch<"
        " (SELECT max(batch) FROM snapshot WHERE batch<=?) LIMIT ?)",
        (last, _STEP),
    ).rowcount
    return len(found) + int(frames)


def remove_files(sealer: Sealer) -> None:
    """Files of expired segments, also those a crash left behind."""
    for about in catalogue.rows(sealer.sql, "state='expired'"):
        file = sealer.folder / f"{about.name}{ENDING}"
        if file.exists():
            file.unlink(missing_ok=True)
            sealer.reached("removed")
