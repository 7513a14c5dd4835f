"""What a function in the writer's priority lane may write: everything about the city.

All calls of one function stand in one transaction per file: history first, then city.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, Incident
from lamplighter.domain.anomaly import Anomaly
from lamplighter.domain.city import Asset, Datastream, Edge, Frame
from lamplighter.domain.clock import Clock
from lamplighter.domain.command import CommandState
from lamplighter.domain.edits import Edit
from lamplighter.domain.findings import Repair
from lamplighter.domain.forecast import Forecast
from lamplighter.domain.importing import FileReport
from lamplighter.domain.layers import Layer, LayerContents
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.models import ModelRecord
from lamplighter.domain.observation import Batch
from lamplighter.store import facts
from lamplighter.store.facts import FactLog
from lamplighter.store.registry import Registry


@dataclass(slots=True)
class WriteAccess:
    """Handed to the function given to `Writer.call`; void outside of it.

    `batch` arguments: the batch a fact derives from; None = the last one stored.
    """

    city: sqlite3.Connection
    log: FactLog
    registry: Registry
    clock: Clock
    last_batch: int
    promised: Callable[[], Iterable[Batch]]
    """batches that still wait: the names they bring are registered first, with their numbers"""
    drop_aside: Callable[[Iterable[int]], int]
    """deletes rows of the quarantine by number; says how many were there"""

    def _put(
        self, kind: str, key: str, value: object, batch: int | None, again: bool = False
    ) -> bool:
        return self.log.put(
            kind,
            key,
            value,
            batch=self.last_batch if batch is None else batch,
            wall_ms=self.clock.wall_ms(),
            again=again,
        )

    # ------------------------------------------------------------ the city
    def put_assets(self, assets: Iterable[Asset], batch: int | None = None) -> int:
        """Says how many changed."""
        return sum(self._put(facts.ASSET, a.id, a, batch) for a in assets)

    def remove_assets(self, ids: Iterable[str], batch: int | None = None) -> int:
        return sum(self._put(facts.ASSET, i, None, batch) for i in ids)

    def put_edges(self, edges: Iterable[Edge], batch: int | None = None) -> int:
        """Key (source, kind, target, owner): owners never overwrite each other."""
        return sum(
            self._put(facts.EDGE, facts.edge_key(e.source, e.kind, e.target, e.owner), e, batch)
            for e in edges
        )

    def remove_edges(self, edges: Iterable[Edge], batch: int | None = None) -> int:
        return sum(
            self._put(facts.EDGE, facts.edge_key(e.source, e.kind, e.target, e.owner), None, batch)
            for e in edges
        )

    def put_datastream_meta(
        self, datastreams: Iterable[Datastream], batch: int | None = None
    ) -> list[Datastream]:
        """Unit, kind, asset, limits ... by (source, name); `id` of the input is ignored.

        Creates missing sources and datastreams and hands back all with their true ids.
        """
        known = self.last_batch if batch is None else batch
        self._adopt()
        done: list[Datastream] = []
        for given in datastreams:
            self.registry.ensure(given.source, given.name, text=bool(given.states), batch=known)
            number = self.registry.find(given.source, given.name)
            assert number is not None
            meta = Datastream(
                **{f: getattr(given, f) for f in given.__struct_fields__} | {"id": number}
            )
            self._put(facts.META, given.key, meta, batch)
            done.append(meta)
        return done

    def _adopt(self) -> None:
        for batch in self.promised():
            self.registry.adopt(batch, self.last_batch)

    def put_tiles(self, tiles: Iterable[str], batch: int | None = None) -> int:
        return sum(self._put(facts.TILE, t, t, batch) for t in tiles)

    def remove_tiles(self, tiles: Iterable[str], batch: int | None = None) -> int:
        return sum(self._put(facts.TILE, t, None, batch) for t in tiles)

    def put_layer(self, layer: Layer) -> bool:
        """A layer with the description of its tiles; replaces the one of the same id."""
        return self._put(facts.LAYER, layer.id, layer, None)

    def remove_layer(self, layer: str) -> bool:
        """The layer and what is noted of its contents; its assets are the caller's to remove."""
        self._put(facts.CONTENTS, layer, None, None)
        return self._put(facts.LAYER, layer, None, None)

    def put_contents(self, layer: str, contents: LayerContents) -> bool:
        return self._put(facts.CONTENTS, layer, contents, None)

    def put_said(self, asset: Asset) -> bool:
        """What one layer says of an asset that other layers describe too."""
        return self._put(facts.SAID, facts.said_key(asset.id, asset.layer), asset, None)

    def remove_said(self, asset: str, layer: str) -> bool:
        return self._put(facts.SAID, facts.said_key(asset, layer), None, None)

    def put_repairs(self, repairs: Iterable[Repair]) -> int:
        """Says how many are new."""
        return sum(self._put(facts.REPAIR, r.key, r, None) for r in repairs)

    def remove_repairs(self, repairs: Iterable[Repair]) -> int:
        return sum(self._put(facts.REPAIR, r.key, None, None) for r in repairs)

    def remove_datastream_meta(self, datastreams: Iterable[Datastream]) -> int:
        """Forget unit, asset and limits; the datastream and its history stay."""
        return sum(self._put(facts.META, d.key, None, None) for d in datastreams)

    def put_frame(self, frame: Frame) -> None:
        self._put(facts.FRAME, "", frame, None)

    def put_setting(self, key: str, value: str) -> None:
        self._put(facts.SETTING, key, value, None)

    def remove_setting(self, key: str) -> None:
        self._put(facts.SETTING, key, None, None)

    # ------------------------------------------------------------ what happens in it
    def put_alarm_events(self, events: Iterable[AlarmEvent]) -> None:
        """Each transition, and with it the alarm's present record."""
        for event in events:
            self._put(facts.ALARM_EVENT, event.record.key, event, event.batch, again=True)
            self._put(facts.ALARM, event.record.key, event.record, event.batch)

    def put_alarm_record(self, record: AlarmRecord) -> None:
        """How an alarm stands, without a transition of its own: it came from another console."""
        self._put(facts.ALARM, record.key, record, None)

    def put_incidents(self, incidents: Iterable[Incident], batch: int | None = None) -> None:
        for incident in incidents:
            self._put(facts.INCIDENT, incident.id, incident, batch)

    def put_work_order(self, order: WorkOrder) -> None:
        self._put(facts.ORDER, order.id, order, None)

    def put_edits(self, edits: Iterable[Edit]) -> int:
        """Says how many are new; an edit never changes."""
        return sum(self._put(facts.EDIT, e.id, e, None) for e in edits)

    def put_prognoses(self, prognoses: Iterable[Prognosis], batch: int | None = None) -> None:
        for item in prognoses:
            self._put(facts.PROGNOSIS, f"{item.asset}\x1f{item.what}", item, batch)

    def put_forecasts(self, forecasts: Iterable[Forecast], batch: int | None = None) -> None:
        for item in forecasts:
            self._put(facts.FORECAST, item.id, item, batch)

    def remove_forecasts(self, ids: Iterable[str], batch: int | None = None) -> None:
        for id in ids:
            self._put(facts.FORECAST, id, None, batch)

    def put_model(self, record: ModelRecord) -> bool:
        """A version of a model and what became of it."""
        return self._put(facts.MODEL, record.key, record, None)

    def remove_model(self, record: ModelRecord) -> bool:
        """A version that is kept no longer; its past stays in the log."""
        return self._put(facts.MODEL, record.key, None, None)

    def put_anomalies(self, anomalies: Iterable[Anomaly], batch: int | None = None) -> None:
        for anomaly in anomalies:
            self._put(facts.ANOMALY, anomaly.id, anomaly, batch)

    def put_command_state(self, state: CommandState) -> None:
        self._put(facts.COMMAND, state.command.id, state, None)

    def record_import(self, report: FileReport, content_hash: str = "") -> None:
        self._put(facts.IMPORT, f"{report.file}\x1f{content_hash}", report, None, again=True)
