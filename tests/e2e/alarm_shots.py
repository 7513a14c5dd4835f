"""Pictures of alarms in the window: what to do with its checklist, a rule's trial, the figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lamplighter.domain import wire
from lamplighter.domain.alarm import Condition
from lamplighter.domain.alarm_design import ChecklistStep, RuleDefinition

if TYPE_CHECKING:
    from tests.e2e.make_shots import Director, Step

WORN, STOPPED = "P-22", "P-14"
RULE, DRAFT = "bearing-worn", "delivery-lost"


class AlarmShots:
    """The acts of somebody who writes a rule, answers its alarm and looks at the figures."""

    def __init__(self, director: Director) -> None:
        self._director = director

    @property
    def furniture(self) -> Any:
        return self._director._window.furnish()

    @property
    def desk(self) -> Any:
        return self._director._desk

    @property
    def work(self) -> Any:
        """The window about alarms."""
        return self.furniture.alarm_work.work

    def steps(self, make: type[Step], good: Callable[[], bool]) -> list[Step]:
        """Rules first, so that their alarm stands when it is shown."""

        def at_once() -> bool:
            return True

        return [
            make("own rules", at_once, self.write_rules, 2.0),
            make("guidance", self.raised, self.guide, 3.0, "alarm-guidance", good),
            make("rule page", at_once, self.open_rule, 2.0),
            make("trial", self.known, self.try_rule, 2.0, "alarm-rule-trial", self.tried,
                 lambda: self.work),
            make("rule form", at_once, lambda: self.work.rules.edit(), 2.0, "alarm-rule-form",
                 at_once, lambda: self.work.rules.form),
            make("figures", at_once, self.figures, 2.0, "alarm-figures", self.counted,
                 lambda: self.work),
            make("rules gone", at_once, self.put_back, 1.0),
        ]  # fmt: skip

    def _stream(self, asset: str, kind: str) -> Any:
        return next(s for s in self.desk.city.of_asset[asset] if s.kind == kind)

    def write_rules(self) -> None:
        """One rule that holds now and is waived, one that stays a draft."""
        shaking = self._stream(WORN, "vibration_rms")
        now = float(self.desk.live_values.value[shaking.id])
        worn = RuleDefinition(
            RULE, "Bearing shakes more than it should", Condition.ABOVE, shaking.key,
            threshold=round(0.7 * now, 1), priority=3, cause="Worn or dry bearing, drive end",
            consequence="The bearing seizes within days; Hillside has one pump left",
            action="Keep Hillside supplied while the pump is looked at",
            guidance=("Compare with P-23 on the same trend.", "Start P-23 before P-22 is stopped.",
                      "Plan the bearing for this week."),
            justification="Costly damage, days to act", owner="Water works",
            checklist=(ChecklistStep("P-23 runs and delivers"), ChecklistStep("Crew is told"),
                       ChecklistStep("Grease gun is on the way", required=False)),
        )  # fmt: skip
        pressure = self._stream(STOPPED, "discharge_pressure")
        lost = RuleDefinition(
            DRAFT, "Pump delivers nothing", Condition.BELOW, pressure.key, threshold=2.0,
            priority=2, deadband=0.2, on_delay_s=2, cause="Supply lost or valve shut",
            consequence="The zone falls below its lowest pressure",
            action="Feed the zone from its neighbour",
            guidance=("Open the valve of the next zone.",),
            respond_within_s=600, justification="Many people, little time", owner="Water works",
        )  # fmt: skip
        self.desk.ask(wire.PutRule(worn), self._waive)
        self.desk.ask(wire.PutRule(lost))

    def _waive(self, _: object) -> None:
        self.desk.ask(wire.ArmRule(RULE, waiver="no failure of this pump on record yet"))

    def raised(self) -> bool:
        return any(a.rule == f"project.{RULE}" for a in self.desk.standing())

    def guide(self) -> None:
        """Its alarm, with one step done."""
        if self.furniture.desk.time.mode.value != "live":
            self.desk.time.live()
        self._director._go("Alarms")
        key = f"project.{RULE}@{WORN}"
        self.desk.ask(wire.TickStep(key, 0))
        self.furniture.alarms.show_alarm(key)

    def open_rule(self) -> None:
        """The draft on the page of rules."""
        self.furniture.alarm_work.open(0)
        self.work.rules.choose(f"project.{DRAFT}")

    def known(self) -> bool:
        chosen = self.work.rules.chosen
        return chosen is not None and chosen.id == f"project.{DRAFT}"

    def try_rule(self) -> None:
        trial = self.work.rules.trial
        trial.days.setCurrentIndex(0)
        trial.try_it()

    def tried(self) -> bool:
        return self.work.rules.trial.trial is not None

    def figures(self) -> None:
        if self.work.rules.form is not None:
            self.work.rules.form.close()
        self.work.show_page(3)
        self.work.figures.look()

    def counted(self) -> bool:
        return self.work.figures.kpis is not None

    def put_back(self) -> None:
        """For the pictures that follow."""
        self.work.close()
        for rule in (RULE, DRAFT):
            self.desk.ask(wire.DropRule(rule))
        self._director._go("Overview")
