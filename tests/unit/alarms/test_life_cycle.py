"""The table of the life cycle against a second model, and the engine against both."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.alarms.life_model import Life

from lamplighter.alarms import TABLE, AlarmEngine, AlarmInput, transition
from lamplighter.domain.alarm import AlarmRule, AlarmState, Condition
from lamplighter.domain.newest_block import blank
from lamplighter.domain.problems import LamplighterError
from lamplighter.twin import DependencyGraph


def _lives(state: AlarmState, latching: bool) -> list[Life]:
    """Every combination of facts that is this state."""
    found = []
    for bits in range(8):
        for aside in ("", "SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"):
            life = Life(latching)
            life.holds, life.unseen = bool(bits & 1), bool(bits & 2)
            life.waits_for_reset, life.aside = bool(bits & 4), aside
            if life.waits_for_reset and (life.holds or aside or not latching):
                continue
            if life.state == state.value:
                found.append(life)
    return found


@pytest.mark.parametrize("latching", [False, True])
@pytest.mark.parametrize("event", list(AlarmInput))
@pytest.mark.parametrize("state", list(AlarmState))
def test_every_state_and_event_agrees_with_the_second_model(
    state: AlarmState, event: AlarmInput, latching: bool
) -> None:
    for life in _lives(state, latching):
        if (event is AlarmInput.RAISE and life.holds) or (
            event is AlarmInput.CLEAR and not life.holds
        ):
            continue  # a condition cannot begin or end twice
        seen = not life.unseen
        possible = life.happens(event.value)
        after = transition(state, event, active=life.holds, latching=latching, seen=seen)
        assert after == (AlarmState(life.state) if possible else None)


def test_the_table_reaches_every_state_and_leaves_every_state() -> None:
    reached = {outcome for outcomes in TABLE.values() for outcome in outcomes}
    left = {state for (state, _), outcomes in TABLE.items() if set(outcomes) != {state}}
    assert reached == left == set(AlarmState)


def test_twenty_thousand_random_traces_agree_with_the_second_model() -> None:
    chance = random.Random(20261122)
    events = list(AlarmInput)
    for _ in range(20_000):
        latching = chance.random() < 0.5
        life, state, active = Life(latching), AlarmState.NORM, False
        for event in chance.choices(events, k=12):
            if (event is AlarmInput.RAISE and active) or (event is AlarmInput.CLEAR and not active):
                continue
            if event in {AlarmInput.RAISE, AlarmInput.CLEAR}:
                active = event is AlarmInput.RAISE
            seen = not life.unseen
            possible = life.happens(event.value)
            after = transition(state, event, active=active, latching=latching, seen=seen)
            assert (after is not None) == possible
            state = after or state
            assert state.value == life.state


# ------------------------------------------------------------------ the engine as a whole
KEY = "r@A"


def _engine(latching: bool, restored: AlarmEngine | None = None) -> AlarmEngine:
    rule = AlarmRule(
        "r", 0, "A", Condition.ABOVE, 10.0, 2, "Too much", deadband=1.0, latching=latching
    )
    records = restored.records() if restored else ()
    return AlarmEngine([rule], DependencyGraph([], []), restored=records)


def _tell(engine: AlarmEngine, batch: int, value: float) -> None:
    values = blank(1)
    values.time_ms[:], values.value[:] = batch * 1000, value
    engine.step(batch, batch * 1000, values, np.zeros(1, np.bool_))


ASKED: dict[str, Callable[[int], dict[str, object]]] = {
    "ack": lambda now: {},
    "reset": lambda now: {},
    "shelve": lambda now: {"until_ms": now + 3_600_000, "reason": "known"},
    "unshelve": lambda now: {},
    "suppress": lambda now: {"reason": "by design"},
    "unsuppress": lambda now: {},
    "disable": lambda now: {"reason": "in repair"},
    "enable": lambda now: {},
}


@pytest.mark.parametrize("latching", [False, True])
def test_the_engine_follows_the_second_model_through_random_days_and_restarts(
    latching: bool,
) -> None:
    chance = random.Random(7)
    for _ in range(60):
        life, engine = Life(latching), _engine(latching)
        for batch in range(1, 40):
            what = chance.choice(["high", "normal", "restart", *ASKED])
            if what == "restart":
                engine = _engine(latching, engine)
            elif what in {"high", "normal"}:
                _tell(engine, batch, 20.0 if what == "high" else 0.0)
                life.happens("raise" if what == "high" else "clear")
            else:
                try:
                    engine.act(
                        what, [KEY], actor="me", batch=batch, now_ms=batch * 1000,
                        **ASKED[what](batch * 1000),  # type: ignore[arg-type]
                    )  # fmt: skip
                    done = True
                except LamplighterError:
                    done = False
                assert done == life.happens(what)
            record = engine.record(KEY)
            state = record.state if record else AlarmState.NORM
            assert state.value == life.state
            assert (record is not None and record.active) == life.holds
