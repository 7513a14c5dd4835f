"""Kits go over the local network and over a broker with a one-time code, and go on after a cut."""

from __future__ import annotations

import os
import queue
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.kit.broker import Broker
from tests.kit.field_town import change, records, town

from lamplighter.domain.kit import KitReport, KitWanted
from lamplighter.domain.problems import LamplighterError
from lamplighter.exchange import kit_pieces
from lamplighter.exchange.kit_channel import Host, SealedChannel, join
from lamplighter.runtime import kit as kits
from lamplighter.runtime import kit_ways


def quiet(text: str) -> None:
    """Says nothing."""


class Pipe:
    """Two ends in memory; `harm` may lose, change or double what passes, or cut the link."""

    def __init__(self, harm: Callable[[bytes], list[bytes]] = lambda data: [data]) -> None:
        self.out: queue.Queue[bytes] = queue.Queue()
        self.into: queue.Queue[bytes] = queue.Queue()
        self._harm = harm

    def other(self) -> Pipe:
        end = Pipe()
        end.out, end.into = self.into, self.out
        return end

    def put(self, data: bytes) -> None:
        for one in self._harm(data):
            self.out.put(one)

    def take(self, seconds: float) -> bytes:
        try:
            found = self.into.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        if found == b"":
            raise OSError("the link was cut")
        return found

    send, receive = put, take  # unsealed it is a channel by itself

    def close(self) -> None:
        """Nothing to close."""


def channels(
    code: str, theirs: str, harm: Callable[[bytes], list[bytes]] = lambda data: [data]
) -> tuple[SealedChannel, SealedChannel]:
    here = Pipe(harm)
    there = here.other()
    found: list[SealedChannel] = []
    host = Host(code)

    def answer() -> None:
        try:
            found.append(host.answer(there, 10.0))
        except LamplighterError:
            there.put(b"")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    mine = join(here, theirs, 10.0)
    thread.join(10.0)
    return mine, found[0]


def test_a_code_may_be_typed_in_any_manner_and_no_other_fits() -> None:
    mine, theirs = channels("ABCD-EFGH-JKMN", "abcd efgh jkmn")
    mine.send(b"hello")
    assert theirs.receive(5.0) == b"hello"
    with pytest.raises(LamplighterError, match="A-424"):
        channels("ABCD-EFGH-JKMN", "ABCD-EFGH-JKMP")


def test_a_changed_message_is_refused_and_a_doubled_one_passed_over() -> None:
    doubled = lambda data: [data, data]  # noqa: E731
    mine, theirs = channels("ABCD", "ABCD", doubled)
    mine.send(b"one")
    mine.send(b"two")
    assert [theirs.receive(5.0), theirs.receive(5.0)] == [b"one", b"two"]
    harmed = [0]

    def changed(data: bytes) -> list[bytes]:
        harmed[0] += 1
        return [data if harmed[0] < 3 else data[:-1] + bytes([data[-1] ^ 1])]

    mine, theirs = channels("ABCD", "ABCD", changed)
    mine.send(b"three")
    with pytest.raises(LamplighterError, match="A-424"):
        theirs.receive(5.0)


def test_a_file_that_is_cut_again_and_again_arrives_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_pieces, "PIECE", 1000)
    monkeypatch.setattr(kit_pieces, "PATIENCE_S", 5.0)
    file = tmp_path / "big.kit"
    file.write_bytes(os.urandom(60_500))
    rng, sent, attempts = random.Random(4), 0, 0
    while True:
        attempts += 1
        left = [rng.randrange(3, 25)]

        def cut(data: bytes, left: list[int] = left) -> list[bytes]:
            left[0] -= 1
            if left[0] == 0:
                return [b""]
            return [data] if left[0] > 0 else []

        here = Pipe(cut)
        there = here.other()
        got: list[Path] = []

        def receive(end: Pipe = there, got: list[Path] = got) -> None:
            try:
                got.append(kit_pieces.receive_file(end, tmp_path / "in", lambda *s: None))
            except (OSError, LamplighterError):
                end.put(b"")

        thread = threading.Thread(target=receive, daemon=True)
        thread.start()
        try:
            sent += kit_pieces.send_file(here, file, lambda *s: None)
        except OSError:
            thread.join(10.0)
            continue
        thread.join(10.0)
        break
    assert got[0].read_bytes() == file.read_bytes()
    assert attempts > 2 and sent < 60_500  # the last attempt did not send all of it again


@pytest.fixture
def office(tmp_path: Path) -> Path:
    return town(tmp_path / "office", assets=2, messages=2)


def waiting(office: Path, give: Path | None = None) -> kit_ways.Waiting:
    return kit_ways.Waiting(
        office / kit_ways.INBOX, lambda file: kits.merge_alone(office, file), give
    )


def serve(work: Callable[[], KitReport | None]) -> tuple[threading.Thread, list[KitReport | None]]:
    came: list[KitReport | None] = []
    thread = threading.Thread(target=lambda: came.append(work()), daemon=True)
    thread.start()
    return thread, came


def test_a_laptop_fetches_its_kit_and_brings_its_work_over_the_network(
    office: Path, tmp_path: Path
) -> None:
    kits.take_alone(office, tmp_path / "k", KitWanted(everything=True))
    ports: queue.Queue[int] = queue.Queue()
    desk = waiting(office, tmp_path / "k")
    thread, came = serve(lambda: desk.over_lan("127.0.0.1", 0, 60, ports.put, quiet))
    where = f"127.0.0.1:{ports.get(timeout=30)}"
    with pytest.raises(LamplighterError, match="A-424"), kit_ways.carrier_to(where, "X") as link:
        kit_ways.fetch(link, "WRONG", tmp_path / "in", quiet)
    with kit_ways.carrier_to(where, desk.code) as link:
        file = kit_ways.fetch(link, desk.code, tmp_path / "in", quiet)
    thread.join(30)
    assert came == [None]
    kits.merge_alone(tmp_path / "laptop", file)
    change(tmp_path / "laptop", "order/WO-1", {"note": "by network"}, "crew")
    home = waiting(office)
    thread, came = serve(lambda: home.over_lan("127.0.0.1", 0, 60, ports.put, quiet))
    where = f"127.0.0.1:{ports.get(timeout=30)}"

    def made(file: Path) -> KitReport:
        return kits.take_alone(tmp_path / "laptop", file, KitWanted(changes=True))

    report = kit_ways.send_back(tmp_path / "laptop", made, where, home.code, quiet)
    thread.join(30)
    assert report.counts["edits"] > 0 and came == [report]
    assert records(office)["order/WO-1"]["note"] == "by network"


def test_work_comes_back_over_a_broker(office: Path, tmp_path: Path) -> None:
    kits.take_alone(office, tmp_path / "k", KitWanted(everything=True))
    kits.merge_alone(tmp_path / "laptop", tmp_path / "k")
    change(tmp_path / "laptop", "note/n", {"text": "by broker", "asset": "A-0"}, "crew")
    with Broker(tmp_path / "broker") as broker:
        desk = waiting(office)
        thread, came = serve(lambda: desk.over_broker(broker.url, 60, quiet))

        def made(file: Path) -> KitReport:
            return kits.take_alone(tmp_path / "laptop", file, KitWanted(changes=True))

        report = kit_ways.send_back(tmp_path / "laptop", made, broker.url, desk.code, quiet)
        thread.join(30)
    assert came == [report]
    assert records(office)["note/n"]["text"] == "by broker"
