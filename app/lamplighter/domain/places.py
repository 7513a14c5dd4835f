"""Places as people name them: street and house number, coordinates typed or pasted, nearness.

Everything works from the imported data alone; no service is asked.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Asset, Attribute

Floats = npt.NDArray[np.float64]
EARTH_M: Final = 6_371_008.8
_STREETS: Final = (
    "addr:street", "street", "streetname", "thoroughfarename", "thoroughfare", "strasse", "straße",
    "strassenname", "str", "straat", "straatnaam", "openbareruimte", "rue", "voie", "nom_voie",
    "via", "calle", "katu", "katunimi", "gata", "gatunamn", "gade", "vejnavn", "vej", "ulica",
    "road", "roadname",
)  # fmt: skip
_NUMBERS: Final = (
    "addr:housenumber", "housenumber", "huisnr", "house_number", "streetnumber", "street_number",
    "thoroughfarenumber", "hausnummer", "hausnr", "huisnummer", "nummer", "numero", "num",
    "numerovoie", "civico", "osoitenumero", "talonumero", "nr", "number", "no", "husnr",
)  # fmt: skip
_WHOLE: Final = ("address", "addr:full", "adresse", "adres", "osoite", "indirizzo", "direccion")
_TOWNS: Final = ("addr:city", "city", "town", "locality", "localityname", "ort", "plaats", "kunta")


@lru_cache(maxsize=4096)
def _keys(names: tuple[str, ...]) -> tuple[str, str, str, str]:
    """Which attributes hold street, number, whole address and town; empty for none."""
    found: dict[str, str] = {}
    for name in names:
        word = name.casefold()
        found.setdefault(word, name)
        found.setdefault(word.rsplit(".", 1)[-1].replace("-", "").replace(" ", ""), name)

    def first(words: tuple[str, ...]) -> str:
        return next((found[word] for word in words if word in found), "")

    return first(_STREETS), first(_NUMBERS), first(_WHOLE), first(_TOWNS)


def _words(value: Attribute) -> str:
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def address_of(attributes: Mapping[str, Attribute]) -> str:
    """`Mekelweg 5, Delft` from whatever the file calls its parts; empty when it states none."""
    street_key, number_key, whole_key, town_key = _keys(tuple(attributes))
    street = _words(attributes.get(street_key))
    whole = _words(attributes.get(whole_key))
    if street:
        whole = f"{street} {_words(attributes.get(number_key))}".strip()
    if not whole:
        return ""
    town = _words(attributes.get(town_key))
    return f"{whole}, {town}" if town and not whole.endswith(town) else whole


# ---------------------------------------------------------------------- coordinates
@dataclass(frozen=True, slots=True)
class LocalMap:
    """Between local metres and degrees, fitted to what the city's own assets say of both.

    Second order in each direction: better than a decimetre over the extent of a city.
    """

    to_degrees: Floats
    """(6, 2)"""
    to_metres: Floats
    """(6, 2)"""
    middle: tuple[float, float, float, float]
    """x, y, lon, lat of the middle"""

    def lonlat(self, x: float, y: float) -> tuple[float, float]:
        """Degrees of a place in local metres."""
        row = _terms(np.array([[x - self.middle[0], y - self.middle[1]]]) / 1000.0)
        lon, lat = (row @ self.to_degrees)[0]
        return float(lon) + self.middle[2], float(lat) + self.middle[3]

    def local(self, lon: float, lat: float) -> tuple[float, float]:
        """Local metres of a place in degrees."""
        row = _terms(np.array([[lon - self.middle[2], lat - self.middle[3]]]) * 100.0)
        x, y = (row @ self.to_metres)[0]
        return float(x) + self.middle[0], float(y) + self.middle[1]


def local_map(assets: Iterable[Asset]) -> LocalMap | None:
    """Fitted to at most 2,000 assets; None when fewer than one states both places."""
    rows = [
        (a.x, a.y, a.lon, a.lat)
        for a in assets
        if a.x is not None and a.y is not None and a.lon is not None and a.lat is not None
    ]
    if not rows:
        return None
    table = np.array(rows[:: max(1, len(rows) // 2000)], dtype=np.float64)
    x, y, lon, lat = (float(v) for v in table.mean(axis=0))
    metres = (table[:, :2] - (x, y)) / 1000.0
    degrees = (table[:, 2:] - (lon, lat)) * 100.0
    spread = np.ptp(metres, axis=0).min() if len(table) > 11 else 0.0
    if spread < 0.01:
        return _spherical(x, y, lon, lat)
    to_degrees = np.asarray(np.linalg.lstsq(_terms(metres), degrees / 100.0)[0], np.float64)
    to_metres = np.asarray(np.linalg.lstsq(_terms(degrees), metres * 1000.0)[0], np.float64)
    return LocalMap(to_degrees, to_metres, (x, y, lon, lat))


def _terms(both: Floats) -> Floats:
    a, b = both[:, 0], both[:, 1]
    return np.stack([np.ones_like(a), a, b, a * a, a * b, b * b], axis=1)


def _spherical(x: float, y: float, lon: float, lat: float) -> LocalMap:
    """North up and true to scale, where too little is known to fit more."""
    degree = math.radians(1.0) * EARTH_M
    east = max(degree * math.cos(math.radians(lat)), 1.0)
    to_degrees, to_metres = np.zeros((6, 2)), np.zeros((6, 2))
    to_degrees[1, 0], to_degrees[2, 1] = 1000.0 / east, 1000.0 / degree
    to_metres[1, 0], to_metres[2, 1] = east / 100.0, degree / 100.0
    return LocalMap(to_degrees, to_metres, (x, y, lon, lat))


_VALUE: Final = (
    r"([+\-\u2212]?\d+(?:\.\d+)?)\s*(?:\u00b0\s*(?:(\d+(?:\.\d+)?)\s*['\u2032]\s*)?"
    r"(?:(\d+(?:\.\d+)?)\s*[\"\u2033]\s*)?)?"
)
_BEFORE: Final = re.compile(rf"([NSEWO])\s*{_VALUE}\s*", re.IGNORECASE)
_AFTER: Final = re.compile(rf"{_VALUE}\s*([NSEWO])?\s*", re.IGNORECASE)


def typed_coordinates(text: str) -> tuple[tuple[float, str], tuple[float, str]] | None:
    """Two numbers with their letters (N, E ...) as somebody types or pastes them; else None.

    `52.0116, 4.3571`, `52°00'41.8"N 4°21'25.6"E`, `E 85000 N 446250`, `4,3571; 52,0116`.
    """
    plain = text.strip()
    if re.fullmatch(r"[^,;]*\d,\d+\s*[;\s]\s*[^,;]*\d,\d+\s*", plain):
        plain = plain.replace(",", ".").replace(";", " ")  # a comma as decimal sign
    plain = re.sub(r"[,;/]|\s+", " ", re.sub(r"(?i)\b(lat|lon|lng|east|north)\w*[:=]?", " ", plain))
    plain = plain.strip()
    leads = plain[:1].isalpha()
    parts: list[tuple[float, str]] = []
    place = 0
    while place < len(plain):
        found = (_BEFORE if leads else _AFTER).match(plain, place)
        if found is None:
            return None
        groups = found.groups()
        letter, numbers = (groups[0], groups[1:]) if leads else (groups[3], groups[:3])
        parts.append(_angle(numbers, (letter or "").upper().replace("O", "E")))
        place = found.end()
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _angle(numbers: tuple[str | None, ...], letter: str) -> tuple[float, str]:
    """Degrees, minutes and seconds as one signed number with its letter."""
    degrees, minutes, seconds = numbers
    value = float((degrees or "0").replace("\u2212", "-"))
    more = float(minutes or 0) / 60.0 + float(seconds or 0) / 3600.0
    value = value - more if value < 0 else value + more
    return (-value if letter in ("S", "W") and value > 0 else value), letter


def candidates(
    text: str, known: LocalMap | None, origin: tuple[float, float] | None
) -> list[tuple[float, float]]:
    """Local metres a text may mean, the likeliest (nearest to the city) first.

    Degrees in either order, or numbers of the project's own system, whose `origin` (east, north)
    is that of the local frame. What lies more than 100 km away is left out.
    """
    typed = typed_coordinates(text)
    if typed is None:
        return []
    (one, first), (two, second) = typed
    spots: list[tuple[float, float]] = []
    orders = [(one, two), (two, one)]
    if first in ("E", "W") or second in ("N", "S"):
        orders = [(two, one)]
    elif first in ("N", "S") or second in ("E", "W"):
        orders = [(one, two)]
    for north, east in orders:
        if known is not None and abs(north) <= 90 and abs(east) <= 180:
            spots.append(known.local(east, north))
        if origin is not None:
            spots.append((east - origin[0], north - origin[1]))
    middle = known.middle[:2] if known is not None else (0.0, 0.0)
    far = [math.hypot(x - middle[0], y - middle[1]) for x, y in spots]
    near = sorted((d, s) for d, s in zip(far, spots, strict=True) if d < 100_000.0)
    return [spot for _, spot in near]


# ---------------------------------------------------------------------- nearness
@dataclass(frozen=True, slots=True)
class Near:
    """An asset and how far it lies from the place, along the ground."""

    asset: str
    metres: float


class Nearness:
    """`within` over all assets of a city; lines count by their nearest point."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        names: list[str] = []
        ends: list[tuple[float, float, float, float]] = []
        owner: list[int] = []
        for asset in assets:
            lines = [line for line in (asset.path, *asset.more) if len(line) > 1]
            if not lines and (asset.x is None or asset.y is None):
                continue
            number = len(names)
            names.append(asset.id)
            if lines:
                for line in lines:
                    for a, b in itertools.pairwise(line):
                        ends.append((a[0], a[1], b[0], b[1]))
                        owner.append(number)
            else:
                assert asset.x is not None and asset.y is not None
                ends.append((asset.x, asset.y, asset.x, asset.y))
                owner.append(number)
        self._names = names
        self._ends = np.array(ends, dtype=np.float64).reshape(-1, 4)
        self._owner = np.array(owner, dtype=np.int64)

    def within(self, x: float, y: float, metres: float) -> list[Near]:
        """Assets not further than `metres` from (x, y), the nearest first."""
        if not len(self._names):
            return []
        a, b = self._ends[:, :2], self._ends[:, 2:]
        along, spot = b - a, np.array([x, y])
        length = np.einsum("ij,ij->i", along, along)
        share = np.einsum("ij,ij->i", spot - a, along) / np.maximum(length, 1e-12)
        foot = a + np.clip(share, 0.0, 1.0)[:, None] * along
        far = np.hypot(foot[:, 0] - x, foot[:, 1] - y)
        best = np.full(len(self._names), np.inf)
        np.minimum.at(best, self._owner, far)
        found = np.flatnonzero(best <= metres)
        order = found[np.argsort(best[found], kind="stable")]
        return [Near(self._names[n], float(best[n])) for n in order.tolist()]


def degrees_text(lon: float, lat: float) -> str:
    """`52.011613° N  4.357130° E`, a decimetre fine."""
    north, east = "N" if lat >= 0 else "S", "E" if lon >= 0 else "W"
    return f"{abs(lat):.6f}\u00b0 {north}  {abs(lon):.6f}\u00b0 {east}"
