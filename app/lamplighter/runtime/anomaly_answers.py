"""Answers about expected values and anomalies."""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.analytics.expected import Basis
from lamplighter.domain import wire
from lamplighter.domain.problems import fault
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.complete import norms_of
from lamplighter.runtime.expected_curve import curve_of
from lamplighter.runtime.expected_words import said
from lamplighter.twin.completeness import Norms

BASIS: Final = {
    Basis.NONE: "none",
    Basis.SINCE_START: "since the start",
    Basis.HISTORY: "history",
    Basis.PLUGIN: "plugin",
}


class AnomalyAnswers(Answering):
    _norms: Norms | None = None
    _norms_of: object = None

    def table(self) -> Table:
        return {
            wire.GetExpectedState: lambda _: self._recorder.usual.report,
            wire.TrainExpected: self._train,
            wire.GetExpected: self._expected,
            wire.GetExpectedCurve: self._curve,
            wire.GetCompleteness: self._completeness,
            wire.GetRelation: lambda ask: self._recorder.anomalies.relations.watch.said(ask.asset),
            wire.GetAnomalies: self._anomalies,
            wire.JudgeAnomaly: self._judge,
        }

    def _train(self, _: wire.TrainExpected) -> wire.Reply:
        self._need(Permission.WORK, "what is usual")
        task = self._recorder.usual.train(asked=True, by=self._recorder.identity.user)
        if task is None:
            raise fault("U-804", name="learning what is usual", what="it is under way already")
        self._recorder.anomalies.relations.train(asked=True, by=self._recorder.identity.user)
        self._audit("learn what is usual", "expected values")
        return wire.TaskStarted(task)

    def _expected(self, ask: wire.GetExpected) -> wire.Reply:
        core, usual = self._recorder.core, self._recorder.usual
        if not 0 <= ask.datastream < len(core.city.streams):
            raise fault("U-802", name=str(ask.datastream))
        stream, newest = core.city.streams[ask.datastream], core.newest
        basis = core.expected.basis
        mine = Basis(int(basis[stream.id])) if stream.id < basis.shape[0] else Basis.NONE
        table = usual.table
        others: tuple[int, ...] = ()
        if table is not None and mine is Basis.HISTORY:
            rows = np.flatnonzero(table.datastream == stream.id)
            named = table.neighbour[rows[0]] if rows.size else np.zeros(0, np.int64)
            others = tuple(int(n) for n in named if n >= 0)
        row = usual.rows.get(stream.id)
        known = stream.id < len(newest)
        names = [core.city.streams[n].label or core.city.streams[n].name for n in others]
        text = said(
            stream,
            float(newest.value[stream.id]) if known and newest.time_ms[stream.id] else None,
            float(newest.expected[stream.id]) if known else float("nan"),
            float(newest.spread[stream.id]) if known else float("nan"),
            BASIS[mine],
            row.season if row is not None else "",
            names,
        )
        why = "" if mine in (Basis.HISTORY, Basis.PLUGIN) else usual.why_not(stream.id)
        if mine is not Basis.HISTORY and not why and row is not None:
            why = "It is silent now: a value that it leans on is missing, stale or bad."
        return wire.Expected(stream.id, BASIS[mine], text, why, others, row)

    def _curve(self, ask: wire.GetExpectedCurve) -> wire.Reply:
        table = self._recorder.usual.table
        if table is None:
            return wire.ExpectedCurves(())
        store = self._recorder.store

        def read(datastream: int) -> wire.Series:
            return store.series(datastream, ask.from_ms, ask.to_ms, ask.points)

        return wire.ExpectedCurves(
            tuple(
                curve_of(table, ident, ask.from_ms, ask.to_ms, ask.points, read)
                for ident in ask.datastreams
            )
        )

    def _completeness(self, ask: wire.GetCompleteness) -> wire.Reply:
        city, plugins = self._recorder.core.city, self._recorder.plugins
        asset = city.assets.get(ask.asset)
        if asset is None:
            raise fault("U-801", what=f"there is no asset {ask.asset}", name="assets")
        if self._norms is None or self._norms_of is not city:
            self._norms_of = city
            self._norms = norms_of(city.assets.values(), city.streams, city.edges, plugins)
        found = self._norms.of(asset)
        return wire.Completeness(found.asset, found.score, found.expected, found.missing)

    def _anomalies(self, ask: wire.GetAnomalies) -> wire.Reply:
        every = self._recorder.store.anomalies()
        found = [
            a
            for a in every
            if a.found_ms >= ask.from_ms
            and (not ask.to_ms or a.found_ms < ask.to_ms)
            and ask.asset in ("", a.asset)
        ]
        real, false = (sum(a.verdict == v for a in every) for v in ("real", "false"))
        return wire.Anomalies(tuple(found[::-1][: max(ask.limit, 0)]), real, false)

    def _judge(self, ask: wire.JudgeAnomaly) -> wire.Reply:
        self._need(Permission.WORK, ask.id)
        changed = self._recorder.anomalies.judged(ask)
        self._audit(f"anomaly called {ask.verdict or 'open'}", ask.id, ask.note)
        return wire.Ok(changed.id)
