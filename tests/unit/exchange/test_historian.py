"""The historian holds the union of what consoles recorded, once, and gives a receipt first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.kit.broker import free_port
from tests.kit.consoles import QUERY, Console, batch, swapped
from tests.kit.postgres import CONSOLE, Postgres, needs_postgres
from tests.kit.proxy import Proxy

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState
from lamplighter.domain.exchange import spans_missing, spans_with
from lamplighter.domain.observation import Gap
from lamplighter.domain.problems import LamplighterError
from lamplighter.exchange import HistorianConfig, connect, parted, read_older, shown
from lamplighter.exchange import exchanger as exchanger_module
from lamplighter.exchange.pull import Puller
from lamplighter.runtime.older import with_older
from lamplighter.store import WriteAccess

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    needs_postgres()
    with Postgres() as found:
        yield found.prepared()


@pytest.fixture
def historian(postgres: Postgres) -> Postgres:
    """Empty: every test has it to itself."""
    postgres.sql(
        "TRUNCATE lamplighter.observation, lamplighter.message, lamplighter.word,"
        " lamplighter.datastream, lamplighter.source, lamplighter.receipt, lamplighter.gap,"
        " lamplighter.fact, lamplighter.console"
    )
    return postgres


@pytest.fixture
def consoles(tmp_path: Path) -> Iterator[tuple[Console, Console, Console]]:
    made = tuple(Console(tmp_path / name) for name in ("a", "b", "c"))
    yield made[0], made[1], made[2]
    for one in made:
        one.close()


def exchange(console: Console, url: str) -> tuple[int, int]:
    """(sent, received) of one whole exchange."""
    exchanger = console.exchanger(url)
    try:
        exchanger.open()
        before = exchanger.state()
        exchanger.exchange()
        after = exchanger.state()
    finally:
        exchanger.close()
    return after.sent - before.sent, after.received - before.received


def held(historian: Postgres) -> list[tuple[object, ...]]:
    return historian.sql(QUERY)


def test_historian_and_consoles_hold_the_union_once(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a, b, c = consoles
    a.put(batch("pumps", 7, 0, fresh=True, words=True), batch("pumps", 7, 4, words=True))
    b.put(
        swapped(batch("pumps", 7, 4, fresh=True, words=True)),
        swapped(batch("pumps", 7, 8, words=True)),
    )
    c.put(batch("air", 9, 0, fresh=True))
    union = a.rows() | b.rows() | c.rows()
    for one in (a, b, c, a, b):
        exchange(one, historian.url)
    found = held(historian)
    assert set(found) == union
    assert len(found) == len(union)
    for one in (a, b, c):
        assert one.rows() == union
        assert one.store.verify().ok


def test_gaps_of_a_shared_source_are_found_by_the_query_of_the_manual(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    """Each recorder has a part, which is no gap; what nobody has is one."""
    page = Path(__file__).parents[3] / "resources" / "docs" / "manual" / "broker.md"
    query = page.read_text(encoding="utf-8").partition("```sql\n")[2].partition("```")[0]
    a, b, _ = consoles
    a.put(batch("pumps", 7, 0, fresh=True), batch("pumps", 7, 8))
    b.put(batch("pumps", 7, 4, fresh=True), batch("pumps", 7, 15))
    for one in (a, b):
        exchange(one, historian.url)
    assert historian.sql(query.rstrip().rstrip(";")) == [("pumps", 7, 12, 14)]


def test_what_came_from_another_console_keeps_its_origin(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a, b, _ = consoles
    a.put(batch("pumps", 7, 0, fresh=True), batch("pumps", 7, 4))
    b.put(batch("air", 9, 0, fresh=True))
    exchange(a, historian.url)
    sent, received = exchange(b, historian.url)
    assert (sent, received) == (20, 40)
    origins = b.store.history_sql.execute(
        "SELECT batch, first, last, store, origin_batch FROM origin ORDER BY batch, first"
    ).fetchall()
    assert origins == [(2, 0, 3, a.store.store_id, 1), (2, 4, 7, a.store.store_id, 2)]
    assert exchange(b, historian.url) == (0, 0)
    assert exchange(a, historian.url) == (0, 20)


def test_nothing_counts_as_sent_before_its_receipt(
    historian: Postgres,
    consoles: tuple[Console, Console, Console],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The link ends between the historian's commit and our book: it is sent again, stored once."""
    a = consoles[0]
    a.put(batch("pumps", 7, 0, fresh=True))
    exchanger = a.exchanger(historian.url)
    with monkeypatch.context() as broken:
        broken.setattr(
            exchanger_module.Ledger, "mark_sent", lambda *_: (_ for _ in ()).throw(OSError("cut"))
        )
        with pytest.raises(OSError):
            exchanger.exchange()
    exchanger.close()
    assert len(held(historian)) == 20
    again = a.exchanger(historian.url)
    again.open()
    assert again.pending() == [(1, 1)]
    again.exchange()
    assert again.pending() == []
    again.close()
    assert len(held(historian)) == 20


def test_a_historian_that_lost_its_end_gets_it_again(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    """Restored from an older backup: what it has no receipt for any more counts as not sent."""
    a = consoles[0]
    a.put(batch("pumps", 7, 0, fresh=True))
    exchange(a, historian.url)
    a.put(batch("pumps", 7, 4))
    exchange(a, historian.url)
    historian.sql("DELETE FROM lamplighter.observation WHERE seq >= 4")
    historian.sql("DELETE FROM lamplighter.message WHERE seq >= 4")
    historian.sql("DELETE FROM lamplighter.receipt WHERE first_batch > 1")
    assert exchange(a, historian.url)[0] == 20
    assert set(held(historian)) == a.rows()


def test_receipt_numbers_that_come_again_hide_nothing_from_other_consoles(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a, b, _ = consoles
    a.put(batch("pumps", 7, 0, fresh=True))
    exchange(a, historian.url)
    exchange(b, historian.url)
    historian.sql("TRUNCATE lamplighter.observation, lamplighter.message, lamplighter.receipt")
    historian.sql("ALTER SEQUENCE lamplighter.receipt_number RESTART WITH 1")
    a.put(batch("pumps", 7, 4))
    exchange(a, historian.url)
    exchange(b, historian.url)
    assert a.rows() == b.rows() == set(held(historian))


def test_a_record_that_is_refused_blocks_no_other(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a = consoles[0]
    a.put(batch("pumps", 7, 0, fresh=True, messages=20))
    bad = [r for r in a.rows() if r[2] == 11 and r[3] == 3]
    assert len(bad) == 1
    historian.sql(
        "ALTER TABLE lamplighter.observation ADD CONSTRAINT odd"
        f" CHECK (value <> {bad[0][6]} OR seq <> 11)"
    )
    try:
        exchanger = a.exchanger(historian.url)
        exchanger.exchange()
        state = exchanger.state()
        assert (state.sent, state.poison, state.waiting) == (99, 1, 0)
        (one,) = exchanger.ledger.poison()
        assert (one.source, one.epoch, one.seq, one.place) == ("pumps", 7, 11, 3)
        assert "odd" in one.reason
        assert set(held(historian)) == a.rows() - set(bad)
        assert exchanger.retry() == (0, 1)
    finally:
        historian.sql("ALTER TABLE lamplighter.observation DROP CONSTRAINT odd")
    assert exchanger.retry() == (1, 0)
    assert exchanger.state().poison == 0
    assert set(held(historian)) == a.rows()
    exchanger.close()


def test_a_refusal_no_constraint_explains_is_found_by_halving(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a = consoles[0]
    a.put(batch("pumps", 7, 0, fresh=True, messages=20))
    historian.sql(
        "CREATE FUNCTION public.no_ones() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.seq IN (3, 17) AND NEW.n = 1 THEN RAISE EXCEPTION 'not these'; END IF;"
        " RETURN NEW; END $$"
    )
    historian.sql(
        "CREATE TRIGGER no_ones BEFORE INSERT ON lamplighter.observation"
        " FOR EACH ROW EXECUTE FUNCTION public.no_ones()"
    )
    try:
        exchanger = a.exchanger(historian.url)
        exchanger.exchange()
        found = exchanger.ledger.poison()
        exchanger.close()
    finally:
        historian.sql("DROP FUNCTION public.no_ones CASCADE")
    assert [(p.seq, p.place) for p in found] == [(3, 1), (17, 1)]
    assert all("not these" in p.reason for p in found)
    assert len(held(historian)) == 98


def test_a_damaged_batch_neither_blocks_the_others_nor_passes_as_sent(
    historian: Postgres, tmp_path: Path
) -> None:
    import sqlite3

    a = Console(tmp_path / "d")
    a.put(batch("pumps", 7, 0, fresh=True), batch("pumps", 7, 4), batch("pumps", 7, 8))
    whole = a.rows()
    a.close()
    sql = sqlite3.connect(a.folder / "history.db")
    sql.execute("UPDATE body SET points = substr(points, 1, 20) WHERE number = 2")
    sql.commit()
    sql.close()
    a = Console(tmp_path / "d")
    exchanger = a.exchanger(historian.url)
    exchanger.exchange()
    (one,) = exchanger.ledger.poison()
    assert (one.kind, one.batch) == ("batch", 2)
    assert exchanger.state().sent == 40
    assert exchanger.retry() == (0, 1)
    exchanger.close()
    a.close()
    assert set(held(historian)) == {r for r in whole if r[2] not in (4, 5, 6, 7)}


def test_batches_that_began_anew_are_not_taken_for_those_sent_before(
    historian: Postgres, tmp_path: Path
) -> None:
    """A history file that was lost is replaced by a new one; its numbers mean other batches."""
    import sqlite3

    a = Console(tmp_path / "d")
    a.put(batch("pumps", 7, 0, fresh=True), batch("pumps", 7, 4))
    exchange(a, historian.url)
    before = a.rows()
    store_id = a.store.store_id
    a.close()
    other = Console(tmp_path / "other")
    other.put(batch("pumps", 8, 0, fresh=True), batch("pumps", 8, 4), batch("pumps", 8, 8))
    other.close()
    for file in ("history.db", "history.head"):
        (a.folder / file).write_bytes((tmp_path / "other" / file).read_bytes())
    sql = sqlite3.connect(a.folder / "history.db")
    sql.execute("UPDATE about SET value=? WHERE key='store_id'", (store_id,))
    sql.commit()
    sql.close()
    a = Console(tmp_path / "d")
    assert exchange(a, historian.url)[0] == 60
    assert set(held(historian)) == before | a.rows()
    a.close()


def test_a_name_the_historian_cannot_hold_sets_its_own_points_aside(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a = consoles[0]
    a.put(batch("pumps", 7, 0, fresh=True), batch("odd\0name", 8, 0, number=1, fresh=True))
    exchanger = a.exchanger(historian.url)
    exchanger.exchange()
    assert exchanger.state().sent == 20
    assert {p.kind for p in exchanger.ledger.poison()} == {"message"}
    assert exchanger.state().poison == 4
    exchanger.close()


def test_a_state_without_a_word_sets_itself_aside_and_blocks_nothing(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a = consoles[0]
    first = batch("pumps", 7, 0, fresh=True, words=True)
    first.points.value[2] = np.nan  # more words than a datastream may have
    a.put(first)
    exchanger = a.exchanger(historian.url)
    exchanger.exchange()
    assert {p.kind for p in exchanger.ledger.poison()} == {"observation"}
    assert exchanger.state().waiting == 0
    exchanger.close()
    assert historian.sql("SELECT DISTINCT state FROM lamplighter.reading WHERE state IS NOT NULL")


def test_the_same_message_with_another_content_is_set_aside(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    import dataclasses

    import msgspec

    a, b, _ = consoles
    a.put(batch("pumps", 7, 0, fresh=True))
    other = batch("pumps", 7, 0, fresh=True)
    forged = tuple(msgspec.structs.replace(m, hash64=m.hash64 + 1) for m in other.messages[:1])
    b.put(dataclasses.replace(other, messages=(*forged, *other.messages[1:])))
    exchange(a, historian.url)
    exchanger = b.exchanger(historian.url)
    exchanger.exchange()
    (one,) = exchanger.ledger.poison()
    exchanger.close()
    assert (one.seq, one.kind) == (0, "message")
    assert "another content" in one.reason
    assert len(held(historian)) == 20


def test_gaps_units_and_alarms_go_along(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    import dataclasses

    a = consoles[0]
    gap = Gap(0, 7, 4, 9, 1, 2, 3, "open")
    a.put(dataclasses.replace(batch("pumps", 7, 0, fresh=True), gaps=(gap,)))
    record = AlarmRecord("r", "P-1", 0, AlarmState.UNACK, 1, "Pump stopped", True, 5, 6)
    event = AlarmEvent("r", "P-1", 1, 5, "raised", AlarmState.NORM, AlarmState.UNACK, record)

    def raise_it(access: WriteAccess) -> None:
        access.put_alarm_events([event])

    a.store.writer.call(raise_it).result(30)
    exchange(a, historian.url)
    assert historian.sql("SELECT first, last, state FROM lamplighter.gap") == [(4, 9, "open")]
    assert historian.sql("SELECT unit FROM lamplighter.datastream LIMIT 1") == [("bar",)]
    (row,) = historian.sql("SELECT store, kind, body->>'event' FROM lamplighter.fact")
    assert row == (a.store.store_id, "alarm event", "raised")


def test_edits_of_records_come_together_over_the_historian(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a, b, c = consoles
    a.desk().change("note/n", {"text": "valve stiff", "hours": 1.5, "seen": True}, reason="looked")
    exchange(a, historian.url)
    exchange(b, historian.url)
    assert b.desk().edits.record("note/n") == {"text": "valve stiff", "hours": 1.5, "seen": True}
    a.desk().change("note/n", {"text": "mended"})
    b.desk().change("note/n", {"text": "ordered a new one", "safety.valve": "closed"})
    for one in (a, b, c, a):
        exchange(one, historian.url)
    for one in (a, b, c):
        desk = one.desk()
        assert [c.field for c in desk.conflicts()] == ["text"]
        assert desk.edits.all() == a.desk().edits.all()
    before = len(c.store.edits())
    exchange(c, historian.url)
    assert len(c.store.edits()) == before
    assert c.store.setting(f"kit.name.{a.store.store_id}") == "a"


def test_live_data_goes_before_the_backlog(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a = consoles[0]
    a.put(batch("pumps", 7, 0, fresh=True))
    a.put(*(batch("pumps", 7, 4 * i, messages=4) for i in range(1, 40)))
    exchanger = a.exchanger(historian.url)
    exchanger.open()
    a.put(batch("pumps", 7, 160))
    exchanger._send(*exchanger.pending()[0][:1], 1, 1)  # one old batch is on its way already
    assert exchanger.send_some()
    receipts = historian.sql("SELECT first_batch, last_batch FROM lamplighter.receipt ORDER BY id")
    assert receipts[1] == (41, 41)
    assert receipts[2][0] == 2
    while exchanger.send_some():
        pass
    assert exchanger.pending() == []
    exchanger.close()
    assert set(held(historian)) == a.rows()


def test_a_source_that_was_registered_in_between_is_known_all_the_same(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    """Numbers are handed out before they can be seen: a later one may be seen first."""
    a, b, _ = consoles
    a.put(batch("pumps", 7, 0, fresh=True), batch("valves", 8, 0, number=1, fresh=True))
    exchange(a, historian.url)
    with contextlib.closing(connect(HistorianConfig(historian.url))) as sql:
        puller = Puller(sql, b.store.store_id)
        number = historian.sql("SELECT id FROM lamplighter.source ORDER BY id DESC LIMIT 1")[0][0]
        puller._sources[number] = "valves"
        (chunk,) = puller.chunks(a.store.store_id, 0, 1 << 60, {})
    assert set(chunk.sources) == {"pumps", "valves"}


def test_of_words_that_are_many_the_newest_are_read_back(
    historian: Postgres, consoles: tuple[Console, Console, Console]
) -> None:
    a = consoles[0]
    a.put(batch("pumps", 7, 0, fresh=True, words=True, messages=100))
    exchange(a, historian.url)
    config = HistorianConfig(historian.url)
    whole = read_older(config, "", "pumps", "d2", 0, 1 << 62, 1_000)
    few = read_older(config, "", "pumps", "d2", 0, 1 << 62, 10)
    assert whole is not None and few is not None and len(whole.time_ms) > 100
    assert few.time_ms.tolist() == whole.time_ms[-10:].tolist()
    assert few.value.tolist() == whole.value[-10:].tolist() and not few.reduced


def test_years_that_the_project_has_not_are_read_back(
    historian: Postgres, consoles: tuple[Console, Console, Console], tmp_path: Path
) -> None:
    """The second console took part later and takes nothing in; its charts reach back all the same.

    What it has itself is never asked for.
    """
    a, b, _ = consoles
    a.put(batch("pumps", 7, 0, fresh=True, words=True, messages=100))
    b.put(swapped(batch("pumps", 7, 80, fresh=True, words=True, messages=40)))
    exchange(a, historian.url)
    whole = HistorianConfig(historian.url)
    local = {d.name: d for d in a.store.datastreams()}
    for name in ("d0", "d2"):
        (stream,) = [d for d in b.store.datastreams() if d.name == name]
        own = b.store.series(stream.id, 0, 1 << 62, 1_000)
        found = with_older(b.store, stream, own, 0, 1 << 62, 1_000, whole, "")
        assert found.told_by == "127.0.0.1/postgres"
        assert found.told_until_ms < int(own.time_ms[0])
        there = a.store.series(local[name].id, 0, 1 << 62, 1_000)
        common = there.time_ms < own.time_ms[0]
        assert found.time_ms[: common.sum()].tolist() == there.time_ms[common].tolist()
        texts = [stream.states[int(v)] if stream.states else v for v in found.value]
        known = local[name]
        expected = [known.states[int(v)] if known.states else v for v in there.value[common]]
        assert texts[: common.sum()] == expected
    (stream,) = [d for d in b.store.datastreams() if d.name == "d0"]
    own = b.store.series(stream.id, 0, 1 << 62, 10)
    few = with_older(b.store, stream, own, 0, 1 << 62, 10, whole, "")
    assert few.reduced
    assert few.told_until_ms
    away = HistorianConfig(f"postgresql://x@127.0.0.1:{free_port()}/town")
    assert "N-330" in with_older(b.store, stream, own, 0, 1 << 62, 10, away, "").told_by
    assert with_older(b.store, stream, own, 0, 1 << 62, 10, None, "") is own


def test_a_console_may_add_and_read_and_nothing_else(historian: Postgres) -> None:
    import psycopg

    for forbidden in (
        "UPDATE lamplighter.message SET points = 0",
        "DELETE FROM lamplighter.observation",
        "TRUNCATE lamplighter.receipt",
        "CREATE TABLE lamplighter.mine(a integer)",
        "DROP TABLE lamplighter.gap",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            historian.sql(forbidden, url=historian.url)


def test_keys_may_not_be_null(historian: Postgres) -> None:
    """A key that may be NULL is no key: two such rows never meet."""
    nullable = historian.sql(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema='lamplighter' AND is_nullable='YES' AND column_name IN"
        " ('store','source','epoch','seq','n','time_ms','batch','receipt','datastream')"
        " AND table_name <> 'reading'"
    )
    assert nullable == []


def test_a_cut_and_a_silent_link_lose_nothing(
    historian: Postgres, consoles: tuple[Console, Console, Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    a = consoles[0]
    a.put(batch("pumps", 7, 0, fresh=True), *(batch("pumps", 7, 4 * i) for i in range(1, 10)))
    with Proxy(historian.port) as proxy:
        url = f"postgresql://{CONSOLE}@127.0.0.1:{proxy.port}/postgres"
        exchanger = a.exchanger(url)
        exchanger.open()
        proxy.cut(reset=True)
        with pytest.raises(LamplighterError, match="N-330"):
            exchanger.exchange()
        exchanger.open()
        proxy.blackhole = True
        monkeypatch.setattr("lamplighter.exchange.link.ANSWER_S", 0.5)
        with pytest.raises(LamplighterError, match="N-330"):
            exchanger.exchange()
        monkeypatch.undo()
        proxy.blackhole = False
        proxy.cut()
        exchanger.exchange()
        assert exchanger.pending() == []
        exchanger.close()
    assert set(held(historian)) == a.rows()


def test_a_historian_that_is_away_is_one_line_without_secrets(tmp_path: Path) -> None:
    url, password = parted(f"postgresql://me:pa%24s@127.0.0.1:{free_port()}/town")
    assert password == "pa$s"
    assert "pa" not in url
    with pytest.raises(LamplighterError, match="N-330") as found:
        connect(HistorianConfig(url), password)
    assert "pa$s" not in str(found.value)
    assert shown(url) == "127.0.0.1/town"


@pytest.mark.parametrize("url", ["mqtt://x/y", "postgresql://host", "nonsense", "postgres://[x/y"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(LamplighterError, match="U-801"):
        parted(url)


def test_an_unprepared_historian_says_what_to_do(postgres: Postgres, tmp_path: Path) -> None:
    postgres.sql("DROP DATABASE IF EXISTS bare")
    postgres.sql("CREATE DATABASE bare")
    console = Console(tmp_path / "x")
    exchanger = console.exchanger(postgres.admin_url.replace("/postgres", "/bare"))
    with pytest.raises(LamplighterError, match="historian prepare"):
        exchanger.open()
    exchanger.close()
    console.close()


def test_intervals_of_what_was_sent() -> None:
    spans: list[tuple[int, int]] = []
    for first, last in ((5, 6), (1, 2), (3, 3), (9, 9)):
        spans = spans_with(spans, first, last)
    assert spans == [(1, 3), (5, 6), (9, 9)]
    assert spans_missing(spans, 10) == [(4, 4), (7, 8), (10, 10)]
    assert spans_missing(spans, 2) == []
