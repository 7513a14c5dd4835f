"""The next hours stand in the registry: carded, used, judged on what came, frozen, rolled back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from tests.kit.clocks import FakeClock
from tests.kit.patience import until
from tests.kit.usual_past import UsualPast

from lamplighter.analytics.forecasting.keeping import FILE, Learning, Version, learn, reload
from lamplighter.analytics.forecasting.live import LEADS, LiveRequest, Past, next_hours
from lamplighter.analytics.model_files import Kept
from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.models import FORECASTS, Judged, ModelState, card_lines
from lamplighter.domain.problems import LamplighterError, problem
from lamplighter.domain.task import TaskState, silent
from lamplighter.governance.keys import signing_key
from lamplighter.runtime import forecasts
from lamplighter.runtime.forecast_models import WINDOW_MS, ForecastModels
from lamplighter.runtime.model_registry import ModelRegistry
from lamplighter.runtime.own_cards import forecasts_card
from lamplighter.runtime.recorder import Recorder
from lamplighter.store import Store

HOUR_MS = 3_600_000


def breathing(days: int, *, seed: int = 0) -> np.ndarray:
    hours = np.arange(days * 24)
    noise = np.random.default_rng(seed).normal(0, 0.1, hours.size)
    return 5.0 + np.sin(hours / 24 * 2 * np.pi) + noise


def asked(value: np.ndarray, version: Version | None = None, **more: object) -> LiveRequest:
    """Forecasts of one datastream from these hours, which end at the same moment always."""
    taught = version.items[0] if version is not None else None
    past = Past("stream/a", HOUR_MS * 480_000, value, taught=taught)
    made = past.first_ms + value.size * HOUR_MS
    return replace(LiveRequest(made, (past,), version=7 if version else 0), **more)


def test_a_version_says_what_learning_on_the_spot_says_and_comes_back_from_its_file(
    tmp_path: Path,
) -> None:
    value = breathing(20)
    kept = learn(Learning(asked(value), str(tmp_path / "a")), silent)
    again = reload(Kept(str(tmp_path / "a"), kept.files), silent)
    assert again == kept.version and set(kept.files) == {FILE}
    alone = next_hours(asked(value), silent)[0]
    by_version = next_hours(asked(value, again), silent)[0]
    assert by_version.version == 7 and alone.version == 0
    assert replace(by_version, version=0) == alone

    longer = breathing(22)  # what was learned is kept while new hours come
    later = next_hours(asked(longer, again), silent)[0]
    assert len(later.value) == LEADS and later.version == 7
    frozen = next_hours(asked(longer, again, frozen="it was worse"), silent)[0]
    assert frozen.frozen and frozen.value == frozen.naive and frozen.model == later.model
    assert frozen.why == "version 7 of the model is frozen: it was worse"

    (tmp_path / "a" / FILE).write_text("{}")
    with pytest.raises(LamplighterError) as told:
        reload(Kept(str(tmp_path / "a"), kept.files), silent)
    assert told.value.problem.code == "P-604"


def test_a_later_learning_judges_the_version_before_by_hours_it_had_not_seen(
    tmp_path: Path,
) -> None:
    value = breathing(24)
    first = learn(Learning(asked(value[: 20 * 24]), str(tmp_path)), silent)
    later = learn(Learning(asked(value, first.version), str(tmp_path)), silent).later
    assert first.later is None and later is not None
    assert later.to_ms - later.from_ms == 4 * 24 * HOUR_MS
    assert later.items == 1 and later.ratio < 1.0

    changed = value.copy()
    changed[20 * 24 :] += 40.0  # the hours it is judged by, and no others
    other = learn(Learning(asked(changed, first.version), str(tmp_path)), silent).later
    assert other is not None and other.ratio != later.ratio
    repaired = asked(value, first.version)
    repaired = replace(repaired, items=(replace(repaired.items[0], anew_ms=repaired.made_ms),))
    assert learn(Learning(repaired, str(tmp_path)), silent).later is None


def counting() -> tuple[ForecastModels, list[Judged]]:
    """Version 2 in use, and the windows that are put on its record."""
    kept: list[Judged] = []
    writer = SimpleNamespace(keep=lambda write: None)
    room = SimpleNamespace(project=Path(), store=SimpleNamespace(writer=writer))
    models = ForecastModels(room)  # type: ignore[arg-type]
    models._version = 2
    models.kept.judged = lambda window, version: kept.append(window)  # type: ignore[method-assign]
    return models, kept


def test_one_window_after_the_other_is_judged_whole() -> None:
    models, kept = counting()
    first, each = 480_000, WINDOW_MS // HOUR_MS
    for hour in range(first, first + 2 * each):
        for id in ("stream/a", "stream/b"):
            models.came(id, 2, hour, 1.0, 2.0)
        models.settle()

    spans = [(w.from_ms // HOUR_MS, w.to_ms // HOUR_MS) for w in kept]
    assert spans == [(first, first + each), (first + each, first + 2 * each)]


def test_a_window_with_too_little_to_judge_by_freezes_nothing_and_goes_on() -> None:
    models, kept = counting()
    first, each = 480_000, WINDOW_MS // HOUR_MS
    for n in range(each + 24):  # one item alone, and another of which an hour came now and then
        models.came("stream/a", 2, first + n, 2.0, 1.0)
        if n % 24 == 0:
            models.came("stream/b", 2, first + n, 9.0, 1.0)
        models.settle()
        assert len(kept) == (n + 1 >= 96), n
    assert (kept[0].to_ms - kept[0].from_ms) // HOUR_MS == 96
    assert (kept[0].figure.ours, kept[0].figure.n) == (2.0, 1)


def test_a_version_of_a_young_project_says_that_it_is_too_young_and_is_not_frozen(
    tmp_path: Path,
) -> None:
    for n, (days, young) in enumerate(((4, True), (14, False))):
        value = np.cumsum(np.random.default_rng(3).normal(size=days * 24))
        kept = learn(Learning(asked(value), str(tmp_path / f"learned-{n}")), silent)
        card = forecasts_card(kept)
        assert bool(card.young) is young
        Store.create(tmp_path / f"town-{n}", name="town", clock=SystemClock())
        store = Store.open(tmp_path / f"town-{n}", write=True, clock=SystemClock())
        models = ModelRegistry(store, signing_key(tmp_path / "keys"), SystemClock())
        record = models.adopt(tmp_path / f"learned-{n}", kept.files, card)
        store.close()
        lines = dict(card_lines(record))
        assert ("too young to be judged" in lines["state"]) is young
        assert not (young and record.frozen)
        assert card.basis.startswith("this project's history")
        told = replace(kept, version=replace(kept.version, simulated=True))
        assert forecasts_card(told).basis.startswith("simulated history")


def test_who_asked_for_a_version_is_told_when_there_is_no_forecast_to_learn_from() -> None:
    ended: list[TaskState] = []
    task: Any = SimpleNamespace(end=lambda state, words: ended.append(state))
    models = ForecastModels(SimpleNamespace(project=Path()))  # type: ignore[arg-type]
    for code, state in (("P-604", TaskState.FAILED), ("P-607", TaskState.CANCELLED)):
        models._asked = (task, "mia")
        models.not_made(problem(code, name="Forecast the next hours", what="x"))
        assert ended[-1] is state and models._asked is None


def test_a_clock_that_is_set_back_stops_neither_forecasts_nor_learning(tmp_path: Path) -> None:
    clock = FakeClock()
    room = SimpleNamespace(clock=clock, project=tmp_path)
    desk = forecasts.ForecastDesk(room)  # type: ignore[arg-type]
    desk.models = ForecastModels(room)  # type: ignore[arg-type]
    desk.models.moved = lambda: False  # type: ignore[method-assign]
    made: list[int] = []
    desk.make = lambda **how: bool(made.append(clock.wall_ms()))  # type: ignore[method-assign]
    desk._streams = ["a"]
    desk._made_hour = (clock.wall_ms() - forecasts.LATE_MS) // HOUR_MS
    desk.every_second()
    assert made == []
    request = replace(asked(breathing(20)), made_ms=clock.wall_ms())
    desk.models._made_ms = desk.models._again_ms = clock.wall_ms()
    assert not desk.models._is_due(request)

    clock.jump(-365 * 24 * HOUR_MS)
    desk.every_second()
    assert len(made) == 1
    assert desk.models._is_due(replace(request, made_ms=clock.wall_ms()))


def started(past: UsualPast, told: list[str]) -> Recorder:
    made = Recorder(past.folder, SystemClock(), plugin_code=False)
    made.tell = lambda problem: told.append(str(problem))  # type: ignore[method-assign]
    made.start()
    return made


def states(recorder: Recorder) -> dict[int, ModelState]:
    return {r.card.version: r.state for r in recorder.models.records(FORECASTS)}


def settled(recorder: Recorder) -> None:
    desk = recorder.forecasts
    until(lambda: not desk._busy and not desk.models._busy and not desk.models.kept.moved())


def test_versions_have_a_card_are_used_judged_frozen_and_put_back_by_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecasts, "SOON_MS", 50)
    monkeypatch.setenv("LAMPLIGHTER_EXPECTED_EVERY_HOURS", "0")
    past = UsualPast(tmp_path / "town", SystemClock(), streams=2, days=13)
    past.write(every_min=60)
    told: list[str] = []
    recorder = started(past, told)
    desk, models = recorder.forecasts, recorder.models
    try:
        desk.watch(recorder.core.city.streams)
        until(lambda: states(recorder) == {1: ModelState.IN_USE})
        settled(recorder)
        card = models.record(FORECASTS).card
        assert (card.units, card.figures[0].n, card.figures[0].naive) == (2, 2, 1.0)
        assert card.stated == 0.9 and card.covered_n > 0 and card.seeds == (0,)
        assert card.from_ms < card.to_ms <= past.end_ms
        lines = dict(card_lines(models.record(FORECASTS)))
        assert {"training window", "kept apart", "thresholds from", "naive rule", "coverage",
                "age in service", "hash", "seeds"} <= lines.keys()  # fmt: skip

        task = recorder._answers.answer(wire.TrainModel(FORECASTS))
        assert isinstance(task, wire.TaskStarted)
        until(lambda: 2 in states(recorder))
        settled(recorder)
        assert states(recorder) == {1: ModelState.EARLIER, 2: ModelState.IN_USE}
        rows = {t.id: t for t in recorder.jobs.tasks()}
        assert rows[task.task].state is TaskState.DONE
        desk.make()
        until(lambda: {f.version for f in desk.items.values()} == {2})

        ids, hour = list(desk.items), past.end_ms // HOUR_MS
        for n in range(WINDOW_MS // HOUR_MS):  # the naive rule is nearer to what comes
            for id in ids:
                desk.models.came(id, 2, hour + n, 2.0, 1.0)
        desk.models.settle()
        record = models.record(FORECASTS)
        assert "no better than the naive rule" in record.frozen
        judged = record.judged[-1]
        assert (judged.figure.ours, judged.figure.naive, judged.figure.n) == (2.0, 1.0, 2)
        until(lambda: all("version 2 of the model is frozen" in f.why for f in desk.items.values()))
        assert all(f.value == f.naive for f in desk.items.values())

        recorder._answers.answer(wire.PromoteModel(FORECASTS, 0, "it was better"))
        until(lambda: {f.version for f in desk.items.values()} == {1})
        assert "frozen" not in "".join(f.why for f in desk.items.values())
        week = desk.models.request(
            recorder.clock.wall_ms() + 8 * 24 * HOUR_MS,
            desk._pasts(past.end_ms // HOUR_MS, boosted=False),
        )
        assert desk.models._is_due(week)  # it is old, but what is learned now waits for a person
        desk.models.learn_if_due(week)
        until(lambda: states(recorder).get(3) is ModelState.CANDIDATE)
        settled(recorder)
        assert not desk.models._is_due(replace(week, made_ms=week.made_ms + 2 * HOUR_MS))
        assert told == []

        file = models.folder(FORECASTS, 1) / FILE
        file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))
        desk.models.load(desk.make)
        until(lambda: states(recorder).get(4) is ModelState.IN_USE)
        assert len(told) == 1 and "was changed" in told[0] and "P-604" in told[0]
        assert "damaged" in models.record(FORECASTS, 1).frozen
    finally:
        recorder.stop()
