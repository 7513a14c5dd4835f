"""Names become small dense numbers here, once, for the whole path behind the pipeline.

The registry hands out ids for sources and datastreams and codes for the words of text states. It
refuses to grow without limit: a device that invents names cannot fill the memory.
"""

from __future__ import annotations

from collections.abc import Iterable

from lamplighter.domain.city import Datastream
from lamplighter.domain.observation import NewDatastream, NewState


class Registry:
    """Ids for (source, name). Not thread-safe: it belongs to the thread that decodes."""

    def __init__(
        self,
        datastreams: Iterable[Datastream] = (),
        sources: Iterable[tuple[int, str]] = (),
        *,
        names_per_source: int = 20_000,
        source_limit: int = 10_000,
        words_per_datastream: int = 256,
    ) -> None:
        self._names_per_source = names_per_source
        self._source_limit = source_limit
        self._words_limit = words_per_datastream
        self._source_ids: dict[str, int] = {}
        self._source_names: list[str] = []
        self._numbers: list[dict[str, int]] = []
        self._texts: list[dict[str, int]] = []
        self._words: dict[int, dict[str, int]] = {}
        self._declared: set[int] = set()
        self._unit_of: dict[int, tuple[str, str]] = {}
        self._next_datastream = 0
        self._new_sources: list[tuple[int, str]] = []
        self._new_streams: list[NewDatastream] = []
        self._new_words: list[NewState] = []
        for number, name in sorted(sources):
            self._put_source(number, name)
        for stream in datastreams:
            self.adopt(stream)

    # ---------------------------------------------------------------- what is already known
    def adopt(self, stream: Datastream) -> None:
        """Take a datastream that has its id already (from the store or an import)."""
        source = self._source_ids.get(stream.source)
        if source is None:
            source = len(self._source_names)
            self._put_source(source, stream.source)
            self._new_sources.append((source, stream.source))
        if stream.states:
            self._numbers[source].pop(stream.name, None)
            self._texts[source][stream.name] = stream.id
            self._words[stream.id] = {word: code for code, word in enumerate(stream.states)}
        elif stream.name not in self._texts[source]:
            self._numbers[source][stream.name] = stream.id
        if stream.kind:
            self._declared.add(stream.id)
        if stream.unit:
            self._unit_of[stream.id] = stream.unit, stream.kind
        self._next_datastream = max(self._next_datastream, stream.id + 1)

    def unit_of(self, datastream: int) -> tuple[str, str]:
        """(unit, kind) of a datastream; empty texts where nobody said."""
        return self._unit_of.get(datastream, ("", ""))

    def known_source(self, name: str) -> int | None:
        return self._source_ids.get(name)

    def source_name(self, source: int) -> str:
        """The name of a source id; empty when there is none."""
        return self._source_names[source] if 0 <= source < len(self._source_names) else ""

    # ---------------------------------------------------------------- handing out
    def source(self, name: str) -> int | None:
        """The id of a source, a new one when needed; None when there are too many."""
        found = self._source_ids.get(name)
        if found is not None:
            return found
        if len(self._source_names) >= self._source_limit:
            return None
        number = len(self._source_names)
        self._put_source(number, name)
        self._new_sources.append((number, name))
        return number

    def numbers(self, source: int) -> dict[str, int]:
        """Name -> id of the source's datastreams with numeric values. Do not change it."""
        return self._numbers[source]

    def texts(self, source: int) -> dict[str, int]:
        """Name -> id of the source's datastreams whose values are words. Do not change it."""
        return self._texts[source]

    def create(self, source: int, name: str, *, text: bool, unit: str = "") -> int | None:
        """A new unbound datastream; None when the source has too many names already."""
        if len(self._numbers[source]) + len(self._texts[source]) >= self._names_per_source:
            return None
        number = self._next_datastream
        self._next_datastream += 1
        (self._texts if text else self._numbers)[source][name] = number
        if text:
            self._words[number] = {}
        if unit:
            self._unit_of[number] = unit, ""
        self._new_streams.append(NewDatastream(number, source, name, text, unit))
        return number

    def code(self, datastream: int, word: str) -> int | None:
        """The code of a word of a text datastream; None when it has too many words already."""
        words = self._words.setdefault(datastream, {})
        found = words.get(word)
        if found is not None:
            return found
        if len(words) >= self._words_limit:
            return None
        code = len(words)
        words[word] = code
        self._new_words.append(NewState(datastream, code, word))
        return code

    def accepts_code(self, datastream: int, value: float) -> bool:
        """True when a declared text datastream may take this number as one of its codes."""
        if datastream not in self._declared:
            return False
        return value.is_integer() and 0 <= value < len(self._words.get(datastream, ()))

    def take_new(
        self,
    ) -> tuple[tuple[tuple[int, str], ...], tuple[NewDatastream, ...], tuple[NewState, ...]]:
        """What was handed out since the last call; it belongs into the next batch."""
        fresh = tuple(self._new_sources), tuple(self._new_streams), tuple(self._new_words)
        self._new_sources, self._new_streams, self._new_words = [], [], []
        return fresh

    def _put_source(self, number: int, name: str) -> None:
        while len(self._source_names) <= number:
            self._source_names.append("")
            self._numbers.append({})
            self._texts.append({})
        self._source_names[number] = name
        self._source_ids[name] = number
