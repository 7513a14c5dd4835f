"""What goes into the store comes out again, once, and is counted."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from tests.unit.store.store_kit import EPOCH, Bench, columns, message, names, simple

from lamplighter.domain.observation import (
    Account,
    Batch,
    Gap,
    NewDatastream,
    NewState,
    Quarantined,
    SourceLife,
)
from lamplighter.store import blob


def test_points_come_back_as_they_were_with_their_keys_and_both_times(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    done = bench.commit(
        Batch(
            (message(0, 2, token=5), message(1, 1, token=6)),
            columns([(0, t - 9, 1.25, 0, 0), (1, t - 8, -2.5, 1, 0), (0, t - 1, 3.0, 2, 1)]),
            **names(2),  # type: ignore[arg-type]
        )
    )
    assert (done.number, done.tokens) == (1, (5, 6))
    rows = list(bench.store.export_rows())
    assert rows == [
        ("dev-0", EPOCH, 0, 0, "P-0", t - 9, t, 1.25, "good"),
        ("dev-0", EPOCH, 0, 1, "P-1", t - 8, t, -2.5, "uncertain"),
        ("dev-0", EPOCH, 1, 0, "P-0", t - 1, t, 3.0, "bad"),
    ]


def test_places_survive_when_points_of_a_message_were_set_aside(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    rows = [(0, t, 1.0, 0, 0, 0), (0, t, 2.0, 0, 0, 3)]
    aside = Quarantined(0, "x", t, "D-101", "why", b"b", 2, token=1)
    bench.commit(Batch((message(0, 4, token=1),), columns(rows), (aside,), **names(1)))  # type: ignore[arg-type]
    assert [r.n for r in bench.store.export_rows()] == [0, 3]
    assert bench.store.accounts()[0] == Account(4, stored=2, quarantined=2)


@pytest.mark.parametrize("values", [[], [0.0], [1.5, np.inf, -np.inf, 5e-324, -0.0]])
def test_the_stored_form_keeps_every_bit(values: list[float]) -> None:
    rows = [(2**31 - 1 - i, -(2**40) * i, v, 255 - i, i // 2, i % 2) for i, v in enumerate(values)]
    points = columns(rows)
    back = blob.decode(blob.encode(points))
    for name in points.__dataclass_fields__:
        assert getattr(back, name).tobytes() == getattr(points, name).tobytes()


def test_text_states_are_exported_as_words(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    bench.commit(
        simple(
            0,
            [(0, t, 0.0), (0, t + 1, 1.0)],
            new_sources=((0, "dev-0"),),
            new_datastreams=(NewDatastream(0, 0, "valve", True),),
            new_states=(NewState(0, 0, "open"), NewState(0, 1, "closed")),
        )
    )
    assert [r.value for r in bench.store.export_rows()] == ["open", "closed"]
    assert bench.store.datastreams()[0].states == ("open", "closed")


def test_the_same_message_again_is_a_duplicate_even_within_one_batch(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    first = Batch(
        (message(0, 1, token=1), message(0, 1, token=2)),
        columns([(0, t, 1.0, 0, 0), (0, t, 1.0, 0, 1)]),
        **names(1),  # type: ignore[arg-type]
    )
    done = bench.commit(first)
    assert len(done.points) == 1
    assert done.tokens == (1, 2)
    again = bench.commit(simple(0, [(0, t, 1.0)]))
    assert (len(again.points), again.messages, again.tokens) == (0, (), (0,))
    assert bench.store.accounts()[0] == Account(3, stored=1, duplicate=2)
    assert len(list(bench.store.export_rows())) == 1


def test_the_same_key_with_another_body_is_set_aside_and_named(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    bench.commit(simple(0, [(0, t, 1.0)], **names(1)))
    done = bench.commit(Batch((message(0, 1, hash64=1, token=9),), columns([(0, t, 2.0)])))
    assert [c.code for c in done.conflicts] == ["S-201"]
    assert done.tokens == (9,)
    kept = bench.store.quarantine(10)[0]
    assert msgspec.json.decode(kept.body)["points"] == [["P-0", t, 2.0, "good"]]
    assert "dev-0" in kept.reason
    assert bench.store.accounts()[0] == Account(2, stored=1, quarantined=1)
    assert [r.value for r in bench.store.export_rows()] == [1.0]


def test_a_hash_above_63_bits_is_still_the_same_hash(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    one = Batch((message(0, 1, hash64=2**64 - 1),), columns([(0, t, 1.0)]), **names(1))  # type: ignore[arg-type]
    bench.commit(one)
    assert bench.commit(Batch(one.messages, one.points)).conflicts == ()


def test_only_the_first_thousand_bodies_of_a_reason_are_kept_but_all_are_counted(
    bench: Bench,
) -> None:
    bad = [Quarantined(-1, "t", 0, "D-113", "r", b"x" * i) for i in range(1, 1102)]
    bench.commit(Batch((), columns([]), tuple(bad[:600])))
    bench.commit(Batch((), columns([]), tuple(bad[600:])))
    assert len(bench.store.quarantine(5000)) == 1000
    assert bench.store.quarantine_totals() == {"D-113": (1101, 1101)}
    assert bench.store.accounts() == {-1: Account(1101, quarantined=1101)}


def test_gaps_lives_and_sequences_survive_reopening(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    gap = Gap(0, EPOCH, 1, 4, t, t - 100, t, "open")
    life = SourceLife(0, EPOCH, 0, 9, 2.0, True, False, t)
    for seq in (0, 5, 6):
        bench.commit(simple(seq, [(0, t, 1.0)], **(names(1) if not seq else {})))
    bench.commit(Batch((), columns([]), gaps=(gap,), lives=(life,)))
    bench.commit(Batch((), columns([]), gaps=(msgspec.structs.replace(gap, state="lost"),)))
    store = bench.reopen()
    assert store.sequence_state() == {(0, EPOCH): ((0, 0), (5, 6))}
    assert [g.state for g in store.gaps()] == ["lost"]
    assert store.gaps(t + 1, t + 9) == []
    assert store.lives() == [life]
    bench.commit(simple(3, [(0, t, 1.0)]))
    assert store.sequence_state() == {(0, EPOCH): ((0, 0), (3, 3), (5, 6))}
    assert bench.commit(simple(5, [(0, t, 1.0)])).messages == ()


def test_batch_numbers_have_no_hole_and_an_empty_batch_takes_none(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    numbers = [bench.commit(simple(0, [(0, t, 1.0)], **names(1))).number]
    numbers.append(bench.commit(Batch((), columns([]), refused_tokens=(3,))).number)
    numbers.append(bench.commit(simple(1, [(0, t, 1.0)])).number)
    assert numbers == [1, 1, 2]


def test_a_name_with_two_numbers_is_refused_whole_and_the_writer_goes_on(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    bench.commit(simple(0, [(0, t, 1.0)], **names(1)))
    with pytest.raises(ValueError, match="registered otherwise"):
        bench.commit(simple(1, [(1, t, 1.0)], new_datastreams=(NewDatastream(1, 0, "P-0"),)))
    assert bench.commit(simple(1, [(0, t, 1.0)])).number == 2


@pytest.mark.parametrize("nameless", ["source", "datastream"])
def test_points_without_a_name_are_refused_whole(bench: Bench, nameless: str) -> None:
    t = bench.clock.wall_ms()
    bench.commit(simple(0, [(0, t, 1.0)], **names(1)))
    if nameless == "source":
        wrong = Batch((message(1, 1, source=7),), columns([(0, t, 1.0)]))
    else:
        wrong = simple(1, [(9, t, 1.0)])
    with pytest.raises(ValueError, match="has no name"):
        bench.commit(wrong)
    assert bench.commit(simple(1, [(0, t, 1.0)])).number == 2
    assert bench.store.newest().value.tolist() == [1.0]
