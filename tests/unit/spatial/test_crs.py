"""Names of coordinate systems, and where a file without one is put."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.domain.city import Frame
from lamplighter.spatial import crs

ROTTERDAM = np.array([[91000.0, 435700.0, 0.0], [91100.0, 435800.0, 5.0]])
FRAME = Frame(28992, 90900.0, 435600.0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("EPSG:28992", 28992),
        ("epsg:3879", 3879),
        ("7415", 7415),
        ("EPSG::25832", 25832),
        ("urn:ogc:def:crs:EPSG::28992", 28992),
        ("urn:ogc:def:crs:EPSG:6.12:3068", 3068),
        ("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783", 25832),
        ("urn:ogc:def:crs,crs:EPSG:6.12:3068,crs:EPSG:6.12:5783", 3068),
        ("https://www.opengis.net/def/crs/EPSG/0/7415", 7415),
        ("http://www.opengis.net/def/crs/EPSG/9.9.1/28992", 28992),
        ("http://www.opengis.net/gml/srs/epsg.xml#25832", 25832),
        ("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH", 25832),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", 4326),
        ("Amersfoort / RD New", 28992),
        ("CH1903", 21781),
        ("#local-CRS-1", None),
        ("", None),
        ("unknown", None),
    ],
)
def test_any_usual_way_to_write_a_system_is_understood(text: str, code: int | None) -> None:
    assert crs.parse_name(text) == code


@pytest.mark.parametrize("text", ["+proj=utm +zone=32 +nadgrids=/etc/passwd", "/etc/passwd", "a=b"])
def test_a_name_never_reaches_the_file_system(text: str) -> None:
    assert crs.parse_name(text) is None


def placed(decision: crs.Place | str) -> crs.Place:
    assert isinstance(decision, crs.Place), decision
    return decision


def test_a_compound_system_is_placed_by_its_horizontal_part() -> None:
    place = placed(crs.decide("EPSG:7415", ROTTERDAM, None, None))
    assert (place.epsg, place.named, place.swap) == (28992, "EPSG:7415", False)


def test_coordinates_outside_the_area_are_not_placed() -> None:
    far = crs.decide("EPSG:28992", ROTTERDAM + 10_000_000, None, None)
    assert isinstance(far, str) and "outside the area of EPSG:28992" in far


def test_without_a_system_the_neighbours_decide() -> None:
    assert isinstance(crs.decide("", ROTTERDAM, None, None), str)
    place = placed(crs.decide("", ROTTERDAM, FRAME, None))
    assert place.epsg == 28992 and "no coordinate system in the file" in place.evidence
    swapped = placed(crs.decide("", ROTTERDAM[:, [1, 0, 2]], FRAME, None))
    assert swapped.swap
    elsewhere = crs.decide("", ROTTERDAM + 500_000, FRAME, None)
    assert isinstance(elsewhere, str) and "do not lie near the project" in elsewhere


def test_numbers_next_to_a_systems_own_zero_name_no_system() -> None:
    # a building's own metres would be "near" in a system whose zero stands in this very city
    amersfoort = Frame(28992, 155_000.0, 463_000.0)
    small = np.array([[0.0, 0.0, 0.0], [12.0, 30.0, 5.0], [400.0, 900.0, 8.0]])
    decision = crs.decide("", small, amersfoort, None)
    assert isinstance(decision, str) and "do not lie near the project" in decision


def test_the_users_system_wins_and_the_contradiction_is_told() -> None:
    place = placed(crs.decide("EPSG:25832", ROTTERDAM, None, 28992))
    assert place.epsg == 28992 and "given by the user" in place.evidence
    assert place.warnings


def test_degrees_next_to_the_project_settle_their_own_order() -> None:
    lonlat = np.array([[4.457, 51.906, 0.0]])
    latlon = lonlat[:, [1, 0, 2]]
    assert not placed(crs.decide("EPSG:4326", lonlat, FRAME, None)).swap
    assert placed(crs.decide("EPSG:4326", latlon, FRAME, None)).swap
    assert placed(crs.decide("urn:ogc:def:crs:EPSG::4326", latlon, None, None)).swap


@pytest.mark.parametrize("text", ["EPSG:999999", "EPSG:5703"])
def test_a_code_without_a_place_is_told(text: str) -> None:
    assert isinstance(crs.decide(text, ROTTERDAM, None, None), str)


def test_a_frame_is_metric_and_its_origin_is_whole_metres() -> None:
    native = crs.found_frame(placed(crs.decide("EPSG:28992", ROTTERDAM, None, None)), ROTTERDAM)
    assert native == Frame(28992, 91050.0, 435750.0)
    degrees = np.array([[24.98, 60.18, 0.0]])
    frame = crs.found_frame(placed(crs.decide("EPSG:4326", degrees, None, None)), degrees)
    assert frame.epsg == 32635
    east, north = crs.to_frame(frame, 4326, degrees[:, 0], degrees[:, 1])
    assert abs(east[0]) <= 0.5 and abs(north[0]) <= 0.5


def test_a_system_in_feet_founds_a_metric_frame() -> None:
    new_york = np.array([[981000.0, 197000.0, 100.0]])
    place = placed(crs.decide("EPSG:2263", new_york, None, None))
    assert crs.found_frame(place, new_york).epsg == 32618
    system = crs.system(2263)
    assert system is not None and system.up_metres == pytest.approx(0.3048, abs=1e-4)
