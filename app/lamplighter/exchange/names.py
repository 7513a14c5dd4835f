"""The historian's numbers for our sources, datastreams and words.

A name the historian cannot hold (a NUL in it, too long for its index) gets the number -1 and the
reason: what carries it is set aside, the rest goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.exchange import StoreNames

if TYPE_CHECKING:
    from lamplighter.exchange.link import Connection

NONE: Final = -1
LONGEST: Final = 2_000
"""bytes of a name that surely fit into an index row"""


class HistorianNames:
    """Asked once per name; one connection at a time."""

    def __init__(self) -> None:
        self._sources: dict[int, int] = {}
        self._streams: dict[int, int] = {}
        self._words: dict[tuple[int, int], int] = {}
        self._by_name: dict[str, int] = {}
        self._textual: set[int] = set()
        self._learned: StoreNames | None = None
        self.reasons: dict[str, str] = {}
        """name -> why the historian cannot hold it"""

    def learn(self, connection: Connection, names: StoreNames) -> None:
        """Register what is new. Each insert stands alone, so consoles never wait in a circle.

        A datastream that has got its first word is another one for the historian.
        """
        if names is self._learned:
            return
        for number in names.words.keys() - self._textual:
            self._streams.pop(number, None)
            self._textual.add(number)
        for number, name in sorted(names.sources.items()):
            if number not in self._sources:
                self._sources[number] = self._source(connection, name)
        for number, stream in sorted(names.datastreams.items()):
            if number in self._streams:
                continue
            source = self._source(connection, stream.source)
            text = number in names.words
            self._streams[number] = self._stream(connection, source, stream.name, text, stream.unit)
        for number, words in names.words.items():
            stream_id = self._streams.get(number, NONE)
            for code, text_ in words.items():
                if (number, code) not in self._words:
                    self._words[number, code] = self._word(connection, stream_id, text_)
        self._learned = names

    def source(self, number: int) -> int:
        return self._sources.get(number, NONE)

    def streams(self, numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """The historian's number of each; -1 where there is none."""
        distinct, inverse = np.unique(numbers, return_inverse=True)
        found = np.array([self._streams.get(int(n), NONE) for n in distinct], np.int64)
        return found[inverse] if len(distinct) else np.empty(0, np.int64)

    def values(
        self,
        numbers: npt.NDArray[np.int32],
        values: npt.NDArray[np.float64],
        names: StoreNames,
    ) -> npt.NDArray[np.float64]:
        """Values with the codes of words translated; NaN where a word cannot be held."""
        textual = [n for n in names.words if bool((numbers == n).any())]
        if not textual:
            return values
        found = values.copy()
        for number in textual:
            rows = np.flatnonzero(numbers == number)
            codes = [
                self._words.get((number, int(v)), NONE) if v == v else NONE for v in values[rows]
            ]
            found[rows] = np.where(np.array(codes) >= 0, codes, np.nan)
        return found

    # ------------------------------------------------------------ one name
    def _source(self, connection: Connection, name: str) -> int:
        if name in self._by_name:
            return self._by_name[name]
        number = self._number(
            connection,
            name,
            "INSERT INTO lamplighter.source(name) VALUES(%s) ON CONFLICT DO NOTHING",
            "SELECT id FROM lamplighter.source WHERE name=%s",
            (name,),
        )
        self._by_name[name] = number
        return number

    def _stream(self, connection: Connection, source: int, name: str, text: bool, unit: str) -> int:
        if source == NONE:
            return NONE
        known = "SELECT id FROM lamplighter.datastream WHERE source=%s AND name=%s AND text=%s"
        made = (
            "INSERT INTO lamplighter.datastream(source, name, text, unit)"
            " VALUES(%s, %s, %s, %s) ON CONFLICT DO NOTHING"
        )
        unit = unit.replace("\0", "")
        return self._number(connection, name, made, known, (source, name, text), (unit,))

    def _word(self, connection: Connection, stream: int, word: str) -> int:
        if stream == NONE:
            return NONE
        return self._number(
            connection,
            word,
            "INSERT INTO lamplighter.word(datastream, text) VALUES(%s, %s) ON CONFLICT DO NOTHING",
            "SELECT code FROM lamplighter.word WHERE datastream=%s AND text=%s",
            (stream, word),
        )

    def _number(
        self,
        connection: Connection,
        name: str,
        insert: str,
        select: str,
        key: tuple[Any, ...],
        more: tuple[Any, ...] = (),
    ) -> int:
        if "\0" in name or len(name.encode("utf-8", "surrogatepass")) > LONGEST:
            self.reasons[name] = "its name has a NUL or is too long for the historian"
            return NONE
        row = connection.execute(select.encode(), key).fetchone()
        if row is None:
            connection.execute(insert.encode(), (*key, *more))
            row = connection.execute(select.encode(), key).fetchone()
        return int(row[0]) if row else NONE
