"""The alarm figures of a period as rows: value, what is recommended, and whether it is beyond."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from lamplighter.domain.alarm_report import AlarmKpis
from lamplighter.ui import numbers
from lamplighter.ui.city_index import CityIndex
from lamplighter.ui.words import tr


class Figure(NamedTuple):
    """`good`: the recommendation in words, empty where there is none."""

    name: str
    value: str
    good: str
    over: bool = False

    @property
    def mark(self) -> str:
        """The last column: never by type alone."""
        if not self.good:
            return ""
        return tr("beyond") if self.over else tr("as recommended")


def figures(k: AlarmKpis) -> tuple[Figure, ...]:
    """All of them, as EEMUA 191 and ISA-18.2 recommend them."""

    def most(name: str, value: float, limit: float, show: Callable[[float], str]) -> Figure:
        words = tr("{n} or fewer", n=show(limit)) if limit else tr("none")
        return Figure(name, show(value), words, value > limit)

    def under(name: str, share: float, limit: float) -> Figure:
        value, bound = numbers.percent(share, 1), numbers.percent(limit)
        return Figure(name, value, tr("under {n}", n=bound), share >= limit)

    def plain(value: float) -> str:
        return f"{value:,.2f}".rstrip("0").rstrip(".")

    split = ", ".join(f"{p}: {numbers.percent(k.priorities.get(p, 0.0))}" for p in "1234")
    urgent = k.priorities.get("1", 0.0) + k.priorities.get("2", 0.0)
    low = k.priorities.get("3", 0.0) + k.priorities.get("4", 0.0)
    return (
        most(tr("New alarms in 10 minutes"), k.per_10_min, 1, plain),
        most(tr("New alarms in an hour"), k.per_hour, 6, plain),
        most(tr("New alarms in a day"), k.per_day, 150, plain),
        under(tr("Time in flood"), k.flood_share, 0.01),
        under(tr("Ten-minute slices above 10"), k.over_10_share, 0.01),
        most(tr("Peak in 10 minutes"), k.peak_10_min, 10, plain),
        Figure(tr("Share of the ten most frequent"), numbers.percent(k.top_10_share, 1),
               tr("5 % or less"), k.top_10_share > 0.05),
        most(tr("Chattering"), len(k.chattering), 0, plain),
        most(tr("Fleeting"), len(k.fleeting), 0, plain),
        Figure(tr("Standing for more than 24 h"), plain(len(k.stale)), tr("fewer than 5"),
               len(k.stale) >= 5),
        Figure(tr("Priorities"), split, tr("few high, most low"), k.alarms > 0 and urgent > low),
        Figure(tr("Time to acknowledge, median"), _span(k.ack_median_s), ""),
        Figure(tr("Time to acknowledge, 95 %"), _span(k.ack_p95_s), ""),
        most(tr("Never acknowledged"), k.unacknowledged, 0, plain),
        Figure(tr("Shelved"), plain(k.shelved), ""),
        Figure(tr("Suppressed by design"), plain(k.suppressed), ""),
    )  # fmt: skip


def name_of(key: str, city: CityIndex, texts: Mapping[str, str]) -> str:
    """A key `rule@asset` as people read it; `texts` are the words of rules by their ids."""
    rule, _, asset = key.partition("@")
    return f"{city.name(asset) or asset}: {texts.get(rule) or rule.partition('.')[2] or rule}"


def _span(seconds: float | None) -> str:
    return "—" if seconds is None else numbers.age(seconds)
