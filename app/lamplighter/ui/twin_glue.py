"""Between the desk and the 3D view: looks, badges, selection and paths, once per data frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lamplighter.domain.alarm import AlarmRecord, AlarmState
from lamplighter.scene.states import AssetLook, Mark, StateTable
from lamplighter.ui import numbers
from lamplighter.ui.beat import Shown
from lamplighter.ui.desk import Desk
from lamplighter.ui.time_model import Mode
from lamplighter.ui.twin_labels import Badge
from lamplighter.ui.twin_view import TwinView
from lamplighter.ui.words import tr

SET_ASIDE: Final = (AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE)
MOST_BADGES: Final = 200


class TwinHost(QWidget):
    """The 3D view with its glue; `start` loads VTK and may raise."""

    first_frame = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.view = TwinView(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.view.first_frame.connect(self.first_frame)
        self.view.asset_clicked.connect(self._clicked)
        self.view.next_abnormal.connect(lambda: self.step_abnormal(1))
        self.view.previous_abnormal.connect(lambda: self.step_abnormal(-1))
        self.view.fault.connect(desk.raise_problem)
        self.view.tooltip_of = self._tip
        self._picking = False
        self._served: frozenset[str] = frozenset()
        desk.city_changed.connect(self._city)
        desk.selection.changed.connect(self._follow)
        desk.alarms_changed.connect(self._alarms)
        desk.scenario_changed.connect(self._alarms)
        desk.time.changed.connect(self._mode)
        self._beats = 0

    def start(self) -> None:
        """Raises RuntimeError where 3D cannot work."""
        self.view.start()
        self._city()
        self._alarms()
        self._follow()

    @property
    def frame_ms(self) -> float:
        return self.view.frame_ms

    def show_frame(self, shown: Shown) -> None:
        """Looks change at most twice a second; an unchanged table costs nothing."""
        self._beats += 1
        if self._beats % 5 == 1:
            self.view.set_states(StateTable(self._looks(), hide_tint=bool(self._desk.incidents)))

    # ---------------------------------------------------------------- what is shown
    def _city(self) -> None:
        if self._desk.city.raw is not None:
            self.view.set_city(self._desk.city.raw)
            session = self._desk.session
            project = session.welcome.project if session else ""
            self.view.set_path([tr("City"), project], self._note())

    def _note(self) -> str:
        streams = len(self._desk.city.streams)
        bound = sum(len(s) for s in self._desk.city.of_asset.values())
        return tr("{a} of {b} streams placed", a=f"{bound:,}", b=f"{streams:,}")

    def _standing(self) -> list[AlarmRecord]:
        return [a for a in self._desk.standing() if a.state not in SET_ASIDE]

    def _looks(self) -> dict[str, AssetLook]:
        desk = self._desk
        looks: dict[str, AssetLook] = {}
        gone = desk.stale_mask()
        values = desk.values
        for asset, streams in desk.city.of_asset.items():
            ids = [s.id for s in streams]
            dead = float(np.mean(gone[ids])) if len(ids) > 1 else float(gone[ids[0]])
            trust = 1.0
            if values is not None and ids[0] < len(values):
                trust = float(values.trust[ids[0]])
            if dead > 0.5:
                looks[asset] = AssetLook(trust=0.0)
            elif trust < 0.8:
                looks[asset] = AssetLook(trust=round(trust, 1))
        if desk.time.mode is Mode.SCENARIO and desk.scenario is not None:
            for item in desk.scenario.rows:
                if abs(item.outcome - item.baseline) > 1e-3:
                    looks[item.asset] = AssetLook(Mark.SCENARIO)
        for asset in self._losing():
            looks[asset] = AssetLook(Mark.LOSES_SERVICE)
        causes = {i.asset for i in desk.incidents}
        for alarm in sorted(self._standing(), key=lambda a: -a.priority):
            mark = Mark.CAUSE if alarm.asset in causes else Mark.ABNORMAL
            looks[alarm.asset] = AssetLook(mark, alarm.priority)
        return looks

    def _losing(self) -> frozenset[str]:
        return self._served

    def _alarms(self) -> None:
        desk = self._desk
        lost: set[str] = set()
        for incident in desk.incidents:
            if not incident.active:
                continue
            queue, seen = [incident.asset], {incident.asset}
            for asset in queue:
                for target in desk.city.feeds.get(asset, ()):
                    if target not in seen and len(queue) < 20_000:
                        seen.add(target)
                        queue.append(target)
            lost |= {a for a in queue[1:] if desk.city.assets[a].domain == "buildings"
                     } if all(a in desk.city.assets for a in queue[1:]) else set()  # fmt: skip
        self._served = frozenset(lost)
        self.view.set_badges(self._badges())
        self.view.set_legend(self._legend())

    def _badges(self) -> list[Badge]:
        desk = self._desk
        badges: list[Badge] = []
        causes = {i.cause: i for i in desk.incidents}
        ranked = sorted(
            self._standing(), key=lambda a: (a.key not in causes, a.priority, -a.since_ms)
        )
        for alarm in ranked[:MOST_BADGES]:
            found = causes.get(alarm.key)
            title, text = "", ""
            if found is not None or alarm.priority == 1 or alarm.asset == desk.selection.current:
                title, text = desk.city.name(alarm.asset), alarm.text
            if found is not None and found.people_affected:
                people = numbers.number(found.people_affected, 1)
                text = tr("{what} · {n} people", what=alarm.text, n=people)
            badges.append(Badge(alarm.asset, alarm.priority, alarm.state.value, title, text))
        current = desk.selection.current
        if current and all(b.asset != current for b in badges):
            streams = desk.city.of_asset.get(current, [])
            text = desk.value(streams[0]).text_with_unit if streams else ""
            badges.insert(0, Badge(current, 0, "", desk.city.name(current), text))
        return badges

    def _legend(self) -> Sequence[tuple[str, str, str]]:
        rows: list[tuple[str, str, str]] = []
        if self._desk.incidents:
            rows.append(("fill", "state.critical", tr("cause")))
        if self._served:
            rows.append(("faint", "state.critical", tr("loses service")))
        if self._desk.time.mode is Mode.SCENARIO:
            rows.append(("line", "mode.scenario", tr("changed by the scenario")))
        return rows

    # ---------------------------------------------------------------- following
    def _follow(self) -> None:
        current = self._desk.selection.current
        self.view.select(current or None, fly=not self._picking)
        self.view.set_badges(self._badges())
        session = self._desk.session
        path = [tr("City"), session.welcome.project if session else ""]
        if current:
            path.append(self._desk.city.name(current))
        self.view.set_path(path, self._note())

    def _clicked(self, asset: str) -> None:
        self._picking = True
        self._desk.selection.select(asset)
        self._picking = False

    def _mode(self) -> None:
        self.view.set_mode_frame(self._desk.time.mode.value)
        self._alarms()

    def _tip(self, asset: str) -> str:
        desk = self._desk
        lines = [desk.city.name(asset)]
        lines += [desk.value(s).describe() for s in desk.city.of_asset.get(asset, [])[:2]]
        alarm = desk.worst_of(asset)
        if alarm is not None:
            lines.append(tr("Priority {p}: {t}", p=alarm.priority, t=alarm.text))
        return "\n".join(lines)

    def step_abnormal(self, by: int) -> None:
        """Next or previous asset with an alarm, most important first."""
        ranked = sorted(self._standing(), key=lambda a: (a.priority, -a.since_ms, a.key))
        assets = list(dict.fromkeys(a.asset for a in ranked))
        if assets:
            current = self._desk.selection.current
            at = assets.index(current) + by if current in assets else 0
            self._desk.selection.select(assets[at % len(assets)])

    def shut(self) -> None:
        self.view.close()


def make(desk: Desk, parent: QWidget) -> TwinHost:
    """Makes and starts the view. Raises RuntimeError where 3D cannot work."""
    host = TwinHost(desk, parent)
    try:
        host.start()
    except BaseException:
        host.deleteLater()
        raise
    return host


