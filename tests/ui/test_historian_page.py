"""The historian page tells how the exchange stands and what may become of refused records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.domain import wire
from lamplighter.domain.exchange import ExchangeState, Poison
from lamplighter.ui.desk import Desk
from lamplighter.ui.historian_page import HistorianPage
from tests.ui.fake_session import FakeSession
from tests.ui.pages import asked, seated, shown

BAD = Poison(4, "observation", 12, "gw-9", 77, 3, 1, "=level = 9.0", "violates the check no", 1_000)
STANDS = ExchangeState("db.town/history", True, 3, 1200, 40, 9, 1, 1_000)


class _Session(FakeSession):
    """A recorder with, or without, a historian."""

    stands = STANDS

    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.GetExchange():
                return wire.Exchange(self.stands, (BAD,) if self.stands.poison else ())
            case wire.SetHistorian(url=url):
                return wire.Ok("" if url == "off" else "db.town/history")
            case wire.SyncHistorian():
                return wire.HistorianSynced("db.town/history", sent=5, received=2)
            case wire.RetryPoison():
                return wire.HistorianSynced("", sent=1, poison=0)
            case wire.DropPoison():
                return wire.Ok("1")
        return super()._reply(request)


@pytest.fixture
def session(desk: Desk) -> _Session:
    return seated(desk, _Session)


@pytest.fixture
def page(qtbot: object, desk: Desk, session: _Session) -> Iterator[HistorianPage]:
    with shown(HistorianPage(desk), 1200, 420) as made:
        session.tick()
        yield made


def test_it_tells_how_the_exchange_stands(page: HistorianPage, session: _Session) -> None:
    assert page.state.text() == "db.town/history: connected"
    for words in ("1,200 values sent", "40 taken in", "3 batches wait", "1 record refused"):
        assert words in page._more.text()
    assert page.table.item(0, 5).text() == "violates the check no"
    page.exchange()
    assert "Just now: 5 sent, 2 taken in." in page._more.text()


def test_without_a_historian_one_can_be_named_and_its_password_does_not_stay(
    page: HistorianPage, session: _Session
) -> None:
    session.stands = ExchangeState("")
    page.look()
    assert "No historian is used" in page.state.text()
    assert not page.sync.isEnabled()
    assert not page.set.isEnabled()
    page.address.setText("postgresql://me:word@db.town/history")
    assert page.set.isEnabled()
    page.use()
    assert page.address.text() == ""
    (sent,) = asked(session, wire.SetHistorian)
    assert sent == wire.SetHistorian("postgresql://me:word@db.town/history")


def test_refused_records_are_retried_written_and_forgotten(
    page: HistorianPage, session: _Session, tmp_path: Path
) -> None:
    assert not page.retry.isEnabled()
    page.table.selectRow(0)
    page.retry.click()
    assert asked(session, wire.RetryPoison) == [wire.RetryPoison((4,))]
    assert "1 sent now" in page._more.text()
    page.table.selectRow(0)
    page.delete.click()
    assert asked(session, wire.DropPoison) == [wire.DropPoison((4,))]
    page.write(str(tmp_path / "refused.csv"))
    text = (tmp_path / "refused.csv").read_text()
    assert "'=level = 9.0" in text
