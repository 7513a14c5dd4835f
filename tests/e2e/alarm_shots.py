"""Pictures of alarms in the window: what to do, the figures, a rule tried on a recorded day."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from lamplighter.domain import wire
from lamplighter.domain.alarm import Condition
from lamplighter.domain.alarm_design import ChecklistStep, RuleDefinition

if TYPE_CHECKING:
    from tests.e2e.make_shots import Director, Step

WORN: Final = "P-22"
RULE, DRAFT = "bearing-worn", "supply-weak"
RULE_PICTURES: Final = ("alarm-rule-trial", "alarm-rule-form")


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
            make("figures", at_once, self.figures, 2.0, "alarm-figures", self.counted,
                 lambda: self.work),
            make("rules gone", at_once, self.put_back, 1.0),
        ]  # fmt: skip

    def _stream(self, asset: str, kind: str) -> Any:
        return next(s for s in self.desk.city.of_asset[asset] if s.kind == kind)

    def write_rules(self) -> None:
        """One rule that holds now and is armed by a waiver."""
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
        self.desk.ask(wire.PutRule(worn), self._waive)

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

    def figures(self) -> None:
        self.furniture.alarm_work.open(3)

    def counted(self) -> bool:
        return self.work.figures.kpis is not None

    def put_back(self) -> None:
        """For the pictures that follow."""
        self.work.close()
        self.desk.ask(wire.DropRule(RULE))
        self._director._go("Overview")


class PastRule:
    """A draft, tried on a recorded day; `until_ms` is its last moment."""

    def __init__(self, window: Any, desk: Any, until_ms: int) -> None:
        self._window, self._desk, self._until_ms = window, desk, until_ms

    @property
    def _page(self) -> Any:
        return self._window.furnish().alarm_work.work.rules

    @property
    def busy(self) -> bool:
        """Whether its trial runs."""
        work = self._window.furnish().alarm_work.work
        return work is not None and work.rules.trial.busy

    def steps(self, settle_s: float) -> list[tuple[Callable[[], Any], float, str]]:
        """Write it, try it, move along its thresholds; then its form."""
        return [
            (self._write, settle_s, ""),
            (self._open, settle_s, ""),
            (self._try, settle_s, ""),
            (self._slide, settle_s, RULE_PICTURES[0]),
            (self._form, settle_s, RULE_PICTURES[1]),
        ]

    def _write(self) -> None:
        self._desk.time.replay(self._until_ms)
        weak = RuleDefinition(
            DRAFT, "Supply pressure weak", Condition.BELOW, kind="pressure", threshold=4.0,
            priority=2, deadband=0.02, on_delay_s=60, cause="Burst, or a pump without supply",
            consequence="The zone falls below its lowest pressure",
            action="Feed the zone from its neighbour",
            guidance=("Look for the junction that fell first.", "Open the valve of the next zone."),
            justification="Many people, little time", owner="Water works",
            reviewed_on="2026-11-02", reviewed_by="M. Weber",
            checklist=(ChecklistStep("Crew is on its way"),),
        )  # fmt: skip
        self._desk.ask(wire.PutRule(weak))

    def _open(self) -> None:
        self._window.furnish().alarm_work.open(0)
        self._page.choose(f"project.{DRAFT}")

    def _try(self) -> None:
        trial = self._page.trial
        trial.days.setCurrentIndex(0)
        trial.try_it()

    def _slide(self) -> Any:
        slider = self._page.trial.slider
        slider.setValue(max(0, slider.value() - 2))
        return self._window.furnish().alarm_work.work

    def _form(self) -> Any:
        self._page.edit()
        return self._page.form
