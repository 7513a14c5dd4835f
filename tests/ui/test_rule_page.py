"""Rules are seen, written, tried on the past and armed in the window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.alarm import Arming, Condition
from lamplighter.domain.alarm_design import When
from lamplighter.ui.alarm_windows import RULES, AlarmWindows, AlarmWork
from lamplighter.ui.desk import Desk
from lamplighter.ui.rule_form import RuleForm
from lamplighter.ui.rule_page import RulePage, record_words, state_word
from lamplighter.ui.rule_trial import in_words
from tests.ui.fake_alarm_room import DRY_RUN, outcome_at, view_of
from tests.ui.fake_session import FakeSession
from tests.ui.pages import another, asked


@pytest.fixture
def work(qtbot: Any, desk: Desk) -> Iterator[AlarmWork]:
    from PySide6.QtWidgets import QWidget

    parent = QWidget()
    qtbot.addWidget(parent)
    made = AlarmWindows(desk, parent).open(RULES)
    yield made
    made.close()


@pytest.fixture
def page(work: AlarmWork) -> RulePage:
    return work.rules


def test_drafts_come_first_and_say_that_they_raise_nothing(page: RulePage) -> None:
    view = page.chosen
    assert view is not None and view.id == "project.dry-run" and state_word(view) == "draft"
    assert "raises nothing" in page._state.text()
    assert "Costly damage" in page.record.text() and "Not written" not in page.record.text()
    page.filter.setText("pressure-low")
    view = page.chosen
    assert view is not None and view.origin == "water"
    assert not page.change.isEnabled() and "Priority because" in record_words(view)
    assert not page.trial.arm.isVisibleTo(page.trial)


def test_a_trial_moves_along_its_thresholds_and_arms_with_the_chosen_one(
    desk: Desk, page: RulePage
) -> None:
    trial = page.trial
    trial.try_it()
    assert asked(desk, wire.TryRule) == [wire.TryRule("project.dry-run", 90)]
    own = outcome_at(2.6)
    assert trial.figures["fired"].text() == f"{own.fired} times"
    assert trial.figures["caught"].text() == "3 of 4"
    trial.slider.setValue(0)
    low = outcome_at(2.2)
    assert trial.figures["fired"].text() == f"{low.fired} times"
    assert trial.figures["caught"].text() == "1 of 4"
    assert trial.arm.text() == "Arm with 2.2 bar"
    trial.slider.setValue(8)  # nothing was read there
    assert trial.figures["fired"].text() == "—" and not trial.arm.isEnabled()
    trial.slider.setValue(0)
    trial.arm_tried()
    assert asked(desk, wire.PutRule)[-1].definition == replace(DRY_RUN, threshold=2.2)
    (armed,) = asked(desk, wire.ArmRule)
    assert armed.id == "dry-run" and "at 2.2 bar" in armed.trial and "1 of 4" in armed.trial
    view = page.chosen
    assert view is not None and view.arming is Arming.ARMED
    assert "armed by Seat 1" in page._state.text()


def test_a_trial_holds_no_longer_once_the_rule_was_changed(desk: Desk, page: RulePage) -> None:
    page.trial.try_it()
    desk.ask(wire.PutRule(replace(DRY_RUN, threshold=2.3)))
    assert page.trial.trial is not None  # along its thresholds it still tells
    desk.ask(wire.PutRule(replace(DRY_RUN, on_delay_s=60.0)))
    assert page.trial.trial is None and not page.trial.arm.isEnabled()


def test_a_waiver_needs_a_reason(desk: Desk, page: RulePage) -> None:
    assert not page.trial.waive.isEnabled()
    page.trial.reason.setText("new pump, no past yet")
    page.trial.waive.click()
    assert asked(desk, wire.ArmRule) == [wire.ArmRule("dry-run", waiver="new pump, no past yet")]
    view = page.chosen
    assert view is not None and state_word(view) == "waived"


def test_a_trial_that_fails_says_why_and_can_be_asked_again(desk: Desk, page: RulePage) -> None:
    session = desk.session
    assert isinstance(session, FakeSession)
    page.trial._task = 30
    session.emit(wire.TrialDone(30, None, "there is no past here"))
    assert page.trial.problem.text() == "there is no past here" and page.trial.go.isEnabled()
    session.refuse_all = True
    page.trial.try_it()
    assert page.trial.problem.text() and page.trial.go.isEnabled()


def test_switching_off_needs_a_reason_and_removing_is_asked(desk: Desk, page: RulePage) -> None:
    page.switch.click()
    assert not page._yes.isEnabled()
    page.reason.setText("sensor is replaced")
    page._yes.click()
    assert asked(desk, wire.SwitchRule)[-1] == wire.SwitchRule(
        "project.dry-run", False, "sensor is replaced"
    )
    view = page.chosen
    assert view is not None and state_word(view) == "off"
    page.switch.click()
    assert asked(desk, wire.SwitchRule)[-1].enabled
    page.drop.click()
    assert not asked(desk, wire.DropRule)
    page._yes.click()
    assert asked(desk, wire.DropRule) == [wire.DropRule("dry-run")]
    assert [v.id for v in page.shown] == ["water.pressure-low"]


def test_editing_keeps_what_the_form_does_not_show(desk: Desk, page: RulePage) -> None:
    page.edit()
    form = page.form
    assert form is not None and form.definition() == DRY_RUN
    form.threshold.setEditText("2,4")
    form.checklist.setPlainText("Suction valve is open\nCrew is told ?")
    form.keep()
    sent = asked(desk, wire.PutRule)[-1].definition
    assert sent.threshold == 2.4 and not sent.checklist[1].required
    assert sent.checklist[1].text == "Crew is told"


def test_a_trial_that_went_with_its_recorder_is_not_waited_for(desk: Desk, page: RulePage) -> None:
    trial, session = page.trial, desk.session
    assert isinstance(session, FakeSession)
    trial._task = 9
    desk.connect_session(session)  # the line alone was cut
    assert trial.busy
    desk.connect_session(another(session))
    assert not trial.busy and "restarted" in trial.problem.text()


def test_the_form_says_the_parts_of_a_rule_with_their_units_and_keeps_them(
    desk: Desk, page: RulePage
) -> None:
    parts = (
        When(kind="flow", threshold=300.0, unit="l/min"),
        When("gw/pump", condition=Condition.EQUALS, threshold="stopped", negate=True),
    )
    form = RuleForm(desk, replace(DRY_RUN, when=parts), page)
    assert "flow above 300 l/min and not gw/pump equals stopped" in form._say.text()
    assert form.definition().when == parts
    form.close()


def test_a_new_rule_stands_on_the_selection_and_slides_on_its_last_day(
    qtbot: Any, desk: Desk, page: RulePage
) -> None:
    desk.selection.select("P-17")
    page.new()
    form = page.form
    assert isinstance(form, RuleForm) and not form.primary.isEnabled()
    assert form.stream.text().endswith("P-17/pressure") and len(form.trend.trace.time_ms)
    form.text.textEdited.emit("")
    form.text.setText("Pressure far too low")
    form._name_it()
    form.condition.setCurrentIndex(form.condition.findData(Condition.BELOW.value))
    form.slider.setValue(0)
    low = form.trend.limits[0]
    form.slider.setValue(1000)
    assert "100.0 %" in form.share.text()
    form.slider.setValue(0)
    assert form.trend.limits[0] == low  # it does not run away
    assert "0.0 %" in form.share.text()
    form.every.setChecked(True)
    form.keep()
    sent = asked(desk, wire.PutRule)[-1].definition
    assert (sent.id, sent.kind, sent.datastream) == ("pressure-far-too-low", "pressure", "")
    assert abs(float(sent.threshold) - low) < 0.05  # four digits
    assert any(v.id == "project.pressure-far-too-low" for v in page.views)


def test_the_words_of_a_trial_name_what_was_found() -> None:
    from tests.ui.fake_alarm_room import trial_of

    trial = trial_of("dry-run", 90, 10**12)
    words = in_words(trial, trial.outcome, 2.6)
    assert words.startswith("tried on 90 days of 1 asset at 2.6 bar: raised ")
    assert view_of(DRY_RUN).arming is Arming.DRAFT


def test_a_rule_in_another_unit_than_its_datastream_is_drawn_and_kept_in_its_own(
    desk: Desk, page: RulePage
) -> None:
    rule = replace(DRY_RUN, datastream="", kind="pressure", unit="kPa", threshold=260.0)
    desk.ask(wire.PutRule(rule))
    page.edit()
    form = page.form
    assert form is not None and form.trend.unit == "kPa"
    assert np.nanmedian(form.trend.trace.value) > 100.0
    form.threshold.setEditText("low")
    assert form.trend.threshold == pytest.approx(280.0)
    form.threshold.setEditText("270")
    assert form.definition() == replace(rule, threshold=270.0)
    form.every.setChecked(False)
    form.stream.setText(DRY_RUN.datastream)
    assert form.definition().unit == ""
    form.close()


def test_a_rule_armed_in_the_unit_of_its_trial_keeps_its_deadband(
    desk: Desk, page: RulePage
) -> None:
    rule = replace(DRY_RUN, unit="kPa", threshold=260.0, deadband=20.0)
    desk.ask(wire.PutRule(rule))
    page.trial.try_it()
    page.trial.slider.setValue(0)
    page.trial.arm_tried()
    sent = asked(desk, wire.PutRule)[-1].definition
    assert (sent.threshold, sent.unit) == (2.2, "bar")
    assert sent.deadband == pytest.approx(0.2)
    assert page.trial.trial is not None, "the trial is of these very words"
    desk.ask(wire.PutRule(replace(sent, deadband=0.3)))
    assert page.trial.trial is None
