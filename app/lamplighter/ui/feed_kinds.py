"""What a person is asked for each kind of feed; kinds without a row here are asked for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lamplighter.ui.words import tr


@dataclass(frozen=True, slots=True)
class FeedKind:
    """One kind of address."""

    scheme: str
    words: str
    example: str
    topics: bool = False
    login: bool = True
    tls: bool = True
    needs_map: bool = False
    """it can only be asked with a mapping: registers, nodes"""


_KINDS: Final = (
    FeedKind("mqtt", "MQTT broker", "mqtt://broker.town:1883", topics=True, tls=False),
    FeedKind("mqtts", "MQTT broker with TLS", "mqtts://broker.town:8883", topics=True),
    FeedKind("sparkplug", "Sparkplug B over MQTT", "sparkplug://broker.town:1883/group"),
    FeedKind("sparkplugs", "Sparkplug B over MQTT with TLS", "sparkplugs://broker.town:8883/group"),
    FeedKind("https", "Page with JSON or CSV (https)", "https://data.town/air.json"),
    FeedKind("http", "Page with JSON or CSV (http)", "http://127.0.0.1/air.csv", tls=False),
    FeedKind("opc.tcp", "OPC UA server", "opc.tcp://plc.town:4840"),
    FeedKind("modbus", "Modbus TCP", "modbus://meter.town:502/1", login=False, tls=False,
             needs_map=True),
    FeedKind("sensorthings", "SensorThings service", "sensorthings+https://sensors.town/v1.1"),
    FeedKind("ngsi-ld", "NGSI-LD context broker", "ngsi-ld+https://context.town/ngsi-ld/v1"),
    FeedKind("gtfs-rt", "Vehicle positions (GTFS-realtime)", "gtfs-rt+https://transit.town/vp.pb"),
    FeedKind("open311", "Requests of citizens (Open311)", "open311+https://city.town/open311/v2"),
    FeedKind("folder", "Folder of files", "folder:/data/loggers?pattern=*.csv", login=False,
             tls=False),
    FeedKind("file", "File that grows", "file:/data/logger.csv", login=False, tls=False),
    FeedKind("still", "Camera stills", "still+https://camera.town/now.jpg"),
    FeedKind("replay", "Recording to replay", "replay:/data/day.csv?speed=60", login=False,
             tls=False),
)  # fmt: skip


def kind_of(scheme: str) -> FeedKind:
    """The row for a scheme, whatever carries it (`still` of `still+https`); a plain one that asks
    for everything when there is none.
    """
    for name in (scheme, scheme.partition("+")[0]):
        for kind in _KINDS:
            if kind.scheme == name:
                return kind
    return FeedKind(scheme, scheme, f"{scheme}://host")


def kinds(schemes: tuple[str, ...]) -> list[FeedKind]:
    """The kinds a recorder knows, the usual ones first."""
    order = {kind.scheme: at for at, kind in enumerate(_KINDS)}
    found = {kind.scheme: kind for kind in map(kind_of, schemes)}
    return sorted(found.values(), key=lambda k: (order.get(k.scheme, 99), k.scheme))


def words_of(url: str) -> str:
    """`MQTT broker · broker.town:1883 · not encrypted`."""
    scheme, _, rest = url.partition(":")
    kind = kind_of(scheme)
    place = rest.removeprefix("//").rpartition("@")[2].partition("?")[0]
    parts = [tr(kind.words), place]
    if scheme in ("mqtt", "http", "modbus", "sparkplug"):
        parts.append(tr("not encrypted"))
    return " · ".join(parts)
