"""Versions of models: kept, promoted by a person, rolled back, frozen by what they did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.kit.clocks import FakeClock

from lamplighter.analytics import model_files
from lamplighter.domain.models import (
    EXPECTED,
    Drift,
    Figure,
    Judged,
    ModelCard,
    ModelState,
)
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.model_registry import KEPT_VERSIONS, ModelRegistry
from lamplighter.store import Store

KEY = Ed25519PrivateKey.generate()
DAY = 86_400_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = tmp_path / "town"
    Store.create(folder, name="town", clock=FakeClock())
    opened = Store.open(folder, write=True, clock=FakeClock())
    yield opened
    opened.close()


class Room:
    """A registry with an audit record one can read."""

    def __init__(self, store: Store, scratch: Path) -> None:
        self.store, self.scratch = store, scratch
        self.told: list[tuple[str, str, str, str]] = []
        self.registry = self.again()

    def again(self) -> ModelRegistry:
        return ModelRegistry(
            self.store, KEY, FakeClock(), told=lambda *words: self.told.append(words)
        )

    def trained(self, *, ours: float = 0.1, owner: str = "automatic") -> int:
        """A new version; says its number."""
        folder = self.scratch / "fresh"
        folder.mkdir(parents=True)
        np.savez(folder / "tables.npz", a=np.array([ours]))
        files = {"tables.npz": model_files.sha256(folder / "tables.npz")}
        card = ModelCard(
            "pumps", "Pumps that fail", "a method", "history, 12 failures", 0, 90 * DAY, 24, 900,
            (0,), "whole assets", "training rows", (Figure("Brier score", ours, 0.2, n=24),),
        )  # fmt: skip
        return self.registry.adopt(folder, files, card, owner=owner).card.version


@pytest.fixture
def room(store: Store, tmp_path: Path) -> Room:
    return Room(store, tmp_path / "scratch")


def window(ours: float, day: int, *, backtest: bool = False) -> Judged:
    figure = Figure("Brier score", ours, 0.2, n=30)
    return Judged(day * DAY, (day + 30) * DAY, figure, backtest)


def test_the_first_of_its_kind_is_used_and_a_later_one_waits_for_a_person(room: Room) -> None:
    first, second = room.trained(), room.trained()

    states = {r.card.version: r.state for r in room.registry.records("pumps")}
    assert states == {first: ModelState.IN_USE, second: ModelState.CANDIDATE}
    usable = room.registry.in_use("pumps")
    assert usable is not None and usable.card.version == first
    assert (usable.folder / "tables.npz").is_file()


def test_a_promoted_version_is_used_and_the_one_before_comes_back(room: Room) -> None:
    first, second = room.trained(), room.trained()

    room.registry.promote("pumps", second, by="anna", reason="better on the spring")
    assert room.registry.record("pumps").card.version == second
    room.registry.roll_back("pumps", by="ben", reason="too many false alarms")

    assert room.registry.record("pumps").card.version == first
    assert [w[:3] for w in room.told if "promote" in w[0]] == [
        ("promote model", f"pumps/{second}", "better on the spring"),
        ("promote model", f"pumps/{first}", "too many false alarms"),
    ]


def test_what_is_known_of_models_outlives_the_recorder(room: Room) -> None:
    room.trained()
    second = room.trained()
    room.registry.promote("pumps", second, by="anna", reason="better")

    again = room.again()

    assert again.records() == room.registry.records()
    assert again.record("pumps").changed_by == "anna"


@pytest.mark.parametrize("reason", ["", "  "])
def test_promoting_needs_a_reason(room: Room, reason: str) -> None:
    room.trained()
    second = room.trained()

    with pytest.raises(LamplighterError, match=r"a reason is needed.*\[P-609\]"):
        room.registry.promote("pumps", second, by="anna", reason=reason)


def test_what_is_not_there_is_one_line(room: Room) -> None:
    room.trained()
    with pytest.raises(LamplighterError, match="no version of a model called pumps 7"):
        room.registry.promote("pumps", 7, by="anna", reason="x")
    with pytest.raises(LamplighterError, match="no earlier version"):
        room.registry.roll_back("pumps", by="anna", reason="x")
    with pytest.raises(LamplighterError, match="no model called bridges"):
        room.registry.record("bridges")


def test_files_of_another_version_are_not_used(room: Room) -> None:
    first, second = room.trained(), room.trained(ours=0.15)
    theirs, ours = room.registry.folder("pumps", second), room.registry.folder("pumps", first)
    for file in theirs.iterdir():  # signed by this console, but not what was registered
        (ours / file.name).write_bytes(file.read_bytes())

    with pytest.raises(LamplighterError, match=r"not the one that was registered.*\[P-604\]"):
        room.registry.in_use("pumps")


def test_a_damaged_version_steps_back_for_a_new_one(room: Room) -> None:
    first = room.trained()
    (room.registry.folder("pumps", first) / "tables.npz").write_bytes(b"")

    second = room.trained()

    assert room.registry.record("pumps").card.version == second
    assert "damaged" in room.registry.record("pumps", first).frozen


def test_one_that_is_no_better_than_the_naive_rule_gives_no_numbers(room: Room) -> None:
    room.trained(ours=0.2)

    usable = room.registry.in_use("pumps")
    assert usable is not None and "no better than the naive rule" in usable.frozen


def test_a_worse_window_freezes_and_only_a_later_backtest_thaws(room: Room) -> None:
    room.trained()
    registry = room.registry

    registry.judged("pumps", window(0.25, 100))
    assert "0.25 against 0.2" in registry.record("pumps").frozen
    registry.judged("pumps", window(0.1, 140))  # live figures of a frozen model say nothing
    assert registry.record("pumps").frozen
    registry.judged("pumps", window(0.1, 60, backtest=True))  # a window from before the freeze
    assert registry.record("pumps").frozen
    registry.judged("pumps", window(0.22, 150, backtest=True))
    assert registry.record("pumps").frozen
    registry.judged("pumps", window(0.1, 150, backtest=True))

    assert registry.record("pumps").frozen == ""
    assert [w[0] for w in room.told[1:]] == ["freeze model", "thaw model"]


def test_inputs_that_moved_are_noted_once(room: Room) -> None:
    room.trained()
    moved = Drift(5, 1000, "vibration_rms", 0.4, 0.1, ("vibration_rms",))

    room.registry.saw("pumps", moved)
    room.registry.saw("pumps", moved)

    assert room.registry.record("pumps").drift == moved
    assert "vibration rms" in moved.words
    assert [w[0] for w in room.told].count("model inputs moved") == 1


@pytest.mark.parametrize("kind", ["", "../x", "Pumps", "a b", "x" * 60])
def test_a_kind_is_a_plain_name(room: Room, kind: str, tmp_path: Path) -> None:
    card = ModelCard(kind, "", "", "", 0, 0, 0, 0, (), "", "")

    with pytest.raises(LamplighterError, match="no name for a kind"):
        room.registry.adopt(tmp_path, {}, card)


def test_one_learned_anew_takes_its_place_and_the_oldest_go(room: Room) -> None:
    for turn in range(KEPT_VERSIONS + 3):
        folder = room.scratch / "fresh"
        folder.mkdir(parents=True)
        np.savez(folder / "tables.npz", a=np.array([turn]))
        files = {"tables.npz": model_files.sha256(folder / "tables.npz")}
        card = ModelCard(EXPECTED, "", "", "", 0, DAY, 4, 96, (), "", "")
        room.registry.adopt(folder, files, card, renews=True)

    kept = room.registry.records(EXPECTED)
    last = KEPT_VERSIONS + 3
    assert [r.card.version for r in kept] == list(range(last, last - KEPT_VERSIONS - 1, -1))
    assert [r.state for r in kept[:2]] == [ModelState.IN_USE, ModelState.EARLIER]
    assert not room.registry.folder(EXPECTED, 1).exists()
    assert room.again().records(EXPECTED) == kept
