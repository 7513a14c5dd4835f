"""A task may raise, crash, hang, lie or reach for what is not its own: it fails, alone."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.workers.pool_kit import PoolKit

from lamplighter.domain.problems import Problem
from lamplighter.domain.task import TaskState

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is tested where it is offered"),
]


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[PoolKit]:
    made = PoolKit(tmp_path / "cache")
    yield made
    assert made.pool.stop(10.0), "a thread or a child was left behind"
    assert list((made.cache / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("function", "word"),
    [
        ("raises", "the valve is stuck"),
        ("segfault", "SIGSEGV"),
        ("exits", "ended by itself with code 0"),
        ("system_exit", "SystemExit"),
        ("eats_memory", "memory"),
        ("opens_files", "Too many open files"),
        ("forks", "not permitted"),
        ("starts_program", "not permitted"),
        ("floods", "bytes of log"),
        ("big_answer", "100,000,0"),
        ("lies_about_length", "100,000,000"),
        ("malformed", "unreadable"),
        ("answers_for_others", "not given"),
        ("reads_passwords", "Permission denied"),
        ("kills_parent", "not permitted"),
    ],
)
def test_a_bad_task_fails_alone_and_says_why(kit: PoolKit, function: str, word: str) -> None:
    neighbour = kit.hostile("count", steps=6)
    bad = kit.hostile(function)

    problem = bad.end()

    assert isinstance(problem, Problem)
    assert problem.code == "P-606"
    assert word in problem.text
    assert "\n" not in problem.text
    assert len(bad.ends) == 1
    assert kit.task(bad).state is TaskState.FAILED
    assert neighbour.end() == 6


@pytest.mark.parametrize("function", ["hangs", "spins"])
def test_a_task_that_never_ends_is_ended_at_its_time_limit(kit: PoolKit, function: str) -> None:
    neighbour = kit.hostile("count", steps=6)

    problem = kit.hostile(function, timeout_s=0.8).end()

    assert isinstance(problem, Problem)
    assert "no answer within 0.8 s" in problem.text
    assert neighbour.end() == 6


def test_a_flood_of_progress_is_stopped(kit: PoolKit) -> None:
    problem = kit.hostile("floods_progress", task=1).end()

    assert isinstance(problem, Problem)
    assert "more messages than anybody can read" in problem.text


def test_processor_time_is_limited_where_nobody_watches_the_clock() -> None:
    code = """
from lamplighter.workers import sandbox
sandbox.limit_early()
sandbox.limit_task(2048, 1, last=True)
while True: pass
"""
    ended = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)

    assert ended.returncode in (-signal.SIGXCPU, -signal.SIGKILL)


def test_stray_prints_go_to_the_log_and_harm_no_answer(kit: PoolKit) -> None:
    fine = kit.hostile("fine", a=20, b=22)

    assert fine.end() == {"sum": 42}
    # the log comes by a pipe of its own and may follow the answer
    end = time.monotonic() + 10
    while "a stray print on standard output" not in kit.task(fine).log:
        assert time.monotonic() < end, kit.task(fine).log
        time.sleep(0.02)


def test_only_named_inputs_can_be_read(kit: PoolKit, tmp_path: Path) -> None:
    secret, given = tmp_path / "secret.txt", tmp_path / "given.txt"
    secret.write_text("not for you")
    given.write_text("for you")

    assert isinstance(kit.hostile("reads", path=str(secret)).end(), Problem)
    assert kit.hostile("reads", path=str(given), reads=[given]).end() == "for you"


def test_only_the_cache_folder_can_be_written(kit: PoolKit, tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside.txt", kit.cache / "inside.txt"

    assert isinstance(kit.hostile("writes", path=str(outside)).end(), Problem)
    assert not outside.exists()
    assert kit.hostile("writes", path=str(inside)).end() == str(inside)
    assert inside.read_text() == "here I was"


def test_no_link_can_lead_out_of_the_cache_folder(kit: PoolKit) -> None:
    link = kit.cache / "link"

    assert isinstance(kit.hostile("links", path=str(link)).end(), Problem)
    assert not link.is_symlink()


@pytest.mark.skipif(sys.platform != "linux", reason="the filter is one of Linux")
def test_no_ring_of_requests_goes_round_the_filter(kit: PoolKit) -> None:
    problem = kit.hostile("rings").end()

    assert isinstance(problem, Problem)
    assert "not implemented" in problem.text


@pytest.mark.parametrize(
    ("function", "kind"),
    [("connects", socket.SOCK_STREAM), ("tells_by_datagram", socket.SOCK_DGRAM)],
)
def test_no_network_is_reached(kit: PoolKit, function: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as heard:
        heard.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            heard.listen(1)
        heard.settimeout(0.2)

        problem = kit.hostile(function, port=heard.getsockname()[1]).end()

        assert isinstance(problem, Problem)
        with pytest.raises(TimeoutError):
            heard.accept() if kind == socket.SOCK_STREAM else heard.recv(10)


def test_a_worker_is_told_no_secrets(kit: PoolKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "canary")

    names = kit.hostile("environment").end()

    assert "SOME_PASSWORD" not in names
    assert "PATH" in names
