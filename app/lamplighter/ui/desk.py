"""Everything the window knows, in one place: the session's answers and events become state here.

Views read it and listen to its signals; nothing here paints. In replay the values and alarms of
the chosen moment take the place of the newest ones, so every view shows the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.domain.by_hand import HandMark
from lamplighter.domain.city import Datastream
from lamplighter.domain.clock import Clock, SystemClock
from lamplighter.domain.command import CommandState
from lamplighter.domain.layers import LayerView
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.problems import Problem
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark, stale_ages_ms
from lamplighter.domain.task import Task, TaskState
from lamplighter.ui.alarm_room import AlarmRoom
from lamplighter.ui.anomaly_room import AnomalyRoom
from lamplighter.ui.city_index import CityIndex, build
from lamplighter.ui.coverage_room import CoverageRoom
from lamplighter.ui.drafts import Drafts
from lamplighter.ui.forecast_room import ForecastRoom
from lamplighter.ui.kit_room import KitRoom
from lamplighter.ui.model_room import ModelRoom
from lamplighter.ui.moments import Moments, Work
from lamplighter.ui.records import Records
from lamplighter.ui.selection import SelectionModel
from lamplighter.ui.session_port import SessionPort
from lamplighter.ui.suspicion_room import SuspicionRoom
from lamplighter.ui.time_model import Mode, TimeModel
from lamplighter.ui.value_model import ValueModel, of_datastream

STANDING = frozenset(s for s in AlarmState if s is not AlarmState.NORM)
ALARM_PAUSE_MS = 500
SILENT_S = 10.0
NOT_MEASURED = np.uint8(QualityMark.HAND_SET | QualityMark.IN_MAINTENANCE | QualityMark.WITHHELD)
"""such values never count among the live inputs of a figure"""

ORDERS: Final = frozenset({"Failure", "WorkOrder"})
"""what a file of the past may bring that the window has among its work orders"""
RECORDER_SILENT_MS: Final = 5_000
"""without a word from the recorder for so long, the window judges ages by itself"""


def _still_there(done: Callable[..., object]) -> bool:
    """Whether the widget that asked still lives: an answer to a closed window is nobody's."""
    cells = getattr(done, "__closure__", None) or ()
    defaults = getattr(done, "__defaults__", None) or ()
    held = [getattr(done, "__self__", None), *(c.cell_contents for c in cells), *defaults]
    return all(shiboken6.isValid(one) for one in held if isinstance(one, QObject))


class Desk(QObject):
    """State of the window. All signals are emitted on the GUI thread, at most once per event."""

    welcomed = Signal()
    city_changed = Signal()
    alarms_changed = Signal()
    status_changed = Signal()
    prognosis_changed = Signal()
    orders_changed = Signal()
    tasks_changed = Signal()
    commands_changed = Signal()
    problems_changed = Signal()
    layers_changed = Signal()
    register_done = Signal(object)
    """a `wire.RegisterDone`"""
    import_done = Signal(object)
    """a `wire.ImportDone`"""
    check_done = Signal(object)
    """a `wire.CheckDone`"""
    layer_view_changed = Signal(object)
    backup_done = Signal(object)
    """a `wire.BackupDone`"""
    export_done = Signal(object)
    """a `wire.ExportDone`"""
    surface_clicked = Signal(str, str)
    """asset and meaning of the surface (a word of `geometry.SURFACES`) that was clicked in 3D"""
    """the new `LayerView`"""
    scenario_changed = Signal()
    shelf_changed = Signal()
    hand_changed = Signal()
    moment_changed = Signal()
    presets_changed = Signal(object)
    """a `wire.TrendPresets`"""
    lost = Signal(str)

    def __init__(self, clock: Clock | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.clock = clock or SystemClock()
        self.session: SessionPort | None = None
        self.drafts = Drafts(self.clock, self)
        """what is being typed, kept over a crash of the window"""
        self.selection = SelectionModel()
        self.time = TimeModel(self.clock)
        self.room = AlarmRoom(self)
        self.unusual = AnomalyRoom(self)
        self.models = ModelRoom(self)
        self.records = Records(self)
        self.kits = KitRoom(self)
        self.ahead = ForecastRoom(self)
        self.doubted = SuspicionRoom(self)
        self.coverage = CoverageRoom(self)
        self.city = CityIndex()
        self.city_known = False
        self.live_values: NewestValues | None = None
        self.status: wire.Status | None = None
        self._alarms: dict[str, AlarmRecord] = {}
        self._incidents: tuple[Incident, ...] = ()
        self.last_returned_ms = 0
        self._prognoses: tuple[Prognosis, ...] = ()
        self._orders: dict[str, WorkOrder] = {}
        self.tasks: dict[int, Task] = {}
        self.commands: dict[str, CommandState] = {}
        self.problems: dict[str, wire.ProblemRaised] = {}
        self.layers: dict[str, wire.LayerState] = {}
        self.layer_view = LayerView()
        self.scenario: wire.ScenarioDone | None = None
        self.shelf = wire.Shelf()
        self.by_hand: tuple[HandMark, ...] = ()
        """what people set by hand or took into maintenance"""
        self.incidents_seen: dict[str, Incident] = {}
        self._loss: wire.ProblemRaised | None = None
        self._told_ms: int | None = None
        """when the recorder last told how it is (monotonic)"""
        self.moments = Moments(self)
        self._alarm_pause = QTimer(self)
        self._alarm_pause.setSingleShot(True)
        self._alarm_pause.setInterval(ALARM_PAUSE_MS)
        self._alarm_pause.timeout.connect(self._alarms_paused)
        self._alarms_due = False

    # ---------------------------------------------------------------- what views read
    @property
    def moment(self) -> wire.Moment | None:
        """What was at the shown time of a replay; None while live, or until it has come."""
        return self.moments.shown

    @property
    def values(self) -> NewestValues | None:
        """The values of the shown time: newest, or the moment's in replay."""
        if self.time.mode is not Mode.REPLAY:
            return self.live_values
        if self.moment is None:
            return None
        m = self.moment
        size = len(m.value)
        nothing = np.full(size, np.nan)
        trust = np.ones(size, np.float32)
        return NewestValues(
            m.batch, m.at_ms, m.time_ms, m.value, nothing, nothing, trust, m.quality
        )

    @property
    def alarms(self) -> dict[str, AlarmRecord]:
        if self.time.mode is Mode.REPLAY:
            return {a.key: a for a in self.moment.alarms} if self.moment else {}
        return self._alarms

    @property
    def incidents(self) -> tuple[Incident, ...]:
        if self.time.mode is Mode.REPLAY:
            return self.moment.incidents if self.moment else ()
        return self._incidents

    @property
    def prognoses(self) -> tuple[Prognosis, ...]:
        """The newest forecasts; in replay those of the moment."""
        if self.time.mode is Mode.REPLAY:
            return self.moment.prognoses if self.moment else ()
        return self._prognoses

    @property
    def orders(self) -> dict[str, WorkOrder]:
        """Work orders as they stand; in replay those of the moment, with their notes of then."""
        if self.time.mode is Mode.REPLAY:
            return {o.id: o for o in self.moment.orders} if self.moment else {}
        return self._orders

    @property
    def live_work(self) -> Work:
        """Forecasts and orders as they stand, whatever time is shown."""
        return self._prognoses, tuple(self._orders.values())

    @property
    def live_alarms(self) -> dict[str, AlarmRecord]:
        """Live ones, whatever time is shown."""
        return self._alarms

    @property
    def live_incidents(self) -> tuple[Incident, ...]:
        """Live ones, whatever time is shown."""
        return self._incidents

    def value(self, stream: Datastream) -> ValueModel:
        return of_datastream(
            stream, self.values, self.time.now_ms, judged=self._judged(self.values)
        )

    def _judged(self, values: NewestValues | None) -> bool:
        """The recorder, which knows how often each value comes, says itself what is stale. Where it
        is not heard, and in a replay, the window goes by the declared period.
        """
        if values is None or values is not self.live_values or self._told_ms is None:
            return False
        return self.status is not None and (
            self.clock.monotonic_ms() - self._told_ms < RECORDER_SILENT_MS
        )

    def stale_mask(self) -> npt.NDArray[np.bool_]:
        """True where a known datastream is not live (bad, stale or never heard)."""
        return self.stale_of(self.values, self.time.now_ms)

    def stale_of(self, values: NewestValues | None, now_ms: int) -> npt.NDArray[np.bool_]:
        """The same for any values and any moment."""
        city = self.city
        if values is None:
            return np.ones(len(city.bound), np.bool_)
        size = min(len(values), len(city.bound))
        limit = stale_ages_ms(city.period_ms[:size])
        age = now_ms - values.time_ms[:size]
        grade = values.quality[:size] & CLASS_MASK
        untrue = (values.quality[:size] & NOT_MEASURED) != 0
        old = np.zeros(size, np.bool_) if self._judged(values) else age > limit
        gone = untrue | old | (grade >= Quality.BAD) | (values.time_ms[:size] == 0)
        mask = np.ones(len(city.bound), np.bool_)
        mask[:size] = gone
        return mask

    def nothing_live(self) -> bool:
        """Values are known and not one of them is live."""
        stale = self.stale_mask()
        return self.values is not None and len(stale) > 0 and bool(stale.all())

    def live_feeds(self) -> int:
        """Feeds that are connected and not silent."""
        feeds = self.status.feeds if self.status is not None else ()
        return sum(f.state == "live" and (f.last_value_age_s or 0.0) < SILENT_S for f in feeds)

    def standing(self) -> list[AlarmRecord]:
        return [a for a in self.alarms.values() if a.state in STANDING]

    def worst_of(self, asset: str) -> AlarmRecord | None:
        """The most important alarm of an asset that still stands."""
        mine = [a for a in self.standing() if a.asset == asset]
        return min(mine, key=lambda a: (a.priority, a.since_ms)) if mine else None

    # ---------------------------------------------------------------- session
    def lose_session(self, found: Problem) -> None:
        """The recorder went away: what was known stays and grows old; its figures go."""
        self.status = None
        self.moments.lost()
        self._loss = wire.ProblemRaised(found)
        self.take_event(self._loss)
        self.lost.emit(found.text)

    def connect_session(self, session: SessionPort) -> None:
        """Takes the session and asks for everything a window shows first."""
        if self._loss is not None:
            self.take_event(wire.ProblemRaised(self._loss.problem, over=True))
            self._loss = None
            self.lost.emit("")
        before, self.session = self.session, session
        if before is not None and before.welcome.started_ms != session.welcome.started_ms:
            self.tasks = {}  # another recorder gives their numbers out again
        self.time.first_ms = session.welcome.first_ms or session.welcome.started_ms
        self.welcomed.emit()
        session.subscribe(self.take_event)
        self.ask_city()
        session.ask(wire.GetAlarms(), self._got_alarms)
        session.ask(wire.GetPrognosis(), self._got_prognosis)
        session.ask(wire.GetWorkOrders(), self._got_orders)
        session.ask(wire.GetTasks(), self._got_tasks)
        session.ask(wire.GetLayers(), self._got_layers)
        session.ask(wire.GetCommands(), self._got_commands)
        session.ask(wire.GetShelf(), self._got_shelf)
        self.moments.connected()
        session.ask(wire.GetByHand(), self._got_by_hand)
        self.room.ask()
        self.unusual.ask()
        self.models.ask()
        self.records.ask()
        self.kits.ask()
        self.ahead.ask()
        self.doubted.ask()
        self.coverage.ask()

    def ask(self, request: wire.Request, done: Callable[[wire.Reply], None] | None = None) -> None:
        """Sends a request; a refusal always becomes a visible problem line as well."""
        if self.session is None:
            return

        def answer(reply: wire.Reply) -> None:
            if isinstance(reply, wire.Refused):
                self.raise_problem(reply.problem)
            if done is not None and _still_there(done):
                done(reply)

        self.session.ask(request, answer)

    def raise_problem(self, problem: Problem, count: int = 1) -> None:
        self.take_event(wire.ProblemRaised(problem, count))

    def dismiss(self, key: str) -> None:
        if self.problems.pop(key, None) is not None:
            self.problems_changed.emit()

    def take_newest(self) -> bool:
        """Reads the shared block; True when there is something new."""
        if self.session is None:
            return False
        values = self.session.newest()
        if values is None:
            return False
        old = self.live_values
        self.live_values = values
        return old is None or old.batch != values.batch or old.wall_ms != values.wall_ms

    def ask_city(self) -> None:
        if self.session is not None:
            self.session.ask(wire.GetCity(), self._got_city)

    # ---------------------------------------------------------------- answers
    def _got_city(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.City):
            self.city = build(reply)
            self.city_known = True
            self.city_changed.emit()

    def _got_layers(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Layers):
            self.layers = {s.plugin: s for s in reply.items}
            for layer in reply.items:
                if layer.problem is not None:
                    self.raise_problem(layer.problem)
            self.layers_changed.emit()

    def _got_alarms(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Alarms):
            self._alarms = {a.key: a for a in reply.alarms if a.state is not AlarmState.NORM}
            self._set_incidents(reply.incidents)
            self.alarms_changed.emit()

    def _got_prognosis(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Prognoses):
            self._prognoses = reply.items
            self.prognosis_changed.emit()

    def _got_orders(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.WorkOrders):
            self._orders = {o.id: o for o in reply.items}
            self.orders_changed.emit()

    def _got_tasks(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Tasks):
            self.tasks = {t.id: t for t in reply.items}
            self.tasks_changed.emit()

    def _got_commands(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Commands):
            self.commands = {c.command.id: c for c in reply.items}
            self.commands_changed.emit()

    def _got_shelf(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Shelf):
            self.shelf = reply
            self.shelf_changed.emit()

    def _got_by_hand(self, reply: wire.Reply | wire.Event) -> None:
        if isinstance(reply, wire.ByHand):
            self.by_hand = reply.items
            self.hand_changed.emit()

    # ---------------------------------------------------------------- events
    def take_event(self, event: wire.Event) -> None:
        """One event of the recorder, in order."""
        match event:
            case wire.Status():
                self.status = event
                self._told_ms = self.clock.monotonic_ms()
                self.status_changed.emit()
            case wire.AlarmsChanged():
                self._take_alarms(event)
            case wire.CityChanged():
                self.ask_city()
            case wire.TaskChanged():
                self.tasks[event.task.id] = event.task
                self.tasks_changed.emit()
            case wire.Shelf():
                self._got_shelf(event)
            case wire.TrendPresets():
                self.presets_changed.emit(event)
            case wire.ByHand():
                self._got_by_hand(event)
            case wire.RegisterDone():
                self.register_done.emit(event)
            case wire.ImportDone():
                orders = any(ORDERS & f.objects.keys() for f in event.files)
                if orders and self.session is not None:
                    self.session.ask(wire.GetWorkOrders(), self._got_orders)
                self.import_done.emit(event)
            case wire.CheckDone():
                self.check_done.emit(event)
            case wire.ScenarioDone():
                self.scenario = event
                self.scenario_changed.emit()
            case wire.PrognosisChanged():
                self._prognoses = event.items
                if self.time.mode is not Mode.REPLAY:
                    self.prognosis_changed.emit()
            case wire.WorkOrderChanged():
                self._orders[event.order.id] = event.order
                if self.time.mode is not Mode.REPLAY:
                    self.orders_changed.emit()
            case wire.CommandChanged():
                self.commands[event.state.command.id] = event.state
                self.commands_changed.emit()
            case wire.ProblemRaised():
                self._take_problem(event)
            case wire.BackupDone():
                self.backup_done.emit(event)
            case wire.ExportDone():
                self.export_done.emit(event)
            case wire.LayerState():
                self.layers[event.plugin] = event
                self.layers_changed.emit()
            case wire.KitDone():
                self.kits.take(event)
            case wire.AnomaliesChanged() | wire.ExpectedState():
                self.unusual.take(event)
            case wire.Forecasts():
                self.ahead.take(event)
            case wire.ModelChanged():
                self.models.take(event)
            case wire.Edited() | wire.Conflicts() | wire.Jobs() | wire.AttachmentChanged():
                self.records.take(event)
                self.kits.take(event)
            case wire.Suspects():
                self.doubted.take(event)
            case _:
                self.room.take(event)

    def _take_alarms(self, event: wire.AlarmsChanged) -> None:
        for record in event.changed:
            if record.state is AlarmState.NORM:
                self._alarms.pop(record.key, None)
                self.last_returned_ms = max(self.last_returned_ms, record.changed_ms)
            else:
                self._alarms[record.key] = record
        self._set_incidents(event.incidents)
        if self.time.mode is not Mode.REPLAY or any(r.priority == 1 for r in event.changed):
            urgent = any(r.priority == 1 for r in event.changed)
            if urgent or not self._alarm_pause.isActive():
                self.alarms_changed.emit()
                self._alarm_pause.start()
            else:
                self._alarms_due = True  # a cascade is shown twice a second, not ten times

    def _alarms_paused(self) -> None:
        if self._alarms_due:
            self._alarms_due = False
            self.alarms_changed.emit()
            self._alarm_pause.start()

    def _set_incidents(self, incidents: tuple[Incident, ...]) -> None:
        self._incidents = incidents
        for incident in incidents:
            known = self.incidents_seen.get(incident.id)
            if known is None or len(incident.folded) >= len(known.folded):
                self.incidents_seen[incident.id] = incident

    def _take_problem(self, event: wire.ProblemRaised) -> None:
        key = f"{event.problem.code}:{event.problem.text[:60]}"
        if event.over:
            self.problems.pop(key, None)
        else:
            known = self.problems.pop(key, None)
            if known is not None and event.count <= known.count:
                event = wire.ProblemRaised(event.problem, known.count + 1)
            self.problems[key] = event
        self.problems_changed.emit()

    def show_layers(self, view: LayerView) -> None:
        """Which imported layers the picture shows from now on, and how."""
        if view != self.layer_view:
            self.layer_view = view
            self.layer_view_changed.emit(view)

    def running_tasks(self) -> list[Task]:
        busy = (TaskState.RUNNING, TaskState.WAITING, TaskState.STOPPING)
        return [t for t in self.tasks.values() if t.state in busy]
