"""The card of waiting: bands from the recorder, amounts of the user, no number without a basis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.waiting import WaitingCosts, weigh
from lamplighter.ui.desk import Desk
from lamplighter.ui.waiting_card import WaitingCard
from tests.ui.fake_session import FakeSession
from tests.ui.pages import seated, shown

ITEM = Prognosis("", 0, 30, 0.7, 0.5, 0.85, basis="12 failures", naive_probability=0.05, people=800)


class _Session(FakeSession):
    item: Prognosis | None = ITEM
    costs = WaitingCosts()

    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.GetWaiting(asset):
                return wire.WaitingFor(weigh(self.item, asset, "Pump", self.costs))
            case wire.SetWaitingCosts(_, costs):
                self.costs = replace(costs, own=True)
                return wire.Ok()
        return super()._reply(request)


@pytest.fixture
def session(desk: Desk) -> _Session:
    return seated(desk, _Session)


@pytest.fixture
def card(qtbot: Any, desk: Desk, session: _Session) -> Iterator[WaitingCard]:
    with shown(WaitingCard(desk), 344, 620) as made:
        desk.selection.select(next(iter(desk.city.assets)))
        yield made


def test_the_bands_the_advice_and_its_turning_point_are_shown(card: WaitingCard) -> None:
    assert card.advice.text().startswith("Repair now")
    assert "less than" in card.turning.text()
    assert "person-hours" in card.bands.accessibleDescription()
    assert "examples" in card.basis.text()


def test_own_amounts_are_kept_for_the_class_and_change_the_bands(
    card: WaitingCard, session: _Session
) -> None:
    before = card.bands.accessibleDescription()
    card.amounts["failure"].setValue(90_000)
    card.currency.setText("CHF")
    card.keep.click()
    assert session.costs == WaitingCosts(failure=90_000, currency="CHF", own=True)
    assert card.bands.accessibleDescription() != before
    assert "examples" not in card.basis.text()


def test_without_a_basis_there_is_a_reason_and_no_number(
    card: WaitingCard, session: _Session
) -> None:
    session.item = replace(ITEM, probability_30d=None, basis="too few failures")
    card.look()
    assert not card.bands.isVisible() and not card.keep.isVisible()
    assert "too few failures" in card._none.text()
