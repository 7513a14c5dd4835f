"""OGC SensorThings: datastreams found by themselves, observations polled, and by MQTT when asked.

One list of datastreams brings the newest observations of each; only where the list does not reach
back to what was taken before (a server may show fewer than it is asked for) are the rest fetched.
What MQTT brings is told apart from what the poll brings, so nothing is taken twice and nothing is
missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

from lamplighter.domain.clock import iso
from lamplighter.domain.problems import fault, problem
from lamplighter.sources.feed import broker_address, login_of
from lamplighter.sources.json_page import text_of, time_of, tree_of, value_of
from lamplighter.sources.own_feeds import Wish, bad
from lamplighter.sources.own_source import Point
from lamplighter.sources.reading import Found, Odd, Unreadable
from lamplighter.sources.web_feed import WebFeed

INTERVAL_S: Final = 30.0
PAGE: Final = 100
NEWEST: Final = 20
MOST_STREAMS: Final = 20_000
MOST_PAGES: Final = 500


@dataclass(frozen=True, slots=True)
class Stream:
    """A datastream of the server."""

    id: str
    """as it stands in an address: a number, or a text in quotes"""
    name: str
    unit: str
    thing: str


class SensorThingsFeed(WebFeed):
    """`sensorthings+http(s)://host/path/v1.1[#interval=30&mqtt=mqtt://host:1883]`."""

    def __init__(self, wish: Wish) -> None:
        """Raises U-801 when the address cannot be."""
        super().__init__(wish, interval_s=INTERVAL_S)
        self._base = wish.address.rstrip("/")
        self._mqtt = wish.options.get("mqtt", "")
        if self._mqtt:
            broker_address(self._mqtt)
            if login_of(self._mqtt).password:
                raise bad(wish, "the login of the address holds for its broker as well")
        self._streams: dict[str, Stream] = {}
        self._names: set[str] = set()
        self._left_out = False
        """it has more datastreams than are read"""
        self._listener: Any = None
        self.homes: dict[str, str] = {}
        """datastream -> the id of the thing it belongs to"""

    async def _ask(self) -> None:
        expand = (
            "Thing($select=id,name),"
            f"Observations($top={NEWEST};$orderby=phenomenonTime desc;"
            "$select=id,phenomenonTime,result)"
        )
        url: str | None = f"{self._base}/Datastreams?$top={PAGE}&$expand={quote(expand, '$=(),;')}"
        whole = Found()
        body = b""
        for _ in range(MOST_PAGES):
            if url is None:
                break
            answer = await self._get(url)
            if answer.unchanged:
                self._web_forget()
                continue
            body = answer.body
            tree = tree_of(body)
            rows = tree.get("value") if isinstance(tree, dict) else None
            if not isinstance(rows, list):
                why = tree if isinstance(tree, Unreadable) else Unreadable("D-113", "no list")
                self._found(why, body)
                return
            for row in rows:
                await self._row(row, whole)
            url = self._next(tree, url)
        self._found(whole, body)
        if self._left_out:
            what = f"it has more than {MOST_STREAMS:,} datastreams; the others are not read"
            self._warning = problem("N-304", name=self.what, what=what)
        self._listen()

    def _web_forget(self) -> None:
        """A page that is as it was helps nobody here: it is asked for anew."""
        if self._web is not None:
            self._web.forget()

    async def _row(self, row: Any, whole: Found) -> None:
        stream = stream_of(row) if isinstance(row, dict) else None
        if stream is None:
            return
        known = self._known(stream)
        if known is None:
            self._left_out = True
            return
        stream = known
        if stream.unit:
            whole.units[stream.name] = stream.unit
        observations = row.get("Observations", [])
        found = list(observations) if isinstance(observations, list) else []
        newest = self._news.newest.get(stream.name)
        if newest is not None and found:
            times = [time_of(o.get("phenomenonTime")) for o in found if isinstance(o, dict)]
            if all(time is not None and time > newest for time in times):
                found += await self._rest(stream, newest)
        read_observations(stream.name, found, whole)

    def _known(self, stream: Stream) -> Stream | None:
        """The stream under a name of its own; None for one too many."""
        before = self._streams.get(stream.id)
        if before is not None:
            return before
        if len(self._streams) >= MOST_STREAMS:
            return None
        if stream.name in self._names:
            stream = Stream(stream.id, f"{stream.name} {stream.id}", stream.unit, stream.thing)
        self._names.add(stream.name)
        self._streams[stream.id] = stream
        self.homes[stream.name] = stream.thing
        return stream

    async def _rest(self, stream: Stream, newest: int) -> list[Any]:
        """All observations since the newest that was taken."""
        since = quote(f"phenomenonTime gt {iso(newest)}")
        path = f"Datastreams({quote(stream.id)})/Observations"
        url: str | None = (
            f"{self._base}/{path}?$filter={since}&$orderby=phenomenonTime%20asc"
            "&$select=id,phenomenonTime,result&$top=1000"
        )
        found: list[Any] = []
        for _ in range(MOST_PAGES):
            if url is None:
                break
            tree = tree_of((await self._get(url)).body)
            rows = tree.get("value") if isinstance(tree, dict) else None
            found += rows if isinstance(rows, list) else []
            url = self._next(tree, url)
        return found

    def _next(self, tree: Any, url: str) -> str | None:
        link = tree.get("@iot.nextLink", tree.get("@nextLink")) if isinstance(tree, dict) else None
        if not isinstance(link, str):
            return None
        target = urljoin(url, link)
        if urlsplit(target).hostname != self._wish.host:
            raise fault("N-304", name=self.what, what=f"it leads to {urlsplit(target).hostname}")
        return target

    # ---------------------------------------------------------------- MQTT
    def _listen(self) -> None:
        """Hear new observations at once, beside the poll."""
        if not self._mqtt:
            return
        if self._listener is None:
            loop = asyncio.get_running_loop()

            def heard(topic: str, payload: bytes) -> None:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._heard, topic, payload)

            from lamplighter.sources.sensorthings_mqtt import Listener

            self._listener = Listener(self._mqtt, heard, self._wish.who())
        version = urlsplit(self._base).path.rstrip("/").rpartition("/")[2] or "v1.1"
        self._listener.follow({f"{version}/Datastreams({s})/Observations" for s in self._streams})

    def _heard(self, topic: str, payload: bytes) -> None:
        stream = self._streams.get(topic.partition("Datastreams(")[2].partition(")")[0])
        tree = tree_of(payload)
        if stream is None:
            return
        if not isinstance(tree, dict):
            why = tree if isinstance(tree, Unreadable) else Unreadable("D-113", "no observation")
            self.source.set_aside(payload, why.what, why.code)
            return
        found = Found()
        read_observations(stream.name, [tree], found)
        fresh = self._news.one_by_one(found.points)
        if fresh:
            units = {stream.name: stream.unit} if stream.unit else None
            note = {p.name: self._news.newest[p.name] for p in fresh if p.name in self._news.newest}
            self.source.put(fresh, units=units, original=payload, note=note)

    async def _close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await asyncio.get_running_loop().run_in_executor(None, listener.stop)
        await super()._close()


def stream_of(row: Mapping[str, Any]) -> Stream | None:
    """A datastream of a list; None when it has no id."""
    number = row.get("@iot.id", row.get("id"))
    if isinstance(number, bool) or not isinstance(number, int | str):
        return None
    identity = str(number) if isinstance(number, int) else "'" + number.replace("'", "''") + "'"
    thing = row.get("Thing")
    thing = thing if isinstance(thing, dict) else {}
    unit = row.get("unitOfMeasurement")
    symbol = text_of(unit.get("symbol") or unit.get("name")) if isinstance(unit, dict) else ""
    parts = [text_of(thing.get("name")), text_of(row.get("name")) or str(number)]
    name = "/".join(part.replace("/", "-") for part in parts if part)
    return Stream(identity, name[:390], symbol, text_of(thing.get("@iot.id", thing.get("id"))))


def read_observations(name: str, rows: list[Any], into: Found) -> None:
    """Observations as points; a result that is neither number nor text is set aside."""
    for row in rows:
        if not isinstance(row, dict):
            continue
        time = time_of(row.get("phenomenonTime")) or time_of(row.get("resultTime"))
        value = value_of(row.get("result"))
        if value is None:
            body = str(row.get("result"))[:1000].encode("utf-8", "replace")
            code = "D-101" if row.get("result") is None else "D-107"
            into.odd.append(Odd(name, code, "a result that is no number or text", body))
        else:
            into.points.append(Point(name, time, value))
