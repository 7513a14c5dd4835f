"""What is asked is done, or refused and then never done; what fails beside it ends nothing."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.kit.patience import until
from tests.kit.recorders import running

from lamplighter.domain import wire
from lamplighter.domain.observation import SourceLife
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import TaskState
from lamplighter.runtime import answering, edits, jobs, recorder, sealing
from lamplighter.runtime.answering import Answering
from lamplighter.runtime.edits import EditDesk


def test_what_came_too_late_on_the_beat_is_refused_and_not_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting: list[Callable[[], None]] = []
    core = SimpleNamespace(on_beat=waiting.append)
    asked = Answering(SimpleNamespace(core=core))  # type: ignore[arg-type]
    monkeypatch.setattr(answering, "BEAT_ANSWER_S", 0.05)
    done: list[str] = []
    with pytest.raises(LamplighterError) as caught:
        asked._on_beat(lambda: done.append("acknowledged"))
    assert caught.value.problem.code == "U-805"
    waiting[0]()
    assert done == []


def test_what_the_beat_itself_raises_reaches_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    core = SimpleNamespace(on_beat=lambda work: work())
    asked = Answering(SimpleNamespace(core=core))  # type: ignore[arg-type]

    def slow() -> None:
        raise TimeoutError("the disk")

    with pytest.raises(TimeoutError, match="the disk"):
        asked._on_beat(slow)


def test_announcements_wait_for_the_beat_that_reads_them(tmp_path: Path) -> None:
    """They come on another thread, and a beat that goes through them must not meet a new one."""
    with running(tmp_path / "town") as made:
        core, held, go_on = made.core, threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            go_on.wait(60)

        core.on_beat(hold)
        assert held.wait(60)
        core.hear((SourceLife(5, 1, heard_ms=made.clock.wall_ms()),))
        before = dict(core.lives)
        go_on.set()
        assert before == {}
        until(lambda: 5 in core.lives)


def test_an_edit_that_was_not_begun_in_time_is_not_written_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting: list[Future[None]] = []

    class Stuck:
        """A store whose disk does not answer."""

        store_id = "s"

        @property
        def writer(self) -> Stuck:
            return self

        def edits(self) -> list[object]:
            return []

        def call(self, work: object) -> Future[None]:
            waiting.append(Future())
            return waiting[-1]

    monkeypatch.setattr(edits, "ANSWER_S", 0.05)
    desk = EditDesk(Stuck(), author="me", now_ms=lambda: 1)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        desk.change("note/n", {"text": "broken"})
    assert waiting[0].cancelled()
    assert desk.edits.record("note/n") == {}


def test_a_recorder_goes_on_when_single_parts_of_it_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path / "town") as made:
        # a damaged segment
        def broken(*_: object) -> None:
            raise zlib.error("incorrect data check")

        with monkeypatch.context() as patch:
            patch.setattr(sealing, "rebuild", broken)
            made.housekeeping.round()

        # a city that cannot be read for a moment is read again
        real, tries, before = made.core._reload_city, [], made.core.city

        def locked() -> object:
            tries.append(1)
            if len(tries) < 2:
                raise OSError("locked")
            return real()

        monkeypatch.setattr(made.core, "_reload_city", locked)
        made.core.city_changed()
        until(lambda: made.core.city is not before)

        # tasks that ended long ago are not listed for ever
        for _ in range(jobs.KEPT_TASKS + 5):
            made.jobs.own("Learn").end(TaskState.DONE)
        running_task = made.jobs.own("Learn").number
        listed = made.jobs.tasks()
        assert len(listed) <= jobs.KEPT_TASKS + 2
        assert running_task in {t.id for t in listed}

        # the same address once more is the feed there is
        url = "mqtt://127.0.0.1:1"
        first = made._handle(wire.AddFeed(url))
        assert made._handle(wire.AddFeed(url)) == first == wire.Ok("feed-1")

    def no_threads(*_: object, **__: object) -> object:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(recorder, "connect", no_threads)
    with running(tmp_path / "town") as made:
        (state,) = made.feed_states()
        assert state.state == "refused" and "can't start new thread" in state.detail
