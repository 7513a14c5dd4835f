"""What feeds that are their own source need of the city: homes by id, and what is stored.

A SensorThings server says which thing a datastream belongs to, an NGSI-LD broker which entity.
Where the same thing was imported as an asset, its new datastreams need nobody to bind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.quality import QualityMark

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder
    from lamplighter.store import Store, WriteAccess

log = structlog.get_logger(__name__)


def homes_of(
    assets: Mapping[str, Asset], streams: Iterable[Datastream], told: Mapping[str, str]
) -> list[Datastream]:
    """Unbound datastreams with the asset they belong to. `told`: key -> the platform's own id."""
    wanted = [s for s in streams if not s.asset and s.key in told]
    if not wanted:
        return []
    by_id = _by_platform_id(assets)
    found = []
    for stream in wanted:
        home = told[stream.key]
        asset = home if home in assets else by_id.get(home, "")
        if asset:
            label = stream.label.rpartition("/")[2] or stream.name
            found.append(replace(stream, asset=asset, label=label))
    return found


def _by_platform_id(assets: Mapping[str, Asset]) -> dict[str, str]:
    """The id a platform uses -> asset; ids that several assets carry stand for none."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for asset in assets.values():
        if "-thing-" not in asset.id:
            continue
        own = asset.id.rpartition("-thing-")[2]
        if own in found:
            twice.add(own)
        found[own] = asset.id
    return {own: asset for own, asset in found.items() if own not in twice}


def stored_times(store: Store, source: str) -> dict[str, int]:
    """Newest phenomenon time of each datastream of a source, UTC ms, by name.

    Datastreams whose clock was not believed are left out: their stored time is ours.
    """
    newest = store.newest()
    rows = len(newest.time_ms)
    return {
        stream.name: int(newest.time_ms[stream.id])
        for stream in store.datastreams()
        if stream.source == source
        and stream.id < rows
        and newest.time_ms[stream.id] > 0
        and not newest.quality[stream.id] & QualityMark.TIME_UNCERTAIN
    }


def bind_by_id(recorder: Recorder) -> None:
    """Bind what the feeds told since the last look; the writer does it when it can."""
    told: dict[str, str] = {}
    for feed in recorder.feeds:
        homes, source = getattr(feed, "homes", None), getattr(feed, "source", None)
        if homes and source is not None:
            told |= {f"{source.name}/{name}": home for name, home in dict(homes).items()}
    if not told:
        return
    city = recorder.core.city
    bound = homes_of(city.assets, city.streams, told)
    if not bound:
        return

    def keep(access: WriteAccess) -> None:
        access.put_datastream_meta(recorder.plugins.described(bound))

    done = recorder.store.writer.call(keep)
    done.add_done_callback(lambda future: _done(recorder, future, len(bound)))


def _done(recorder: Recorder, future: Future[None], count: int) -> None:
    if future.cancelled() or future.exception() is not None:
        log.warning("not bound by id", why=str(future.exception()))
        return
    recorder.adopt_streams()
    recorder.core.city_changed()
    log.info("bound by id", datastreams=count)
