"""Expected values stand in the registry: carded, judged by later hours, damaged ones refused."""

from __future__ import annotations

from pathlib import Path

from tests.kit.usual_past import UsualPast
from tests.unit.runtime.test_expecting import until

from lamplighter.analytics.expecting import TABLE
from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.models import EXPECTED, ModelState
from lamplighter.runtime.anomaly_list import expected_of
from lamplighter.runtime.recorder import Recorder


def started(past: UsualPast, told: list[str]) -> Recorder:
    made = Recorder(past.folder, SystemClock(), plugin_code=False)
    made.tell = lambda problem: told.append(str(problem))  # type: ignore[method-assign]
    made.start()
    return made


def learned(recorder: Recorder, *, by: str = "") -> dict[int, ModelState]:
    """What became of the versions after a time of learning."""
    until(lambda: not recorder.usual._busy)
    if by:
        assert recorder.usual.train(asked=True, by=by) is not None
    until(lambda: recorder.usual.table is not None and not recorder.usual._busy)
    return {r.card.version: r.state for r in recorder.models.records(EXPECTED)}


def test_versions_have_cards_renew_themselves_follow_a_person_and_are_refused_when_changed(
    tmp_path: Path,
) -> None:
    past = UsualPast(tmp_path / "town", SystemClock(), streams=4, days=4)
    past.write(every_min=20)
    told: list[str] = []
    recorder = started(past, told)
    try:
        assert learned(recorder) == {1: ModelState.IN_USE}
        card = recorder.models.record(EXPECTED).card
        first = card.figures[0]
        assert first.ours is not None and first.naive == 1.0 and first.beats_naive
        assert (card.units, first.n) == (4, 4)
        assert card.from_ms < card.to_ms <= past.end_ms
        assert expected_of(past.folder)["used"] == 4

        assert learned(recorder, by="anna") == {1: ModelState.EARLIER, 2: ModelState.IN_USE}
        assert recorder.models.record(EXPECTED).card.owner == "anna"

        recorder._answers.answer(wire.PromoteModel(EXPECTED, 0, "the new one follows a leak"))
        until(lambda: recorder.usual._kept.using[0] == 1 and recorder.usual._loaded)
        assert recorder.usual.report.card.made_ms <= card.made_ms
        assert learned(recorder, by="anna") == {
            1: ModelState.IN_USE, 2: ModelState.EARLIER, 3: ModelState.CANDIDATE,
        }  # fmt: skip
        assert recorder.usual.report.card.made_ms <= card.made_ms
    finally:
        recorder.stop()

    table = recorder.models.folder(EXPECTED, 1) / TABLE
    body = bytearray(table.read_bytes())
    body[len(body) // 2] ^= 1
    table.write_bytes(bytes(body))
    recorder = started(past, told)
    try:
        refused = [t for t in told if "was changed" in t]
        assert len(refused) == 1 and "P-604" in refused[0] and "\n" not in refused[0]
        assert learned(recorder)[4] is ModelState.IN_USE
        assert "damaged" in recorder.models.record(EXPECTED, 1).frozen
    finally:
        recorder.stop()
