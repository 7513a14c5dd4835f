"""Names and numbers of sources and datastreams, as the writer knows them.

Numbers are dense from 0 in order of creation and never used twice.
"""

from __future__ import annotations

import sqlite3

import msgspec

from lamplighter.domain.observation import Batch, IntArray, NewDatastream, NewState


class RegistryEntry(msgspec.Struct, frozen=True, array_like=True):
    """What a batch added; kept with the batch, so its hash covers the names too."""

    sources: tuple[tuple[int, str], ...]
    datastreams: tuple[NewDatastream, ...]
    states: tuple[NewState, ...]


class Registry:
    """Used by the writer thread alone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self.sources: dict[int, str] = {}
        self.datastreams: dict[int, tuple[int, str]] = {}
        self._source_ids: dict[str, int] = {}
        self._ids: dict[tuple[int, str], int] = {}
        self.reload()

    def reload(self) -> None:
        """Forget what a failed transaction had added."""
        self.sources = dict(self._sql.execute("SELECT id, name FROM source").fetchall())
        self.datastreams = {
            i: (s, n) for i, s, n in self._sql.execute("SELECT id, source, name FROM datastream")
        }
        self._source_ids = {name: i for i, name in self.sources.items()}
        self._ids = {key: i for i, key in self.datastreams.items()}

    def take_over(self, other: Registry) -> None:
        """Write the names another registry knows and this one lacks: its file was damaged."""
        for source, name in other.sources.items():
            if source not in self.sources:
                self._add_source(source, name)
            elif self.sources[source] != name:
                self._sql.execute("UPDATE source SET name=? WHERE id=?", (name, source))
        for number, (source, name) in other.datastreams.items():
            if number not in self.datastreams:
                self._add_datastream(NewDatastream(number, source, name), 0)
        self.reload()

    def source_name(self, source: int, new: tuple[tuple[int, str], ...] = ()) -> str:
        return self.sources.get(source) or dict(new).get(source, "?")

    def datastream_name(self, datastream: int, new: tuple[NewDatastream, ...] = ()) -> str:
        if datastream in self.datastreams:
            return self.datastreams[datastream][1]
        return next((d.name for d in new if d.id == datastream), "?")

    def find(self, source: str, name: str) -> int | None:
        return self._ids.get((self._source_ids.get(source, -1), name))

    def write(self, batch: Batch, number: int) -> bytes | None:
        """Add what the batch brings. Raises ValueError when a number is taken by another name."""
        if not (batch.new_sources or batch.new_datastreams or batch.new_states):
            return None
        self.adopt(batch, number)
        self._sql.executemany(
            "INSERT OR IGNORE INTO state_word VALUES(?,?,?)",
            [(s.datastream, s.code, s.text) for s in batch.new_states],
        )
        return msgspec.msgpack.encode(
            RegistryEntry(batch.new_sources, batch.new_datastreams, batch.new_states)
        )

    def adopt(self, batch: Batch, number: int) -> None:
        """Register what a waiting batch brings ahead of it, so that nobody takes its numbers."""
        for source in batch.new_sources:
            self._add_source(*source)
        for entry in batch.new_datastreams:
            self._add_datastream(entry, number)

    def ensure(self, source: str, name: str, *, text: bool, batch: int) -> NewDatastream | None:
        """Create (source, name) when it is missing."""
        if self.find(source, name) is not None:
            return None
        number = self._source_ids.get(source)
        if number is None:
            number = max(self.sources, default=-1) + 1
            self._add_source(number, source)
        fresh = max(self.datastreams, default=-1) + 1
        entry = NewDatastream(fresh, number, name, text)
        self._add_datastream(entry, batch)
        return entry

    def expect(self, datastream: IntArray, sources: set[int]) -> None:
        """Raises ValueError when a number has no name: such points could never be read again."""
        nameless = sources - self.sources.keys()
        if nameless:
            raise ValueError(f"source {min(nameless)} has no name")
        if datastream.shape[0]:
            low, high = int(datastream.min()), int(datastream.max())
            for number in (low, high):
                if number not in self.datastreams:
                    raise ValueError(f"datastream {number} has no name")

    def _add_source(self, number: int, name: str) -> bool:
        known = self.sources.get(number)
        if known == name:
            return False
        if known is not None or name in self._source_ids:
            raise ValueError(f"source {number} '{name}' is registered otherwise")
        self._sql.execute("INSERT INTO source VALUES(?,?)", (number, name))
        self.sources[number] = name
        self._source_ids[name] = number
        return True

    def _add_datastream(self, entry: NewDatastream, batch: int) -> bool:
        key = (entry.source, entry.name)
        if self.datastreams.get(entry.id) == key:
            return False
        if entry.id in self.datastreams or key in self._ids:
            raise ValueError(f"datastream {entry.id} '{entry.name}' is registered otherwise")
        self._sql.execute(
            "INSERT INTO datastream VALUES(?,?,?,?,?,?)",
            (entry.id, entry.source, entry.name, int(entry.text), batch, entry.unit),
        )
        self.datastreams[entry.id] = key
        self._ids[key] = entry.id
        return True
