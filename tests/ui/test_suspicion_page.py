"""The lane of suspect sensors as a person meets it: told, compared, withheld after a preview."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from lamplighter.domain import wire
from lamplighter.domain.suspicion import Loss, Suspect, Withheld
from lamplighter.ui.desk import Desk
from lamplighter.ui.evidence_curve import in_spreads
from lamplighter.ui.suspicion_page import SuspicionPage
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession
from tests.ui.pages import asked, shown


class _Session(FakeSession):
    lane = wire.Suspects((), ())

    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.GetSuspects():
                return self.lane
            case wire.PreviewWithhold(key=key):
                losses = (
                    Loss("command", "start / stop", "P01", "refused"),
                    Loss("rule", "Pressure too high", "P01", "it decides nothing"),
                )
                return wire.WithholdPreview(key, losses)
            case wire.GetEvidence(key=key):
                curve = wire.EvidenceCurve(key, "P-1", "bar", (1.0, 1.1, None, 9.0))
                return wire.Evidence((1_000, 2_000, 3_000, 4_000), (curve,))
            case wire.Withhold() | wire.ReleaseWithheld() | wire.DismissSuspect():
                return wire.Ok("2")
        return super()._reply(request)


def suspect(key: str, *, standing: bool = True, scope: str = "datastream") -> Suspect:
    return Suspect(
        key, scope, "offset", "tampered", "P-1 is physically inconsistent with neighbours P-2",
        "mean 8", 4.0, 5_000, 6_000, ("gw/P-2",), 4.2, ("decided by: mean 8",), standing,
    )  # fmt: skip


@pytest.fixture
def session() -> _Session:
    return _Session(directly, buildings=5)


@pytest.fixture
def page(qtbot: object, desk: Desk, session: _Session) -> Iterator[SuspicionPage]:
    desk.connect_session(session)
    with shown(SuspicionPage(desk), 1100, 420) as made:
        yield made


def told(page: SuspicionPage, desk: Desk, *items: Suspect, held: tuple[Withheld, ...] = ()) -> None:
    desk.take_event(wire.Suspects(items, held, 7, 2, "learned from 300 samples", 9))


def key_of(desk: Desk) -> str:
    return next(s.key for s in desk.city.streams.values())


def test_an_empty_lane_says_so(page: SuspicionPage) -> None:
    assert "No sensor is suspect now" in page.words.text()
    assert not page.withhold.isVisible()
    assert not page.curve.isVisible()


def test_the_reason_the_evidence_and_the_curve_stand_beside_the_list(
    page: SuspicionPage, desk: Desk
) -> None:
    told(page, desk, suspect(key_of(desk)))
    assert "1 suspect now" in page.words.text()
    assert "7 datastreams are compared" in page.words.text()
    assert "physically inconsistent" in page._reason.text()
    assert "Decided by: mean 8" in page._evidence.text()
    assert page.curve.isVisible()


def test_withholding_shows_what_it_costs_first_and_needs_a_reason(
    page: SuspicionPage, desk: Desk, session: _Session
) -> None:
    key = key_of(desk)
    told(page, desk, suspect(key))
    page.withhold.click()
    assert [one.what for one in page.losses] == ["command", "rule"]
    assert page.cost_table.rowCount() == 2
    assert "1 command, 1 rule" in page._cost.text()
    assert asked(session, wire.Withhold) == []
    page.reason.setText(" ")
    assert not page.yes.isEnabled()
    page.reason.setText("reads too high")
    page.yes.click()
    assert asked(session, wire.Withhold) == [wire.Withhold(key, "reads too high")]
    assert not page.yes.isVisible()


def test_what_is_withheld_stands_first_and_can_be_released(
    page: SuspicionPage, desk: Desk, session: _Session
) -> None:
    key = key_of(desk)
    held = Withheld(key, "anna", "reads too high", 7_000)
    told(page, desk, suspect("gw/else", standing=False), held=(held,))
    assert page.rows[0].withheld == held
    assert "anna" in page._reason.text()
    page.release.click()
    assert [r.key for r in asked(session, wire.ReleaseWithheld)] == [key]


def test_a_sender_cannot_be_withheld_but_taken_off_the_list(
    page: SuspicionPage, desk: Desk, session: _Session
) -> None:
    told(page, desk, suspect("gw", scope="source"))
    assert not page.withhold.isVisible()
    page.dismiss.click()
    assert [(r.key, r.scope) for r in asked(session, wire.DismissSuspect)] == [("gw", "source")]


def test_a_flood_of_suspects_stays_a_list(page: SuspicionPage, desk: Desk) -> None:
    told(page, desk, *(suspect(f"gw/S-{n}") for n in range(2_000)))
    assert page.table.rowCount() == 300
    assert "2000 suspect now" in page.words.text()


def test_curves_of_different_units_are_drawn_in_their_own_spreads() -> None:
    calm = tuple(float(v) for v in np.sin(np.arange(60)))
    big = tuple(1_000.0 + 50.0 * v for v in calm)
    assert in_spreads(big) == pytest.approx(in_spreads(calm), abs=1e-6)
    assert np.isnan(in_spreads((1.0, None, 2.0))[1])
