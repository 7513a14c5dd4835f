"""Answers about suspect sensors and withheld datastreams; every change is audited."""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.analytics.suspicion.verdict import nearest
from lamplighter.domain import wire
from lamplighter.domain.problems import fault
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.suspicion_lane import stream_of
from lamplighter.runtime.withholding import losses

CURVES: Final = 4


class SuspicionAnswers(Answering):
    """See the module."""

    def table(self) -> Table:
        desk = self._recorder.suspicion
        return {
            wire.GetSuspects: lambda _: desk.state(),
            wire.PreviewWithhold: self._preview,
            wire.Withhold: self._withhold,
            wire.ReleaseWithheld: self._release,
            wire.DismissSuspect: self._dismiss,
            wire.GetEvidence: self._evidence,
        }

    def _preview(self, ask: wire.PreviewWithhold) -> wire.Reply:
        stream = stream_of(self._recorder, ask.key)
        return wire.WithholdPreview(ask.key, losses(self._recorder, stream))

    def _withhold(self, ask: wire.Withhold) -> wire.Reply:
        self._need(Permission.BY_HAND, ask.key)
        recorder = self._recorder
        lost = losses(recorder, stream_of(recorder, ask.key))
        recorder.suspicion.lane.withhold(ask.key, recorder.identity.user, ask.reason)
        self._audit("withhold datastream", ask.key, ask.reason, f"{len(lost)} lose their input")
        return wire.Ok(str(len(lost)))

    def _release(self, ask: wire.ReleaseWithheld) -> wire.Reply:
        self._need(Permission.BY_HAND, ask.key)
        if not ask.reason.strip():
            raise fault("U-801", what="releasing needs a reason", name="suspects release")
        before = self._recorder.suspicion.lane.release(ask.key)
        self._audit("release datastream", ask.key, ask.reason, f"withheld by {before.user}")
        return wire.Ok(ask.key)

    def _dismiss(self, ask: wire.DismissSuspect) -> wire.Reply:
        self._need(Permission.BY_HAND, ask.key)
        found = self._recorder.suspicion.dismiss(ask.key, ask.scope)
        self._audit("dismiss suspicion", ask.key, ask.reason, found.kind)
        return wire.Ok(ask.key)

    def _evidence(self, ask: wire.GetEvidence) -> wire.Reply:
        desk, streams = self._recorder.suspicion, self._recorder.core.city.streams
        stream = stream_of(self._recorder, ask.key)
        others: list[int] = []
        for model in desk.models:
            at = np.flatnonzero(model.datastream == stream.id)
            if at.size:
                others = [int(model.datastream[n]) for n in nearest(model, int(at[0]), CURVES - 1)]
        ids = [stream.id, *others]
        time_ms, values = desk.samples.curves(ids)
        curves = tuple(
            wire.EvidenceCurve(
                streams[number].key,
                streams[number].label or streams[number].name,
                streams[number].unit,
                tuple(None if np.isnan(v) else float(v) for v in values[:, at]),
            )
            for at, number in enumerate(ids)
        )
        return wire.Evidence(tuple(int(t) for t in time_ms), curves)
