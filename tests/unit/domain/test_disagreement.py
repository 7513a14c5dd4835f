"""Two departments' records of one asset: what they contradict each other in, and what not."""

from __future__ import annotations

from lamplighter.domain.city import Asset
from lamplighter.domain.disagreement import Disagreement, disagreements

WORKS = Asset("P-1", "Pump", "Mill Lane", "water", x=0.0, y=0.0, layer="a",
              attributes={"year": 1998, "power_kw": 7.5, "maker": "Ada", "note": None})  # fmt: skip
PLANS = Asset("P-1", "pump", "P-1", "water", x=3.0, y=0.0, layer="b",
              attributes={"year": "1998", "power_kw": 9.0, "maker": "ADA ", "dn": 80})  # fmt: skip
NAMES = {"a": "works.csv", "b": "plans.gpkg"}


def test_only_contradictions_are_told() -> None:
    assert disagreements([WORKS, PLANS], NAMES) == [
        Disagreement("power_kw", (("works.csv", "7.5"), ("plans.gpkg", "9")))
    ]


def test_places_far_apart_and_other_names_are_contradictions() -> None:
    from msgspec.structs import replace

    far = replace(PLANS, x=300.0, name="Mill Road", attributes={})
    assert disagreements([WORKS, far], NAMES) == [
        Disagreement("name", (("works.csv", "Mill Lane"), ("plans.gpkg", "Mill Road"))),
        Disagreement("place", (("works.csv", "here"), ("plans.gpkg", "300 m away"))),
    ]


def test_one_record_contradicts_nobody() -> None:
    assert disagreements([WORKS], NAMES) == []
    assert disagreements([], NAMES) == []
