"""Display units: values, limits and expectations are shown together in another unit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QWidget

from lamplighter.domain.city import Datastream, Limits
from lamplighter.domain.newest_block import blank
from lamplighter.ui.desk import Desk
from lamplighter.ui.trend_axes import Scale, ValueAxis
from lamplighter.ui.units import CHOICES, display, shown_span
from lamplighter.ui.units import shown as shown_text
from lamplighter.ui.units_dialog import UnitsDialog, restore
from lamplighter.ui.value_model import ValueModel, of_datastream


@pytest.fixture(autouse=True)
def nothing_chosen() -> Iterator[None]:
    display.take({})
    yield
    display.take({})


def shown(value: float, unit: str, limits: Limits | None = None) -> ValueModel:
    values = blank(1)
    values.time_ms[0], values.value[0] = 1_000, value
    values.expected[0], values.spread[0], values.trust[0] = value + 1, 0.5, 1.0
    stream = Datastream(0, "gw", "P-1", unit, limits=limits or Limits(), resolution=0.1)
    return of_datastream(stream, values, 1_500)


def test_a_value_moves_with_its_limits_and_its_expectation() -> None:
    display.choose("°C", "°F")
    model = shown(20.0, "°C", Limits(low=10.0, high=30.0))
    assert (model.value, model.unit) == (68.0, "°F")
    assert (model.limits.low, model.limits.high) == (50.0, 86.0)
    assert (model.expected, model.spread) == (pytest.approx(69.8), pytest.approx(0.9))
    assert model.gap == pytest.approx(-1.8), "a difference has no zero of its own"
    assert not model.breach and shown(31.0, "°C", Limits(high=30.0)).breach


def test_another_spelling_of_a_unit_is_the_same_unit() -> None:
    display.choose("°F", "°C")
    assert (shown(68.0, "degF").value, shown(68.0, "degF").unit) == (pytest.approx(20.0), "°C")


def test_units_without_a_choice_are_shown_as_they_are() -> None:
    display.choose("bar", "parsec")
    assert (shown(3.0, "bar").value, shown(3.0, "bar").unit) == (3.0, "bar")
    assert display.as_text() == {}


@pytest.mark.parametrize("unit", CHOICES)
def test_every_choice_that_leads_back_gives_the_same_value(unit: str) -> None:
    for found in CHOICES[unit]:
        for back in CHOICES.get(found.unit, ()):
            if back.unit == unit:
                assert back.value(found.value(7.5)) == pytest.approx(7.5, rel=1e-5)


def test_the_choice_is_kept_for_the_person(qtbot: object, desk: Desk, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    parent = QWidget()
    dialog = UnitsDialog(desk, settings, parent)
    assert "bar" in dialog.boxes
    box = dialog.boxes["bar"]
    box.setCurrentIndex(box.findData("kPa"))
    box.activated.emit(box.currentIndex())
    assert shown(3.0, "bar").text_with_unit.endswith("kPa")
    display.take({})
    restore(QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat))
    assert display.as_text() == {"bar": "kPa"}
    dialog.close()
    parent.deleteLater()


def test_the_axis_of_a_chart_and_what_stands_between_cursors_move_too() -> None:
    scale = Scale("°C", 8.0, 32.0)
    axis = ValueAxis("left")
    axis.set_scale(scale)
    plain = axis.tickStrings(axis.tickValues(0, 1, 200)[0][1], 1, 1)
    display.choose("°C", "°F")
    axis.set_scale(scale)
    places = axis.tickValues(0, 1, 200)[0][1]
    words = axis.tickStrings(places, 1, 1)
    assert plain == ["10", "15", "20", "25", "30"] and words == ["50", "60", "70", "80"]
    assert [8 + 24 * p for p in places] == pytest.approx([10, 15.5556, 21.1111, 26.6667], abs=1e-3)
    assert shown_text(20.0, "°C", 0.1).startswith("68.0")
    assert shown_span(10.0, "°C", 0.1).startswith("18.0"), "a difference has no zero"
