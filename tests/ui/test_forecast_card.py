"""The forecast card claims what was forecast: a failure, or a limit that a drift will reach."""

from __future__ import annotations

from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.maintenance import AGE_MODEL, Prognosis, Reason
from lamplighter.ui.desk import Desk
from lamplighter.ui.forecast_card import ForecastCard, Reasons, lead_words
from lamplighter.ui.parts import Text

LONG = "strain 145.2 µε, +36.7 µε in 30 days (+35.2 to +38.3), limit 180 µε"
DRIFT = Prognosis(
    "BR-02", 0, 30.0, 0.8, 0.6, 0.95, 26.2, 30.8, "trend to its limit, 61 days",
    (Reason("strain", 1.0, LONG),), model="trend 1", what="strain", days_median=28.1,
)  # fmt: skip


def words(card: ForecastCard) -> str:
    return " | ".join(t.text() for t in card.findChildren(Text))


def test_a_drift_reaches_a_limit_and_a_worn_asset_fails() -> None:
    assert lead_words(DRIFT, drifts=True) == "Reaches its limit in 26–31 days, most likely 28"
    assert lead_words(DRIFT, drifts=False).startswith("If within 30 days: in 26–30 days")
    assert lead_words(replace(DRIFT, days_low=None), drifts=True) == ""
    old = replace(DRIFT, model=AGE_MODEL, days_low=41.0, days_high=900.0, days_median=380.0)
    assert lead_words(old, drifts=False) == "Fails in 41–900 days, most likely 380"


def test_the_card_names_the_kind_of_its_claim(desk: Desk) -> None:
    card = ForecastCard(desk)
    for model, claim in (("trend 1", "At its limit within"), ("hazard 1", "Fails within")):
        item = replace(DRIFT, model=model, made_ms=desk.time.now_ms)
        desk.take_event(wire.PrognosisChanged((item,)))
        desk.selection.select(item.asset)
        assert claim in words(card)


def test_a_long_reason_takes_a_second_line_and_is_told_whole_in_its_tip(desk: Desk) -> None:
    reasons = Reasons()
    reasons.resize(300, 20)
    reasons.show_item(DRIFT)

    assert len(reasons._lines(LONG)) == 2
    assert LONG in reasons.toolTip() and LONG in reasons.accessibleName()
    narrow = reasons.height()
    reasons.show_item(replace(DRIFT, reasons=(Reason("strain", 1.0, "strain 145"),)))
    assert reasons.height() < narrow
