"""The faceplate's lines about what is usual: the sentence with its reason, what departs, and how
completely the twin knows the asset.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.anomaly import KIND_WORDS, Anomaly, lasting
from lamplighter.domain.city import Asset, Datastream
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

MOST_MISSING: Final = 4


class UsualLines(QWidget):
    """Shown below the little trend; empty lines take no room."""

    to_anomalies = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._stream: Datastream | None = None
        self._asset: Asset | None = None
        self.said = Text("", "caption", "secondary", wrap=True)
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.odd = button("", self.to_anomalies.emit, kind="flat",
                          tip=tr("Show it in the list of anomalies"))  # fmt: skip
        self.reason = Text("", "caption", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.said)
        box.addLayout(row(self.odd, None))
        box.addWidget(self.reason)
        self.together = Text("", "caption", "muted", wrap=True)
        self.together.hide()
        box.addWidget(self.together)
        self.complete = Text("", "caption", "muted", wrap=True)
        self.complete.hide()
        box.addWidget(self.complete)
        desk.unusual.changed.connect(self._show_odd)
        self._show_odd()

    def show_stream(self, stream: Datastream | None, asset: Asset | None) -> None:
        """Another datastream or asset; the same again asks nothing."""
        if asset is None or self._asset is None or asset.id != self._asset.id:
            self.complete.hide()
            self.together.hide()
            if asset is not None:
                self._desk.ask(wire.GetCompleteness(asset.id), self._got_complete)
        before, self._stream, self._asset = self._stream, stream, asset
        if stream is None or before is None or stream.id != before.id:
            self.said.setText("")
            self.said.hide()
            self.look()
        self._show_odd()

    def _look_together(self) -> None:
        if self._asset is not None:
            self._desk.ask(wire.GetRelation(self._asset.id), self._got_together)

    def _got_together(self, reply: wire.Reply) -> None:
        if not isinstance(reply, wire.Relation) or self._asset is None:
            return
        if reply.asset != self._asset.id:
            return
        text = ""
        if reply.why:
            text = tr("Signals not judged together: {why}.", why=reply.why)
        elif reply.score is not None and reply.score <= 1.0:
            text = tr("Signals go together as usual: {n} judged, {s} of the limit.",
                      n=len(reply.judged), s=numbers.number(reply.score, 0.01))  # fmt: skip
        self.together.setText(text)
        live = self._desk.time.mode is not Mode.REPLAY
        self.together.setVisible(bool(text) and live and self._desk.unusual.reasons)

    def look(self) -> None:
        """Ask for the sentences anew."""
        stream = self._stream
        if stream is None or self._desk.session is None:
            return
        self._look_together()
        if stream.states:
            return
        if self._desk.time.mode is Mode.REPLAY or not self._desk.unusual.reasons:
            self.said.hide()
            return
        self._desk.ask(wire.GetExpected(stream.id), self._got)

    def _got(self, reply: wire.Reply) -> None:
        if not isinstance(reply, wire.Expected) or self._stream is None:
            return
        if reply.datastream != self._stream.id:
            return
        text = f"{reply.text} {reply.why_not}".strip()
        if text != self.said.text():
            self.said.setText(text)
        self.said.setVisible(bool(text))

    def _got_complete(self, reply: wire.Reply) -> None:
        if not isinstance(reply, wire.Completeness) or self._asset is None:
            return
        if reply.asset != self._asset.id:
            return
        share = f"{100 * reply.score:.0f}"
        text = tr("Twin {p} % complete", p=share)
        if reply.missing:
            text += ": " + tr("missing {what}", what=", ".join(reply.missing[:MOST_MISSING]))
            more = len(reply.missing) - MOST_MISSING
            text += " " + tr("and {n} more", n=more) if more > 0 else ""
        self.complete.setText(text)
        self.complete.setToolTip(", ".join(reply.missing))
        self.complete.show()

    def _show_odd(self) -> None:
        asset, now = self._asset, self._desk.time.now_ms
        found = self._desk.unusual.standing_at(asset.id) if asset is not None else []
        live = self._desk.time.mode is not Mode.REPLAY
        self.odd.setVisible(bool(found) and live)
        reasons = self._desk.unusual.reasons
        self.reason.setVisible(bool(found) and live and reasons)
        if not reasons:
            self.said.hide()
        if found:
            self.odd.setText(_title(found, now))
            self.reason.setText(found[0].reason)


def _title(found: list[Anomaly], now_ms: int) -> str:
    """`Slow drift, limit in 9 h`, and how many more."""
    first = found[0]
    text = tr(KIND_WORDS.get(first.kind, first.kind))
    text = text[0].upper() + text[1:]
    if first.reaches_ms > now_ms:
        text += ", " + tr("limit in {t}", t=lasting(first.reaches_ms - now_ms))
    if len(found) > 1:
        text += " " + tr("and {n} more", n=len(found) - 1)
    return text
