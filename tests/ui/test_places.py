"""Attributes, nearness and typed places in the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Frame
from lamplighter.domain.layers import Layer
from lamplighter.ui.attributes_panel import Attributes, attribution_line
from lamplighter.ui.city_index import build
from lamplighter.ui.desk import Desk
from lamplighter.ui.nearby import Nearby

LAYER = Layer(
    "town", "town", "model", source_file="/data/town.city.json", format="CityJSON", version="2.0",
    crs="EPSG:28992", licence="CC BY 4.0", attribution="City of Delft", date="2024-05-01",
    lods=(1.2, 2.2),
)  # fmt: skip
HOUSE = Asset(
    "b1", "Building", "House 1", "buildings", lon=4.357, lat=52.0116, height_m=1.5, x=0.0, y=0.0,
    z=1.5, attributes={"street": "Mekelweg", "number": 5, "flat": True, "owner": None},
    source_file="town.city.json", layer="town",
)  # fmt: skip
ROOF = Asset("r1", "BuildingPart", "Roof", "buildings", parent="b1", x=1.0, y=1.0, z=9.0)
PUMP = Asset("p1", "Pump", "Pump 14", "water", x=150.0, y=0.0, z=0.0)
LOST = Asset("lost", "Sensor", "Lost", "water")


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    made = Desk()
    city = wire.City((HOUSE, ROOF, PUMP, LOST), (), (), (), Frame(28992, 85000, 446000), (LAYER,))
    made.city = build(city)
    made.city_known = True
    return made


def rows(panel: Attributes, asset: Asset) -> dict[str, dict[str, str]]:
    return {title: dict(found) for title, found in panel.sections(asset)}


def test_an_asset_says_where_it_comes_from(desk: Desk, qtbot: QtBot) -> None:
    panel = Attributes(desk)
    qtbot.addWidget(panel)
    found = rows(panel, HOUSE)
    assert found["Object"]["Address"] == "Mekelweg 5"
    assert found["Attributes"] == {
        "flat": "yes", "number": "5", "owner": "not known", "street": "Mekelweg",
    }  # fmt: skip
    source = found["Source"]
    assert source["Licence"] == "CC BY 4.0" and source["Attribution"] == "City of Delft"
    assert source["Date of the data"] == "2024-05-01" and source["Levels of detail"] == "1.2, 2.2"


def test_what_is_not_known_is_said_not_left_blank(desk: Desk, qtbot: QtBot) -> None:
    panel = Attributes(desk)
    qtbot.addWidget(panel)
    found = rows(panel, LOST)
    assert "no place" in found["Object"]["Place"]
    assert found["Source"]["File"] == "made by hand"


def test_the_clicked_surface_belongs_to_its_asset_alone(desk: Desk, qtbot: QtBot) -> None:
    panel = Attributes(desk)
    qtbot.addWidget(panel)
    panel.show_surface("b1", "RoofSurface")
    assert rows(panel, HOUSE)["Clicked surface"]["Meaning"] == "Roof surface"
    assert "Clicked surface" not in rows(panel, PUMP)


def test_the_filter_leaves_matching_rows(desk: Desk, qtbot: QtBot) -> None:
    panel = Attributes(desk)
    qtbot.addWidget(panel)
    desk.selection.select("b1")
    panel.filter.setText("mekel")
    shown = [
        (top.child(k).text(0))
        for n in range(panel.tree.topLevelItemCount())
        if (top := panel.tree.topLevelItem(n)) is not None
        for k in range(top.childCount())
        if not top.child(k).isHidden()
    ]
    assert shown == ["Address", "street"]


def test_the_neighbours_of_the_selection_are_listed_and_exported(
    desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = Nearby(desk)
    qtbot.addWidget(panel)
    panel.show()
    desk.selection.select("b1")
    assert [n.asset for n in panel.table.rows] == ["b1", "r1", "p1"]
    panel.radius.setValue(100)
    assert [n.asset for n in panel.table.rows] == ["b1", "r1"]
    panel.export(str(tmp_path / "near.csv"))
    assert (tmp_path / "near.csv").read_text().splitlines()[1].startswith("b1,0.0,Building")
    panel.export(str(tmp_path / "no" / "near.csv"))
    assert any("I-507" in key for key in desk.problems)


def test_a_name_that_looks_like_a_formula_is_exported_as_text(
    desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = Nearby(desk)
    qtbot.addWidget(panel)
    panel.show()
    desk.selection.select("b1")
    bad = replace(desk.city.assets["b1"], name="=cmd|' /C calc'!A0")
    desk.city.assets["b1"] = bad
    panel.export(str(tmp_path / "near.csv"))
    assert ",'=cmd" in (tmp_path / "near.csv").read_text()


def test_choosing_a_neighbour_keeps_the_list(desk: Desk, qtbot: QtBot) -> None:
    panel = Nearby(desk)
    qtbot.addWidget(panel)
    panel.show()
    desk.selection.select("b1")
    panel.view.activated.emit(panel.table.index(2, 0))
    assert desk.selection.current == "p1"
    assert [n.asset for n in panel.table.rows] == ["b1", "r1", "p1"]
    panel.select_all()
    assert desk.selection.assets == ("p1", "r1", "b1")


def test_every_owner_is_named_once() -> None:
    other = replace(LAYER, id="x", attribution="", licence="ODbL")
    assert attribution_line([LAYER, LAYER, other]) == "© City of Delft · ODbL"
    bare = replace(LAYER, attribution="", licence="")
    assert attribution_line([bare]) == "Data: town.city.json"
    assert attribution_line([]) == ""
