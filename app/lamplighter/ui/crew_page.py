"""The crew plan: a day's board, a proposal at a button, and taking it."""

from __future__ import annotations

from PySide6.QtCore import QDate, Qt, QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QDateEdit, QScrollArea, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.crew_plan import Crew
from lamplighter.ui.crew_board import CrewBoard, midnight_of
from lamplighter.ui.crew_draft import CrewDraft
from lamplighter.ui.crew_form import CrewForm
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Text, button, row
from lamplighter.ui.words import tr


class CrewPage(Panel):
    """Nothing is kept before *Take the plan*; until then the board is a draft with undo."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.draft = CrewDraft()
        self.board = CrewBoard(self.draft)
        self.day = QDateEdit(QDate.currentDate())
        self.day.setDisplayFormat("yyyy-MM-dd")
        self.day.setCalendarPopup(True)
        self.day.setAccessibleName(tr("Day"))
        self.day.dateChanged.connect(lambda _: self.look())
        self.propose = button(tr("Plan the day"), self._propose,
                              tip=tr("Give crews what nobody has; what stands stays"))  # fmt: skip
        self.undo = button(tr("Undo"), self._undo)
        self.take = button(tr("Take the plan"), self._take, kind="primary")
        self.crews = button(tr("Crews…"), self._crews)
        self.sum = Text("", "caption", "secondary")
        self.detail = Text("", "body", "primary", wrap=True)
        self.form = CrewForm()
        self.form.hide()
        self.form.kept.connect(self._put_crew)
        self.form.dropped.connect(self._drop_crew)
        self._build()
        self.board.moved.connect(self._show)
        self.board.picked.connect(self._picked)
        desk.orders_changed.connect(self._orders_changed)
        desk.welcomed.connect(self.look)
        self._show()

    def _build(self) -> None:
        scroll = self._scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.board)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.setSpacing(6)
        box.addLayout(
            row(self.day, self.propose, self.undo, self.take, self.crews, 8, self.sum, None)
        )
        box.addWidget(self.form)
        box.addWidget(scroll, 1)
        box.addWidget(self.detail)

    # ------------------------------------------------------------------ looking
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.look()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        QTimer.singleShot(0, self, self._fit)  # the board's own room is known after the layout

    def _fit(self) -> None:
        self.board.fit(self._scroll.viewport().height())
        self.board.refresh()

    def look(self) -> None:
        """Ask for the day as it stands."""
        if self.isVisible():
            self._desk.ask(wire.GetCrewPlan(self._day_ms()), self._got)

    def _orders_changed(self) -> None:
        if not self.board.hanging:
            self.look()

    def _day_ms(self) -> int:
        return midnight_of(self.day.date().toString("yyyy-MM-dd"))

    def _got(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.CrewPlan) and reply.plan.day_ms == self._day_ms():
            lost = self.draft.load(reply)
            self._show()
            if lost:
                self.detail.setText(tr("The day changed elsewhere; your draft was put away."))
        elif isinstance(reply, wire.Refused):
            self.detail.setText(str(reply.problem))

    def _show(self) -> None:
        draft = self.draft
        self._fit()
        self.undo.setEnabled(draft.can_undo)
        self.take.setEnabled(draft.changed)
        self.propose.setEnabled(bool(draft.crews and draft.left()))
        wrong = sum(bool(v.troubles) for v in draft.plan.visits)
        words = [tr("{n} jobs", n=len(draft.plan.visits)),
                 tr("{km} km", km=f"{draft.plan.travel_m / 1000:.1f}"),
                 tr("{n} not planned", n=len(draft.plan.unplanned))]  # fmt: skip
        if wrong:
            words.append(tr("{n} with trouble", n=wrong))
        if draft.changed:
            words.append(tr("not taken yet"))
        self.sum.setText(" · ".join(words) if draft.crews else "")
        self._tell(self.board.current)

    def _picked(self, order: str) -> None:
        """A person went to a card: every view follows."""
        self._tell(order)
        job = self.draft.jobs.get(order)
        if job is not None and not self.board.hanging and job.asset in self._desk.city.assets:
            self._desk.selection.select(job.asset)

    def _tell(self, order: str) -> None:
        draft = self.draft
        if self.board.hanging:
            self.detail.setText(self.board.words())
        elif order:
            self.detail.setText(f"{order}  {draft.jobs[order].title}: {draft.why(order)}")
        elif not draft.crews:
            self.detail.setText(tr("No crews yet. Add one under Crews…"))
        elif not draft.jobs:
            self.detail.setText(tr("No work orders wait for this day."))
        else:
            self.detail.setText(
                tr("Drag a card, or pick it up with Space, move it with the arrows, drop it with "
                   "Enter; Delete takes it off the plan.")
            )  # fmt: skip

    # ------------------------------------------------------------------ doing
    def _propose(self) -> None:
        ask = wire.ProposeCrewPlan(self.draft.day_ms, dict(self.draft.ways))
        self._desk.ask(ask, self._proposed)

    def _proposed(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.CrewPlan) and reply.plan.day_ms == self.draft.day_ms:
            ways = {c.id: tuple(v.order for v in reply.plan.of(c.id)) for c in reply.crews}
            if self.draft.put(ways):
                self._show()
        elif isinstance(reply, wire.Refused):
            self.detail.setText(str(reply.problem))

    def _undo(self) -> None:
        self.draft.undo()
        self._show()

    def _take(self) -> None:
        ask = wire.TakeCrewPlan(self.draft.day_ms, dict(self.draft.ways), tr("crew plan"))
        self._desk.ask(ask, self._taken)

    def _taken(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.CrewPlan):
            self.draft.ways = {
                c.id: tuple(v.order for v in reply.plan.of(c.id)) for c in reply.crews
            }
            self.draft.kept = dict(self.draft.ways)
        self._got(reply)

    def _crews(self) -> None:
        self.form.setVisible(not self.form.isVisible())
        self.form.show_crews(self.draft.crews)

    def _put_crew(self, crew: Crew) -> None:
        self._desk.ask(wire.PutCrew(crew), lambda _: self._after_crew())

    def _drop_crew(self, crew_id: str) -> None:
        self._desk.ask(wire.DropCrew(crew_id), lambda _: self._after_crew())

    def _after_crew(self) -> None:
        def got(reply: wire.Reply) -> None:
            self._got(reply)
            self.form.show_crews(self.draft.crews)

        self._desk.ask(wire.GetCrewPlan(self._day_ms()), got)
