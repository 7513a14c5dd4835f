"""When those beside the models look again."""

from __future__ import annotations

from lamplighter.runtime.rounds import SOON_S, Rounds

ALL = frozenset({"P-1", "P-2"})


def seconds_to(rounds: Rounds, spoken_of: frozenset[str], most: int = 1_000) -> int:
    return next(n for n in range(1, most) if rounds.due(spoken_of, busy=False))


def test_a_round_comes_first_early_and_then_at_its_pace() -> None:
    rounds = Rounds(300, 20)
    assert [seconds_to(rounds, ALL) for _ in range(3)] == [20, 300, 300]


def test_one_that_fell_silent_brings_a_round_soon_unless_it_was_looked_at() -> None:
    rounds = Rounds(300, 20)
    seconds_to(rounds, frozenset({"P-1"}))
    rounds.soon(frozenset({"P-2"}))  # of it no model spoke then: it was looked at
    assert seconds_to(rounds, frozenset({"P-1"})) == 300
    rounds.soon(frozenset({"P-1"}))
    assert seconds_to(rounds, frozenset()) == SOON_S
    rounds.soon(frozenset({"P-1"}))  # it comes and goes
    assert seconds_to(rounds, frozenset()) == 300 - SOON_S


def test_while_one_is_on_its_way_no_other_begins() -> None:
    rounds = Rounds(300, 20)
    assert not any(rounds.due(ALL, busy=True) for _ in range(400))
