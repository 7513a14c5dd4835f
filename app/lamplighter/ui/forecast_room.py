"""What the window knows of the next hours: asked for its figures and charts, worded for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from PySide6.QtCore import QObject, Signal

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.forecast import ENOUGH_HOURS, FIGURE, STREAM, Forecast
from lamplighter.ui import numbers
from lamplighter.ui.time_model import Mode
from lamplighter.ui.units import display
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk

AHEAD_MS: Final = 6 * 3_600_000
Measured: TypeAlias = tuple[float, float | None]
"""a live value and how far single ones usually stray, in the datastream's own unit"""


class ForecastRoom(QObject):
    """Forecasts by their id; views read them and listen to `changed`."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._items: dict[str, Forecast] = {}
        self._watched: tuple[int, ...] = ()
        self.shown = True
        """whether charts reach into the next hours; a person may turn that off"""
        desk.city_changed.connect(self._tell_figures)

    # ------------------------------------------------------------------ what views read
    @property
    def items(self) -> dict[str, Forecast]:
        """The newest ones; in replay those that had been made by the moment."""
        desk = self._desk
        if desk.time.mode is Mode.REPLAY:
            return {f.id: f for f in desk.moment.forecasts} if desk.moment is not None else {}
        return self._items

    def of_stream(self, stream: Datastream) -> Forecast | None:
        return self.items.get(STREAM + stream.key)

    def of_figure(self, id: str) -> Forecast | None:
        return self.items.get(FIGURE + id)

    def watch(self, streams: list[int]) -> None:
        """Charts show these: they are forecast from now on."""
        wanted = tuple(sorted(set(streams)))
        if wanted and wanted != self._watched and self._desk.session is not None:
            self._watched = wanted
            self._desk.ask(wire.GetForecasts(wanted), self.take)

    # ------------------------------------------------------------------ the session
    def ask(self) -> None:
        """Everything anew, with a new session, which does not know yet what charts show."""
        self._desk.ask(wire.GetForecasts(self._watched), self.take)

    def take(self, news: wire.Reply | wire.Event) -> None:
        """An answer or an event with forecasts; others are left alone."""
        if isinstance(news, wire.Forecasts) and news.items:
            self._items = self._items | {f.id: f for f in news.items}
            self.changed.emit()

    def measured(self, stream: Datastream) -> Measured | None:
        """What is measured at the shown time; None where that is not live."""
        values = self._desk.values
        if values is None or not self._desk.value(stream).live:
            return None
        spread = float(values.spread[stream.id])
        return float(values.value[stream.id]), spread if spread > 0 else None

    def show(self, on: bool) -> None:
        """Let charts reach into the next hours, or end them at now."""
        self.shown = on
        self.changed.emit()

    def _tell_figures(self) -> None:
        from lamplighter.ui.kpi import figures_of

        figures = figures_of(self._desk.city)
        if figures and self._desk.session is not None:
            self._desk.ask(wire.PutFigures(figures), self.take)


def brief(
    item: Forecast | None,
    now_ms: int,
    resolution: float,
    *,
    converted: bool = False,
    now: Measured | None = None,
) -> str:
    """`in 6 h 64 (58\u201370)`, with FROZEN where the naive rule stands; empty without a number.

    `converted`: in the unit this person wants to see, as a datastream's value is. `now`: what it
    measures, in the unit of the forecast; far from what was forecast for now, no number is told.
    """
    at = item.at(now_ms + AHEAD_MS) if item is not None else None
    if item is None or at is None:
        return ""
    if left(item, now_ms, now):
        return tr("in 6 h: no basis, it is far from its forecast")
    value, low, high, _ = at
    way = display.of(item.unit) if converted else None
    if way is not None:
        value, low, high = way.value(value), way.value(low), way.value(high)
        resolution = way.span(resolution)
    text = tr(
        "in 6 h {v} ({band})",
        v=numbers.number(value, resolution),
        band=numbers.value_range(low, high, resolution),
    )
    return f"{text} {tr('FROZEN')}" if item.frozen else text


def left(item: Forecast, now_ms: int, now: Measured | None) -> bool:
    """Whether what is measured contradicts the forecast; not where nothing live is measured."""
    return now is not None and item.left_behind(now_ms, *now)


def whole(
    item: Forecast | None, now_ms: int, resolution: float, now: Measured | None = None
) -> str:
    """Everything there is to say about a forecast, in lines; empty where none was asked for."""
    if item is None:
        return ""
    at = item.at(now_ms + AHEAD_MS)
    if at is None:
        why = item.why or tr("it was made too long ago")
        return tr("No forecast of the next hours: {why}.", why=why)
    value, low, high, naive = at
    said = [
        tr(
            "In 6 h {v}, between {low} and {high} nine times out of ten.",
            v=numbers.with_unit(value, item.unit, resolution),
            low=numbers.number(low, resolution),
            high=numbers.number(high, resolution),
        )
    ]
    if left(item, now_ms, now):
        said.insert(0, tr("What is measured now lies far outside of what was forecast for this "
                          "hour. Do not go by this forecast."))  # fmt: skip
    if item.frozen:
        said.append(tr("FROZEN: {why}; the naive rule is shown.", why=item.why))
    said.append(
        tr("Naive rule ({name}): {v}.", name=item.naive_name,
           v=numbers.with_unit(naive, item.unit, resolution))
    )  # fmt: skip
    if item.mae is not None and item.naive_mae is not None:
        said.append(
            tr(
                "Off by {a} on average over {n} hours looked back on, the naive rule by {b}.",
                a=_size(item.mae), b=_size(item.naive_mae), n=item.judged,
            )
        )  # fmt: skip
    track = item.track
    if max(item.judged, track.total) < ENOUGH_HOURS and not item.frozen:
        said.append(tr("It is too young to be judged: too few hours of its kind have come."))
    if track.total and track.mae is not None and track.naive_mae is not None:
        said.append(
            tr(
                "Of {n} that came due: off by {a}, the naive rule by {b}; {c} lay in the band.",
                n=track.total, a=_size(track.mae), b=_size(track.naive_mae),
                c=numbers.percent(track.coverage or 0.0),
            )
        )  # fmt: skip
    said.append(tr("Made at {when}.", when=numbers.clock_short(item.made_ms)))
    return "\n".join(said)


def _size(value: float) -> str:
    """An error is told with three digits, whatever its size."""
    return f"{value:.3g}"
