"""Whatever comes, in whatever order and however often: each point is counted exactly once."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.store.store_kit import EPOCH, Bench, columns, message, names

from lamplighter.domain.observation import Account, Batch, Quarantined

STREAMS = 3


@st.composite
def feeds(draw: st.DrawFn) -> list[list[tuple[int, int, int, int, int]]]:
    """Batches of (seq, body, stored points, set aside, refused); body 0 is the true one."""
    one = st.tuples(
        st.integers(0, 6),
        st.sampled_from([0, 0, 0, 1]),
        st.integers(0, 3),
        st.integers(0, 2),
        st.integers(0, 2),
    )
    return draw(st.lists(st.lists(one, max_size=5), min_size=1, max_size=5))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(feeds(), st.booleans())
def test_received_is_what_became_of_every_message(
    feed: list[list[tuple[int, int, int, int, int]]], linked: bool
) -> None:
    """The shape of a message follows from its key and body, as it does in the field."""
    shapes: dict[tuple[int, int], tuple[int, int, int]] = {}
    known: dict[int, int] = {}
    expected = Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            token = 0
            for number, entries in enumerate(feed):
                messages, rows, aside, refused = [], [], [], 0
                for seq, body, *shape in entries:
                    here, set_aside, turned = shapes.setdefault((seq, body), tuple(shape))  # type: ignore[arg-type]
                    token += 1
                    total = here + set_aside + turned
                    messages.append(message(seq, total, hash64=seq * 10 + body, token=token))
                    rows += [(k, 1000 + seq, seq, 0, len(messages) - 1) for k in range(here)]
                    ticket = token if linked else -1
                    aside += [Quarantined(0, "t", 0, "D-101", "r", b"", 1, ticket)] * set_aside
                    refused += turned
                    expected["received"] += total
                    if seq not in known:
                        known[seq] = body
                        expected["stored"] += here
                        expected["quarantined"] += set_aside
                        expected["refused"] += turned
                    elif known[seq] == body:
                        expected["duplicate"] += total
                    else:
                        expected["quarantined"] += total
                batch = Batch(
                    tuple(messages),
                    columns(rows),
                    tuple(aside),
                    ((0, refused),) if refused else (),
                    **(names(STREAMS) if number == 0 else {}),  # type: ignore[arg-type]
                )
                done = bench.commit(batch)
                assert set(done.tokens) == {m.token for m in messages}
            found = bench.store.accounts().get(0, Account())
            assert found.waiting == 0
            assert found.received == expected["received"]
            assert found.stored == expected["stored"]
            if linked:
                assert found == Account(**expected)
            keys = Counter((r.source, r.epoch, r.seq, r.n) for r in bench.store.export_rows())
            assert len(keys) == expected["stored"]
            assert not [key for key, times in keys.items() if times > 1]
            assert bench.store.verify().ok
            held = {
                seq
                for first, last in bench.store.sequence_state().get((0, EPOCH), ())
                for seq in range(first, last + 1)
            }
            assert held == set(known)
        finally:
            bench.store.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=8), st.integers(1, 5))
def test_the_stored_set_and_the_newest_values_do_not_depend_on_the_order(
    order: list[int], again: list[int], size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            sent = [*order, *again]
            bench.commit(Batch((), columns([]), **names(STREAMS)))  # type: ignore[arg-type]
            for at in range(0, len(sent), size):
                seqs = sent[at : at + size]
                rows = [(s % STREAMS, 5000 + s, s, 0, i) for i, s in enumerate(seqs)]
                bench.commit(Batch(tuple(message(s, 1) for s in seqs), columns(rows)))
            assert sorted(r.seq for r in bench.store.export_rows()) == list(range(12))
            assert bench.store.newest().value.tolist() == [9.0, 10.0, 11.0]
            assert bench.store.accounts()[0] == Account(len(sent), stored=12, duplicate=len(again))
        finally:
            bench.store.close()
