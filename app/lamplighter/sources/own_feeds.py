"""Which feed reads which kind of address, for every protocol without native messages.

One table: the scheme of an address and the maker of its feed. The makers import their modules, and
those their protocol libraries, only when such a feed is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.sources.feed import Deliver, Feed, Login, TlsFiles, login_of, masked
from lamplighter.sources.reading import Reader

Stored = Callable[[str], Mapping[str, int]]
"""source name -> newest phenomenon time that is stored, UTC ms, by datastream name"""
LEAST_INTERVAL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Wish:
    """Everything a feed may need to be made."""

    url: str
    feed_id: str
    deliver: Deliver
    clock: Clock
    tls: TlsFiles = field(default_factory=TlsFiles)
    login: Login = field(default_factory=Login)
    mapping: str = ""
    """text of the mapping file"""
    reader: Reader | None = None
    """made of the mapping, for schemes in `READ_BY_MAPPING`"""
    interval_s: float = 0.0
    """what the mapping says"""
    name: str = ""
    """the mapping's name"""
    format: str = "json"
    """json | jsonl | csv, as the mapping says"""
    headed: bool = False
    """the first line of a file names its columns"""
    folder: Path | None = None
    """the project's folder; None: nothing is kept between two starts"""
    stored: Stored | None = None
    """what the store has of a source"""

    @property
    def scheme(self) -> str:
        """The scheme without the transport behind a plus: `still` of `still+https`."""
        return urlsplit(self.url).scheme.partition("+")[0]

    @property
    def address(self) -> str:
        """The address the other side knows: without our prefix, our options and the login."""
        kind, plus, rest = self.url.partition("+")
        url = rest if plus and "://" not in kind else self.url
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=place, fragment="").geturl()

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""

    @property
    def port(self) -> int:
        """The port in the address, else the one of its scheme."""
        parts = urlsplit(self.address)
        return parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)

    @property
    def place(self) -> str:
        """Host and port as they stand in the address."""
        return urlsplit(self.address).netloc

    @property
    def options(self) -> dict[str, str]:
        """What stands behind `#`, as name=value joined by &; it is never sent to the other side.

        A folder knows no other side: there it may stand behind `?` as well.
        """
        parts = urlsplit(self.url)
        text = f"{parts.query}&{parts.fragment}" if parts.scheme == "folder" else parts.fragment
        found = parse_qs(text, keep_blank_values=True)
        return {name: values[-1] for name, values in found.items()}

    def who(self) -> Login:
        """The login given, or the one in the address."""
        return self.login if self.login.user or self.login.password else login_of(self.url)

    def interval(self, default_s: float) -> float:
        """Seconds between two questions: as the address says, else the mapping, else `default_s`.

        Raises U-801 when it is no sensible number.
        """
        text = self.options.get("interval", "")
        seconds = number_of(text, "interval", self) if text else self.interval_s or default_s
        if not LEAST_INTERVAL_S <= seconds <= 86_400:
            raise bad(self, f"an interval of {seconds:g} s is not possible")
        return seconds

    def source(self, default: str = "") -> str:
        """The name of the feed's source: as the user says, else the mapping's, else the host."""
        return self.options.get("source", "") or self.name or default or self.host or self.scheme


def bad(wish: Wish, what: str) -> LamplighterError:
    """U-801 for an address that cannot be."""
    return fault("U-801", what=f"{masked(wish.address)[:120]}: {what}", name="feed")


def number_of(text: str, name: str, wish: Wish) -> float:
    """A number of an option; raises U-801."""
    try:
        return float(text)
    except ValueError:
        raise bad(wish, f"'{name}' is no number") from None


def _http(wish: Wish) -> Feed:
    from lamplighter.sources.http_feed import HttpFeed

    return HttpFeed(wish)


def _modbus(wish: Wish) -> Feed:
    from lamplighter.sources.modbus_feed import ModbusFeed

    return ModbusFeed(wish)


def _opcua(wish: Wish) -> Feed:
    from lamplighter.sources.opcua_feed import OpcUaFeed

    return OpcUaFeed(wish)


def _sensorthings(wish: Wish) -> Feed:
    from lamplighter.sources.sensorthings_feed import SensorThingsFeed

    return SensorThingsFeed(wish)


def _ngsi(wish: Wish) -> Feed:
    from lamplighter.sources.ngsi_feed import NgsiFeed

    return NgsiFeed(wish)


def _gtfs(wish: Wish) -> Feed:
    from lamplighter.sources.gtfs_feed import GtfsRealtimeFeed

    return GtfsRealtimeFeed(wish)


def _folder(wish: Wish) -> Feed:
    from lamplighter.sources.folder_feed import FolderFeed

    return FolderFeed(wish)


def _still(wish: Wish) -> Feed:
    from lamplighter.sources.still_feed import StillFeed

    return StillFeed(wish)


def _open311(wish: Wish) -> Feed:
    from lamplighter.sources.open311_feed import Open311Feed

    return Open311Feed(wish)


MAKERS: Final[dict[str, Callable[[Wish], Feed]]] = {
    "http": _http,
    "https": _http,
    "folder": _folder,
    "modbus": _modbus,
    "opc.tcp": _opcua,
    "sensorthings+http": _sensorthings,
    "sensorthings+https": _sensorthings,
    "ngsi-ld+http": _ngsi,
    "ngsi-ld+https": _ngsi,
    "gtfs-rt+http": _gtfs,
    "gtfs-rt+https": _gtfs,
    "open311+http": _open311,
    "open311+https": _open311,
    "still+http": _still,
    "still+https": _still,
}
"""by scheme"""

READ_BY_MAPPING: Final = frozenset({"http", "https", "folder"})
"""schemes whose mapping file is the one of JSON and CSV"""


def maker_of(scheme: str) -> Callable[[Wish], Feed] | None:
    """The maker for a scheme; None when it is not one of this table."""
    return MAKERS.get(scheme)
