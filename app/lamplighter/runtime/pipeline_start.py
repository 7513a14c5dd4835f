"""The pipeline as the last run left it: names, sequences, gaps and lives from the store."""

from __future__ import annotations

from lamplighter.domain.clock import Clock
from lamplighter.domain.observation import Gap
from lamplighter.pipeline import EpochState, Pipeline, Registry
from lamplighter.runtime.feed_health import heard_by
from lamplighter.runtime.feeds import is_shared, stored_feeds
from lamplighter.store import Store


def as_left(store: Store, clock: Clock) -> Pipeline:
    """A pipeline that goes on where the stored history ends."""
    registry = Registry(store.datastreams(), sorted(store.sources().items()))
    lives = {life.source: life for life in store.lives()}
    gaps: dict[tuple[int, int], list[Gap]] = {}
    for gap in store.gaps():
        if gap.state != "filled":
            gaps.setdefault((gap.source, gap.epoch), []).append(gap)
    parts = _heard_in_part(store)
    states = [
        EpochState(
            source,
            epoch,
            spans,
            tuple(gaps.get((source, epoch), ())),
            lives.get(source),
        )
        for (source, epoch), spans in store.sequence_state().items()
        if source not in parts
    ]
    whole = [life for life in lives.values() if life.source not in parts]
    return Pipeline(clock=clock, registry=registry, states=states, lives=whole)


def _heard_in_part(store: Store) -> set[int]:
    """Sources whose messages are shared out among recorders: their sequence has holes here."""
    feeds = list(stored_feeds(store))
    if not any(is_shared(feed) for feed in feeds):
        return set()
    whole = [feed.id for feed in feeds if not is_shared(feed)]
    heard = {name for feed in whole for name in heard_by(store, feed)}
    return {number for number, name in store.sources().items() if name not in heard}
