"""Things that move over the city: whatever reports its latitude and longitude as two datastreams.

A vehicle is a pair of datastreams `<thing>/lat` and `<thing>/lon` of one source, with `/bearing`
where it has one. It is drawn flat over the 3D picture: a small arrow in the direction it drives,
filled while it lives, hollow when its position is not live. In replay it stands where it stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from lamplighter.domain.city import Asset
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_labels import Box

if TYPE_CHECKING:
    from lamplighter.ui.beat import Shown
    from lamplighter.ui.city_index import CityIndex
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_view import TwinView

Places = npt.NDArray[np.float64]
MOST: Final = 5_000
NAMED_UP_TO: Final = 15
"""so many in sight have their names beside them"""
_LEAST_ANCHORS: Final = 6
_SAMPLE: Final = 2_000
_AHEAD_M: Final = 8.0
_ABOVE_M: Final = 1.5


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that moves: datastream ids; -1 where it has no bearing."""

    name: str
    lat: int
    lon: int
    bearing: int = -1


class LocalFrame:
    """Local metres of a longitude and latitude, learned from assets that have both.

    Over a city the projection is smooth: a surface of second degree is true to centimetres.
    """

    def __init__(self, assets: Sequence[Asset]) -> None:
        rows = [
            (a.lon, a.lat, a.x, a.y, a.z or 0.0)
            for a in assets
            if a.lon is not None and a.lat is not None and a.x is not None and a.y is not None
        ]
        step = max(1, len(rows) // _SAMPLE)
        known = np.array(rows[::step], np.float64).reshape(-1, 5)
        self.known = len(known) >= _LEAST_ANCHORS
        self._xyz = known[:, 2:]
        self._middle = known[:, :2].mean(axis=0) if self.known else np.zeros(2)
        self._span = np.maximum(np.ptp(known[:, :2], axis=0), 1e-4) if self.known else np.ones(2)
        if self.known:
            terms = self._terms(known[:, :2])
            self._fit = np.linalg.lstsq(terms, known[:, 2:4], rcond=None)[0]

    def _terms(self, lonlat: Places) -> Places:
        u, v = ((lonlat - self._middle) / self._span).T
        return np.stack((np.ones_like(u), u, v, u * v, u * u, v * v), axis=1)

    def places(self, lonlat: Places) -> Places:
        """(n, 3) local metres; far away things are NaN, their height is that of what is near."""
        out = np.full((len(lonlat), 3), np.nan)
        near = (np.abs(lonlat - self._middle) < 3 * self._span).all(axis=1)
        if not self.known or not near.any():
            return out
        xy = self._terms(lonlat[near]) @ self._fit
        gaps = ((xy[:, None, :] - self._xyz[None, :, :2]) ** 2).sum(axis=2)
        height = self._xyz[gaps.argmin(axis=1), 2] + _ABOVE_M
        out[near] = np.c_[xy, height]
        return out


def things_of(city: CityIndex) -> list[Thing]:
    """Every pair of latitude and longitude, the bearing beside it."""
    found: dict[str, dict[str, int]] = {}
    words = {"lat": "lat", "latitude": "lat", "lon": "lon", "longitude": "lon", "bearing": "turn"}
    for stream in city.streams.values():
        head, _, tail = stream.key.rpartition("/")
        if tail in words:
            found.setdefault(head, {})[words[tail]] = stream.id
    return [
        Thing(head.rpartition("/")[2], ids["lat"], ids["lon"], ids.get("turn", -1))
        for head, ids in sorted(found.items())
        if "lat" in ids and "lon" in ids
    ][:MOST]


class MovingThings:
    """Draws what moves on the view's overlay; the beat gives it the values of the shown time."""

    def __init__(self, view: TwinView, desk: Desk) -> None:
        self._view = view
        self._desk = desk
        self.things: list[Thing] = []
        self._frame = LocalFrame(())
        self.places: Places = np.zeros((0, 3))
        self._ahead: Places = np.zeros((0, 3))
        self._stale: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        view.overlay.marks.append(self._paint)

    def city_changed(self) -> None:
        """Other datastreams or assets."""
        self.things = things_of(self._desk.city)
        if self.things:
            self._frame = LocalFrame(tuple(self._desk.city.assets.values()))

    def show(self, shown: Shown) -> None:
        """Where everything is at the shown time."""
        values = shown.values
        if not self.things or values is None or not self._frame.known:
            self.places = np.zeros((0, 3))
            return
        lat, lon, turn = np.array([(t.lat, t.lon, t.bearing) for t in self.things]).T
        held = np.maximum(lat, lon) < len(values.value)
        row = np.where(held, lat, 0)
        lonlat = np.stack((values.value[np.where(held, lon, 0)], values.value[row]), axis=1)
        lonlat[~held | (values.time_ms[row] == 0)] = np.nan
        places = self._frame.places(lonlat)
        has = (turn >= 0) & (turn < len(values.value))
        angle = np.radians(np.where(has, values.value[np.where(has, turn, 0)], np.nan))
        ahead = places + _AHEAD_M * np.stack((np.sin(angle), np.cos(angle), 0 * angle), axis=1)
        mask = self._desk.stale_mask()
        self._stale = mask[row] if len(mask) > row.max() else np.zeros(len(row), np.bool_)
        if not np.array_equal(places, self.places, equal_nan=True):
            self._view.overlay.update()
        self.places, self._ahead = places, ahead

    # ---------------------------------------------------------------- painting
    def _paint(self, painter: QPainter) -> list[Box]:
        if not len(self.places):
            return []
        at = self._view.project_places(self.places)
        to = self._view.project_places(self._ahead)
        size = self._view.overlay.size()
        inside = (at >= 0).all(axis=1) & (at[:, 0] <= size.width()) & (at[:, 1] <= size.height())
        rows = np.flatnonzero(inside)
        for row in rows.tolist():
            self._arrow(painter, at[row], to[row], bool(self._stale[row]))
        if len(rows) <= NAMED_UP_TO:
            for row in rows.tolist():
                self._name(painter, at[row], self.things[row].name)
        return []

    def _arrow(self, painter: QPainter, at: Places, to: Places, stale: bool) -> None:
        painter.save()
        painter.translate(QPointF(float(at[0]), float(at[1])))
        ink, plate = theme().colour("text.primary"), theme().colour("scene.plate")
        painter.setPen(QPen(ink if stale else plate, 1.2))
        painter.setBrush(plate if stale else ink)
        way = to - at
        if np.isfinite(way).all() and float(np.hypot(*way)) > 0.01:
            painter.rotate(float(np.degrees(np.arctan2(way[1], way[0]))) + 90.0)
            painter.drawPolygon(
                QPolygonF([QPointF(0, -8), QPointF(5, 6), QPointF(0, 3), QPointF(-5, 6)])
            )
        else:
            painter.drawEllipse(QPointF(0, 0), 4.5, 4.5)
        painter.restore()

    def _name(self, painter: QPainter, at: Places, name: str) -> None:
        painter.setFont(theme().font("caption"))
        wide = painter.fontMetrics().horizontalAdvance(name) + 8.0
        box = QRectF(float(at[0]) + 9, float(at[1]) - 9, wide, 18.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().colour("scene.plate"))
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(theme().colour("text.secondary"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)
