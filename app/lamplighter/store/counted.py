"""Queries on sources: their names and lives, gaps, accounts, what was set aside, since when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from lamplighter.domain.city import Datastream
from lamplighter.domain.observation import Account, Gap, Quarantined, SourceLife
from lamplighter.store import facts


def datastreams(history: sqlite3.Connection, city: sqlite3.Connection) -> list[Datastream]:
    """By id: the registry joined with what is known of each."""
    names: dict[int, str] = dict(history.execute("SELECT id, name FROM source").fetchall())
    metas = facts.current(city, facts.META, Datastream)
    words: dict[int, list[tuple[int, str]]] = {}
    for stream, code, text in history.execute("SELECT datastream, code, text FROM state_word"):
        words.setdefault(stream, []).append((code, text))
    found = []
    for number, source, name, unit in history.execute(
        "SELECT id, source, name, unit FROM datastream ORDER BY id"
    ):
        key = f"{names.get(source, '?')}/{name}"
        meta = metas.get(key)
        if meta is None:
            meta = Datastream(number, names.get(source, "?"), name, unit, label=name)
        states = _states(words.get(number, ()), meta.states)
        fields = {f: getattr(meta, f) for f in meta.__struct_fields__}
        found.append(Datastream(**fields | {"id": number, "states": states}))
    return found


def _states(words: Iterable[tuple[int, str]], given: tuple[str, ...]) -> tuple[str, ...]:
    pairs = dict(words)
    if not pairs:
        return given
    size = max(max(pairs) + 1, len(given))
    return tuple(pairs.get(i, given[i] if i < len(given) else "") for i in range(size))


def lives(history: sqlite3.Connection) -> list[SourceLife]:
    """What each source said of itself last, by source id."""
    rows = history.execute(
        "SELECT source, epoch, first_seq, next_seq, heartbeat_s, retains, offline, heard_ms"
        " FROM life ORDER BY source"
    )
    return [SourceLife(r[0], r[1], r[2], r[3], r[4], bool(r[5]), bool(r[6]), r[7]) for r in rows]


def gaps(history: sqlite3.Connection, from_ms: int | None, to_ms: int | None) -> list[Gap]:
    """Gaps that touch [from_ms, to_ms), all without bounds; in the order they were found."""
    rows = history.execute(
        "SELECT source, epoch, first, last, found_ms, after_ms, before_ms, state FROM gap"
        " WHERE (:to IS NULL OR after_ms < :to) AND (:from IS NULL OR before_ms = 0"
        " OR before_ms >= :from) ORDER BY found_ms, source, epoch, first",
        {"from": from_ms, "to": to_ms},
    )
    return [Gap(*row) for row in rows]


def sequence_state(
    history: sqlite3.Connection,
) -> dict[tuple[int, int], tuple[tuple[int, int], ...]]:
    """(source, epoch) -> stored seq intervals, both ends included, ascending."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for source, epoch, first, last in history.execute(
        "SELECT source, epoch, first, last FROM key_span ORDER BY source, epoch, first"
    ):
        found.setdefault((source, epoch), []).append((first, last))
    return {key: tuple(spans) for key, spans in found.items()}


def accounts(history: sqlite3.Connection) -> dict[int, Account]:
    """Per source id; -1 is an unknown sender."""
    rows = history.execute(
        "SELECT source, received, stored, duplicate, quarantined, refused FROM account"
    )
    return {row[0]: Account(*row[1:]) for row in rows}


def quarantine(history: sqlite3.Connection, limit: int) -> list[Quarantined]:
    """The newest kept entries, newest first."""
    rows = history.execute(
        "SELECT source, topic, received_ms, code, reason, body, points FROM quarantine"
        " ORDER BY n DESC LIMIT ?",
        (limit,),
    )
    return [Quarantined(*row) for row in rows]


def quarantine_totals(history: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """code -> (entries, points), those included whose bodies were not kept."""
    rows = history.execute("SELECT code, entries, points FROM quarantine_total")
    return {row[0]: (row[1], row[2]) for row in rows}


def first_ms(history: sqlite3.Connection) -> int:
    """Wall time of the oldest batch, 0 when there is none."""
    row = history.execute(
        "SELECT first_wall_ms FROM segment WHERE state IN ('sealed', 'thinned')"
        " ORDER BY from_batch LIMIT 1"
    ).fetchone()
    row = row or history.execute("SELECT wall_ms FROM batch ORDER BY number LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def oldest_ms(history: sqlite3.Connection) -> int:
    """The earliest phenomenon time that is kept, or the first batch's wall time when that is
    earlier; 0 when nothing is. What was brought in as history reaches back before the first batch.
    """
    rows = history.execute(
        "SELECT min(first_ms) FROM flush UNION ALL"
        " SELECT min(first_ms) FROM segment WHERE state IN ('sealed', 'thinned') AND points>0"
        " UNION ALL SELECT min(first_ms) FROM batch WHERE count>0"
    ).fetchall()
    known = [int(row[0]) for row in rows if row[0] is not None]
    first = first_ms(history)
    return min([*known, first]) if first else 0
