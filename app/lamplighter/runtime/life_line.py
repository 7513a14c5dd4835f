"""An asset's life from everything a project keeps: register, orders, alarms, forecasts, files."""

from __future__ import annotations

from collections.abc import Iterable

from lamplighter.domain import wire
from lamplighter.domain.attachments import Attachment
from lamplighter.domain.city import Asset
from lamplighter.domain.life import (
    LifeEvent,
    alarm_events,
    built_events,
    forecast_events,
    in_order,
    order_events,
)
from lamplighter.domain.problems import fault
from lamplighter.runtime.answering import Answering, Table
from lamplighter.store import Store


def life_of(store: Store, asset: Asset, files: Iterable[Attachment]) -> tuple[LifeEvent, ...]:
    """The oldest event first."""
    orders = [o for o in store.work_orders() if o.asset == asset.id]
    pictures = [
        LifeEvent(f.at_ms, "file", f.caption or f.name, f.id)
        for f in files
        if f.asset == asset.id and not f.removed
    ]
    return in_order(
        [
            *built_events(asset),
            *order_events(orders),
            *alarm_events(store.alarm_journal(asset=asset.id), asset.id),
            *forecast_events(store.prognosis_journal(asset=asset.id), asset.id),
            *pictures,
        ]
    )


class LifeAnswers(Answering):
    """The wire's end of it."""

    def table(self) -> Table:
        return {wire.GetLife: self._life}

    def _life(self, ask: wire.GetLife) -> wire.Reply:
        recorder = self._recorder
        asset = recorder.core.city.assets.get(ask.asset)
        if asset is None:
            raise fault("U-809", what="asset", name=ask.asset, lists="assets")
        files = recorder.attachments.find(wire.FindAttachments(asset=ask.asset)).items
        return wire.Life(ask.asset, life_of(recorder.store, asset, files))
