"""What is asked of the core's beat is done, or refused and then never done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.kit.patience import until
from tests.kit.recorders import running

from lamplighter.domain.observation import SourceLife
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime import answering
from lamplighter.runtime.answering import Answering


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
    with running(tmp_path / "town") as recorder:
        core, held, go_on = recorder.core, threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            go_on.wait(60)

        core.on_beat(hold)
        assert held.wait(60)
        core.hear((SourceLife(5, 1, heard_ms=recorder.clock.wall_ms()),))
        before = dict(core.lives)
        go_on.set()
        assert before == {}
        until(lambda: 5 in core.lives)
