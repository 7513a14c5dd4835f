"""The twin says what it does not know of an asset, by its type and by its peers."""

from __future__ import annotations

from lamplighter.domain.city import Asset, Datastream, Edge
from lamplighter.twin.completeness import Norms

KINDS = {
    "pressure": ("Pressure", ("Pump", "Junction")),
    "current": ("Motor current", ("Pump",)),
    "no2": ("NO2", ()),
}


def pump(number: int, **more: str) -> Asset:
    attributes: dict[str, str | int | float | bool | None] = {
        "year": 1990 + number,
        "maker": "Weir",
    }
    return Asset(f"P{number}", "Pump", f"Pump {number}", "water", lon=1.0, lat=2.0,
                 attributes={**attributes, **more})  # fmt: skip


def test_sensors_attributes_and_ties_that_are_missing_are_named() -> None:
    assets = [pump(n) for n in range(6)]
    assets.append(Asset("P9", "Pump", "", "water", attributes={"maker": ""}))
    streams = [Datastream(n, "s", f"p{n}", kind="pressure", asset=f"P{n}") for n in range(6)]
    streams.append(Datastream(9, "s", "c", kind="current", asset="P0"))
    edges = [Edge(f"P{n}", "feeds", "J1", "project") for n in range(6)]
    norms = Norms(assets, streams, edges, KINDS)

    whole, part, least = norms.of(assets[0]), norms.of(assets[1]), norms.of(assets[6])

    assert (whole.score, whole.missing) == (1.0, ())
    assert part.missing == ("Motor current",)
    assert part.score == round(1 - 1 / 7, 3)
    assert least.missing == (
        "Pressure", "Motor current", "name", "place", "dependencies", "maker", "year",
    )  # fmt: skip
    assert least.score == 0.0


def test_a_few_peers_make_no_custom() -> None:
    assets = [pump(0, colour="red"), pump(1)]

    assert norms_missing(assets, 1) == ("Pressure", "Motor current", "dependencies")


def norms_missing(assets: list[Asset], number: int) -> tuple[str, ...]:
    return Norms(assets, (), (), KINDS).of(assets[number]).missing


def test_an_attribute_that_half_of_them_have_is_not_missed() -> None:
    assets = [pump(n, **({"colour": "red"} if n % 2 else {})) for n in range(8)]

    assert "colour" not in norms_missing(assets, 0)
