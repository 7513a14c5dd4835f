"""Addresses in many words, coordinates as people paste them, and what lies near."""

from __future__ import annotations

import pyproj
import pytest

from lamplighter.domain.city import Asset
from lamplighter.domain.places import (
    Nearness,
    address_of,
    candidates,
    degrees_text,
    local_map,
    typed_coordinates,
)

EPSG, EAST, NORTH = 28992, 85000.0, 446000.0


def city(step: float = 500.0) -> list[Asset]:
    """A grid of assets with both places, as an import gives them."""
    move = pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True).transform
    made = []
    for column in range(-4, 5):
        for row in range(-4, 5):
            x, y = column * step, row * step
            lon, lat = move(EAST + x, NORTH + y)
            made.append(Asset(f"{column}/{row}", "House", "", "buildings", lon, lat, x=x, y=y, z=0))
    return made


@pytest.mark.parametrize(
    ("attributes", "address"),
    [
        ({"addr:street": "Mekelweg", "addr:housenumber": "5"}, "Mekelweg 5"),
        ({"address.ThoroughfareName": "Am Markt", "address.ThoroughfareNumber": 7}, "Am Markt 7"),
        ({"STRAAT": "Oude Delft", "HUISNR": 95.0, "PLAATS": "Delft"}, "Oude Delft 95, Delft"),
        ({"katunimi": "Sörnäisten rantatie", "osoitenumero": "33"}, "Sörnäisten rantatie 33"),
        ({"osoite": "Leonkatu 21, Helsinki"}, "Leonkatu 21, Helsinki"),
        ({"height": 12.0, "number": 4}, ""),
        ({"street": None}, ""),
    ],
)  # fmt: skip
def test_an_address_is_found_under_its_many_names(
    attributes: dict[str, object], address: str
) -> None:
    assert address_of(attributes) == address  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("52.0116, 4.3571", (52.0116, ""), (4.3571, "")),
        ("52.0116 4.3571", (52.0116, ""), (4.3571, "")),
        ("4,3571; 52,0116", (4.3571, ""), (52.0116, "")),
        ("52°00'41.8\"N 4°21'25.6\"E", (52.011611, "N"), (4.357111, "E")),
        ("N 52.5 E 4.25", (52.5, "N"), (4.25, "E")),
        ("33.9 S, 18.4 E", (-33.9, "S"), (18.4, "E")),
        ("E 85000 N 446250", (85000.0, "E"), (446250.0, "N")),
        ("lat: 52.0 lon: 4.0", (52.0, ""), (4.0, "")),
    ],
)
def test_coordinates_are_read_as_people_write_them(
    text: str, first: tuple[float, str], second: tuple[float, str]
) -> None:
    found = typed_coordinates(text)
    assert found is not None
    assert found[0] == (pytest.approx(first[0], abs=1e-6), first[1])
    assert found[1] == (pytest.approx(second[0], abs=1e-6), second[1])


@pytest.mark.parametrize("text", ["", "Mekelweg 5", "pump 14", "52.0", "1 2 3", "P-14"])
def test_names_are_no_coordinates(text: str) -> None:
    assert typed_coordinates(text) is None


def test_degrees_in_either_order_and_map_coordinates_mean_the_same_place() -> None:
    known = local_map(city())
    lon, lat = pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True).transform(85123.0, 446456.0)
    texts = (f"{lat:.7f}, {lon:.7f}", f"{lon:.7f} {lat:.7f}", "85123 446456", "N 446456 E 85123")
    for text in texts:
        x, y = candidates(text, known, (EAST, NORTH))[0]
        assert (x, y) == (pytest.approx(123.0, abs=0.1), pytest.approx(456.0, abs=0.1)), text


def test_a_place_on_the_other_side_of_the_earth_is_no_candidate() -> None:
    assert candidates("-41.3, 174.8", local_map(city()), (EAST, NORTH)) == []


def test_the_fitted_map_is_right_to_a_decimetre_across_a_city() -> None:
    known = local_map(city(1500.0))
    assert known is not None
    move = pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True).transform
    back = pyproj.Transformer.from_crs(4326, EPSG, always_xy=True).transform
    for x, y in ((-5500.0, 4200.0), (10.0, 20.0), (5900.0, -5900.0)):
        east, north = back(*known.lonlat(x, y))
        assert (east - EAST, north - NORTH) == (
            pytest.approx(x, abs=0.1),
            pytest.approx(y, abs=0.1),
        )
        assert known.local(*move(EAST + x, NORTH + y)) == (
            pytest.approx(x, abs=0.1),
            pytest.approx(y, abs=0.1),
        )


def test_one_asset_is_enough_for_a_rough_map() -> None:
    known = local_map(city()[:1])
    assert known is not None
    lon, lat = known.lonlat(-2000.0, -1000.0)
    assert known.local(lon, lat) == (
        pytest.approx(-2000.0, abs=0.5),
        pytest.approx(-1000.0, abs=0.5),
    )
    assert local_map([]) is None


def test_lines_are_near_by_their_nearest_point() -> None:
    pipe = Asset("pipe", "Pipe", "", "water", path=((0, 0, 0), (1000, 0, 0)), x=500, y=0, z=0)
    far = Asset("far", "Pump", "", "water", x=900.0, y=300.0, z=0)
    near = Asset("near", "Pump", "", "water", x=870.0, y=80.0, z=0)
    lost = Asset("lost", "Pump", "", "water")
    found = Nearness([pipe, far, near, lost]).within(900.0, 90.0, 200.0)
    assert [(n.asset, round(n.metres, 1)) for n in found] == [("near", 31.6), ("pipe", 90.0)]
    assert Nearness([lost]).within(0.0, 0.0, 1e9) == []


def test_degrees_are_written_with_their_letters() -> None:
    assert degrees_text(4.35713, -52.011613) == "52.011613° S  4.357130° E"
