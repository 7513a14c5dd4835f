"""What comes in the next hours: forecasts with their band, the naive rule beside, and a record."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

STREAM: str = "stream/"
FIGURE: str = "figure/"
ENOUGH_HOURS: Final = 48
"""judged hours of one datastream or figure below which it is too young to be judged"""


class Figure(Struct, frozen=True, omit_defaults=True):
    """A figure made of many datastreams, so that the recorder can forecast it like one of them.

    `keys` are datastreams as `source/name`; each is multiplied by its `factors` entry first.
    """

    id: str
    name: str
    unit: str
    fold: str
    """sum | mean | median"""
    keys: tuple[str, ...] = ()
    factors: tuple[float, ...] = ()


class Track(Struct, frozen=True, omit_defaults=True):
    """What became of earlier forecasts, newer ones counting more (half after four weeks)."""

    judged: float = 0.0
    miss: float = 0.0
    """sum of absolute misses of the model, whether it was shown or frozen"""
    naive_miss: float = 0.0
    inside: float = 0.0
    """how many outcomes lay in the band"""
    total: int = 0
    """outcomes ever judged"""

    @property
    def mae(self) -> float | None:
        return self.miss / self.judged if self.judged else None

    @property
    def naive_mae(self) -> float | None:
        return self.naive_miss / self.judged if self.judged else None

    @property
    def coverage(self) -> float | None:
        return self.inside / self.judged if self.judged else None

    def with_outcome(self, miss: float, naive_miss: float, inside: bool, keep: float) -> Track:
        """One more outcome; what was before counts `keep` of what it did."""
        return Track(
            self.judged * keep + 1.0,
            self.miss * keep + abs(miss),
            self.naive_miss * keep + abs(naive_miss),
            self.inside * keep + float(inside),
            self.total + 1,
        )


FAR: Final = 3.0
FAR_SPREADS: Final = 5.0
FAR_BLIND: Final = 10.0
"""widths of the band, and usual spreads, beyond which a present value contradicts a forecast"""


class Forecast(Struct, frozen=True, omit_defaults=True):
    """The next hours of one datastream or figure, as issued at `made_ms`.

    All columns are equally long, one entry per hour; `time_ms` is the middle of the hour that the
    mean is of. Without a basis they are empty and `why` says the reason.
    """

    id: str
    """`stream/<source/name>` or `figure/<id>`"""
    made_ms: int
    name: str = ""
    unit: str = ""
    origin_ms: int = 0
    """end of the newest hour that was used"""
    step_ms: int = 3_600_000
    time_ms: tuple[int, ...] = ()
    value: tuple[float, ...] = ()
    """shown: the model, or the naive rule while it is frozen"""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    naive: tuple[float, ...] = ()
    model: tuple[float, ...] = ()
    """what the model says, also while it is frozen"""
    frozen: bool = False
    why: str = ""
    """why there is none, or why it is frozen"""
    naive_name: str = ""
    mae: float | None = None
    """mean absolute error of the longest lead over the last weeks, walking forward"""
    naive_mae: float | None = None
    coverage: float | None = None
    judged: int = 0
    basis: str = ""
    """what it is made of, e.g. `60% middle of the last weeks`"""
    history_hours: int = 0
    track: Track = Track()
    anew_ms: int = 0
    """when its asset was last repaired: nothing from before is learned from or judged; 0 = never"""
    version: int = 0
    """of the model that was used; 0 = learned for this forecast alone, in no version yet"""

    def at(self, time_ms: int) -> tuple[float, float, float, float] | None:
        """(value, low, high, naive) at a time between the hours; None outside of them."""
        times = self.time_ms
        if not times or not times[0] - self.step_ms <= time_ms <= times[-1] + self.step_ms // 2:
            return None
        if time_ms <= times[0]:
            return self.value[0], self.low[0], self.high[0], self.naive[0]
        for k in range(1, len(times)):
            if time_ms <= times[k]:
                share = (time_ms - times[k - 1]) / (times[k] - times[k - 1])
                a, b = ((c[k - 1] + share * (c[k] - c[k - 1])) for c in (self.value, self.low))
                c, d = ((c[k - 1] + share * (c[k] - c[k - 1])) for c in (self.high, self.naive))
                return a, b, c, d
        return self.value[-1], self.low[-1], self.high[-1], self.naive[-1]

    def left_behind(self, now_ms: int, value: float, spread: float | None) -> bool:
        """Whether a value of now lies far outside the band of its hour: what was learned of does
        not go on. `spread`, in the unit of the value, is how far single values usually stray from
        the mean of an hour; without one they may stray further.
        """
        found = self.at(now_ms)
        if found is None:
            return False
        _, low, high, _ = found
        wide = high - low
        room = max(FAR * wide, FAR_SPREADS * spread) if spread else FAR_BLIND * wide
        return wide > 0 and not low - room <= value <= high + room
