"""The dock about feeds: states in words, the broken layer, quarantine work, days as a calendar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from lamplighter.domain import wire
from lamplighter.domain.days import DayQuality
from lamplighter.domain.observation import Account
from lamplighter.ui.desk import Desk
from lamplighter.ui.feed_list import certificate_words, state_words
from lamplighter.ui.feed_pages import FeedPages
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.quarantine_page import pretty
from tests.ui.conftest import Open
from tests.ui.fake_session import FakeSession
from tests.ui.pages import asked, seated, shown

GOOD = wire.FeedState("feed-1", "mqtts://b:1", "live", 90, 0.4, name="Water", owner="Works",
                      messages_per_s=3.5, delay_p50_s=0.2, delay_p95_s=0.9, reconnects=2,
                      certificate_days=12.2, certificate_of="ours", sources=1)  # fmt: skip
BAD = wire.FeedState("feed-2", "mqtt://c:1", "live", 9, 30.0, layer="gateway", gaps=1, missing=4,
                     layer_words="1 of 2 senders are silent: gw-9")  # fmt: skip
OFF = wire.FeedState("feed-3", "mqtt://d:1", "paused", 0, None)
LAYERS = (("console", "ok", "it stores what comes"), ("broker", "ok", "MQTT 5"),
          ("gateway", "broken", "gw-9 is silent"), ("device", "unknown", "no value"))  # fmt: skip
GW = wire.SourceState("gw-9", 30.0, 2.0, False, True, 4, 4, 1, 4, Account(9, 8, 0, 1),
                      "it stopped talking")  # fmt: skip
ROW = wire.QuarantineRow(7, "gw-9", "a/b", 1_795_349_281_000, "D-113", "no JSON", 1,
                         '{"a": [1]}', 10, True)  # fmt: skip
UNKEPT = replace(ROW, number=6, body="", kept=False)


class _Session(FakeSession):
    """A recorder with three feeds and two rows set aside."""

    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.GetFeed(id=name):
                state = next((f for f in (GOOD, BAD) if f.id == name), OFF)
                return wire.FeedDetail(state, "", "", "", "", LAYERS, (GW,))
            case wire.ChangeFeed() | wire.ExportQuarantined() | wire.DeleteQuarantined():
                return wire.Ok("1")
            case wire.GetQuarantine():
                return wire.Quarantine((ROW, UNKEPT), (("D-113", 2, 2, 2),), 1000, 1)
            case wire.RetryQuarantined(numbers=numbers):
                return wire.QuarantineRetried((), tuple((n, "still no JSON") for n in numbers))
            case wire.GetDays():
                return wire.Days(
                    (DayQuality("feed-1", "2026-11-27", 100, 3, 0, 0, 0, 0, 1.0),
                     DayQuality("feed-1", "2026-11-28", 50, 0, 2, 0, 1, 5, 0.5)),
                    "2026-11-27",
                )  # fmt: skip
        return super()._reply(request)


@pytest.fixture
def session(desk: Desk) -> _Session:
    return seated(desk, _Session)


@pytest.fixture
def pages(qtbot: object, desk: Desk, session: _Session) -> Iterator[FeedPages]:
    with shown(FeedPages(desk), 1200, 420) as made:
        session.tick()
        status = desk.status
        assert status is not None
        session.emit(replace(status, feeds=(GOOD, BAD, OFF)))
        yield made


def cell(pages: FeedPages, row: int, column: int) -> str:
    item = pages.feeds.table.item(row, column)
    return item.text() if item is not None else ""


def test_the_broken_feed_stands_first_with_its_layer(pages: FeedPages) -> None:
    assert (cell(pages, 0, 0), cell(pages, 0, 2)) == (
        "feed-2", "Senders: 1 of 2 senders are silent: gw-9",
    )  # fmt: skip
    assert "✕" in cell(pages, 0, 1)
    assert cell(pages, 0, 5) == "4 messages, 1 gap"
    assert (cell(pages, 1, 0), cell(pages, 1, 2)) == ("Water", "nothing")
    assert cell(pages, 2, 1) == "– paused"


def test_words_of_states_and_certificates() -> None:
    assert state_words(GOOD).startswith("✓ live")
    assert state_words(replace(GOOD, state="refused")) == "✕ refused"
    assert certificate_words(GOOD) == "12 days (ours)"
    assert certificate_words(replace(GOOD, certificate_days=-1.0)) == "ended (ours)"
    assert certificate_words(OFF) == "—"


def test_the_chosen_feed_shows_layers_and_senders(pages: FeedPages) -> None:
    pages.feeds.table.selectRow(1)
    assert "Works" in pages.feeds._facts.text() and "2 times" in pages.feeds._facts.text()
    heads = [head.text() for head, _ in pages.feeds._layers]
    assert heads[2].startswith("✕") and heads[0].startswith("✓")
    item = pages.feeds.senders.item(0, 6)
    assert item is not None and item.text() == "it stopped talking"


def test_feeds_are_paused_edited_and_removed_with_a_reason(
    pages: FeedPages, session: _Session
) -> None:
    pages.feeds.table.selectRow(1)
    pages.feeds.pause.click()
    pages.feeds.edit.click()
    pages.feeds._owner.setText("Parks")
    pages.feeds._save()
    pages.feeds.remove.click()
    pages.feeds._reason.setText("moved")
    pages.feeds._yes.click()
    assert asked(session, wire.ChangeFeed) == [
        wire.ChangeFeed("feed-1", "pause"),
        wire.ChangeFeed("feed-1", "edit", name="Water", owner="Parks"),
        wire.ChangeFeed("feed-1", "remove", "moved"),
    ]
    pages.feeds.table.selectRow(2)
    assert pages.feeds.pause.text() == "Resume"


def test_a_row_set_aside_is_shown_retried_and_deleted(
    pages: FeedPages, session: _Session, tmp_path: Path
) -> None:
    pages.show_page(1)
    page = pages.quarantine
    page.table.selectRow(0)
    assert page.body.toPlainText() == '{\n  "a": [\n    1\n  ]\n}'
    page.retry.click()
    assert "1 stay: still no JSON" in page._say.text()
    page.delete.click()
    assert not page._yes.isEnabled()
    page.reason.setText("a test")
    page._yes.click()
    page.write(str(tmp_path / "q.csv"))
    assert asked(session, wire.DeleteQuarantined) == [
        wire.DeleteQuarantined((7,), "", "a test")
    ]  # fmt: skip
    assert asked(session, wire.ExportQuarantined) == [
        wire.ExportQuarantined(str(tmp_path / "q.csv"), (7,), "")
    ]  # fmt: skip
    page.table.selectRow(1)
    assert "not kept" in page.body.toPlainText()


def test_a_table_is_filled_at_once_and_keeps_its_selection(qtbot: object, themed: None) -> None:
    table = plain_table("t", ["a", "b"], 1)
    table.show()
    fill(table, [(f"{n}", "x") for n in range(300)])
    table.selectRow(7)
    told: list[int] = []
    table.model().dataChanged.connect(lambda *_: told.append(1))
    fill(table, [(f"{n} and a longer text", "y") for n in range(300)], [True])
    assert told == [], "a table that hears of each cell asks all its rows again each time"
    item = table.item(299, 0)
    assert item is not None and item.text() == "299 and a longer text"
    assert table.currentRow() == 7
    assert table.columnWidth(0) > table.fontMetrics().horizontalAdvance("299 and a longer text")
    table.close()
    table.deleteLater()


def test_bodies_are_plain_text() -> None:
    assert pretty("<b>x</b>") == "<b>x</b>"
    assert pretty('{"a":1}') == '{\n  "a": 1\n}'


def test_the_calendar_tells_the_chosen_day(pages: FeedPages) -> None:
    pages.show_page(2)
    calendar = pages.quality.calendar
    assert calendar.days == ["2026-11-27", "2026-11-28"]
    assert "50.0 % complete" in pages.quality._words.text()
    assert "5 messages missing" in pages.quality._words.text()
    QTest.keyClick(calendar, Qt.Key.Key_Left)
    assert "Water, 2026-11-27: 100.0 % complete" in pages.quality._words.text()
    assert not calendar.grab().isNull()


def test_the_pages_open_by_their_actions(open_window: Open) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    for number, name in enumerate(("Feeds", "Quarantine", "Data quality by day")):
        next(a for a in furniture.actions.table if a.name == name).run()
        assert furniture.feeds.pages.isVisible()
        assert furniture.feeds.pages._stack.currentIndex() == number
