"""What is known of a trained model: its card, its place among the versions, and how it fared.

The card is written once, when the model was trained, and signed with its files. What happens
afterwards (promoted, frozen, inputs that moved) stands in the record around it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from lamplighter.domain.clock import iso

FEWEST_CASES: Final = 20
"""closed cases below which a track record is no record yet"""
TOO_YOUNG: Final = "too young to be judged"
KEPT_WINDOWS: Final = 20
EXPECTED: Final = "expected"
SENSORS: Final = "sensors"
FORECASTS: Final = "forecasts"
RELATIONS: Final = "relations"
OWN_KINDS: Final = frozenset({EXPECTED, SENSORS, FORECASTS, RELATIONS})
"""kinds that speak of the datastreams of one project alone: learned anew on schedule, and of no
use to another project"""


class ModelState(StrEnum):
    CANDIDATE = "candidate"
    IN_USE = "in use"
    EARLIER = "earlier"
    """was in use before another version was promoted"""
    DROPPED = "dropped"
    """its files are gone: newer ones have taken its place; told once and not kept"""


class Figure(Struct, frozen=True):
    """One figure of merit beside the naive rule's on the same rows."""

    name: str
    """e.g. `Brier score`"""
    ours: float | None
    naive: float | None
    unit: str = ""
    higher_is_better: bool = False
    without_age: float | None = None
    """the same figure of a model that was not told how old the asset is"""
    n: int = 0
    """how many cases, assets or rows it was judged on"""
    spread: float | None = None
    """standard deviation over the seeds, where there are several"""

    @property
    def beats_naive(self) -> bool:
        """Strictly better than the naive rule; a figure without both numbers beats nothing."""
        if self.ours is None or self.naive is None:
            return False
        return self.ours > self.naive if self.higher_is_better else self.ours < self.naive


class ModelCard(Struct, frozen=True):
    """Where a model was learned, on what, how it was judged, and how well it did."""

    kind: str
    """what it serves, a short name like `maintenance`; versions are counted per kind"""
    title: str
    """for people: `Failure of bearings within 30 days`"""
    method: str
    """e.g. `bearing hazard 1`"""
    basis: str
    """`simulated history, 12 failures`"""
    from_ms: int
    to_ms: int
    """the training window"""
    units: int
    """assets, stations or datastreams it was learned on"""
    rows: int
    seeds: tuple[int, ...]
    split: str
    """how what it was judged on was kept apart: `folds leave out whole assets`"""
    thresholds: str
    """where its settings and thresholds come from: `training rows alone`"""
    figures: tuple[Figure, ...] = ()
    """the first one decides whether it is better than the naive rule"""
    naive: str = ""
    """what the naive rule is: `the same rate for every asset`"""
    stated: float | None = None
    """stated coverage of its intervals, 0 to 1"""
    covered: float | None = None
    """share that was covered on what it had not seen"""
    covered_n: int = 0
    width: float | None = None
    width_unit: str = ""
    signals: tuple[str, ...] = ()
    """inputs without which it says nothing"""
    inputs: tuple[str, ...] = ()
    with_age: bool | None = None
    """whether age in service is among its inputs"""
    young: str = ""
    """why too little came yet to judge it by; it is not frozen for that"""
    seconds: float = 0.0
    """how long the training took"""
    version: int = 0
    made_ms: int = 0
    owner: str = ""
    """who had it trained, or `automatic`"""
    hash: str = ""
    """over names and contents of all its files; the last four are filled in by the registry"""


class Drift(Struct, frozen=True):
    """How far the inputs of now lie from those of the training."""

    at_ms: int
    rows: int
    worst: str
    """the input that moved most"""
    stability: float
    """population stability index of that input; 0 = as in training"""
    outside: float
    """share of rows beyond the range seen in training"""
    moved: tuple[str, ...] = ()
    """inputs beyond the bound, the worst first"""

    @property
    def words(self) -> str:
        """One line for people."""
        if not self.moved:
            return f"inputs as in training ({self.rows:,} rows)"
        names = ", ".join(name.replace("_", " ") for name in self.moved[:3])
        return f"inputs moved away from training: {names} (stability index {self.stability:.2f})"


class Judged(Struct, frozen=True):
    """One window in which forecasts met what came."""

    from_ms: int
    to_ms: int
    figure: Figure
    backtest: bool = False
    """whether the model was run over the window afterwards, not live"""


class ModelRecord(Struct, frozen=True):
    """A version of a model and what became of it."""

    card: ModelCard
    state: ModelState
    frozen: str = ""
    """why it gives no numbers; empty while it does"""
    frozen_ms: int = 0
    drift: Drift | None = None
    judged: tuple[Judged, ...] = ()
    """the last windows, oldest first"""
    changed_ms: int = 0
    changed_by: str = ""
    reason: str = ""

    @property
    def young(self) -> str:
        """Why it cannot be judged yet; empty once it can, or was."""
        return "" if self.judged or self.frozen else self.card.young

    @property
    def key(self) -> str:
        return model_key(self.card.kind, self.card.version)


def model_key(kind: str, version: int) -> str:
    """How a version is called: `maintenance/3`."""
    return f"{kind}/{version}"


class Told(Struct, frozen=True):
    """What a kept forecast said, without its evidence: read in great numbers."""

    asset: str
    made_ms: int
    horizon_days: float
    probability_30d: float | None
    days_low: float | None = None
    days_high: float | None = None
    naive_probability: float | None = None
    model: str = ""


class ScoreRow(Struct, frozen=True):
    """The track record of one asset class; figures are None below `FEWEST_CASES` closed cases."""

    asset_class: str
    assets: int
    """that were ever forecast"""
    cases: int
    hits: int
    missed: int
    """failures nobody was warned of"""
    false_alarms: int
    missed_without_basis: int
    """of the missed ones those where the model had said that it has no basis"""
    months: float
    """since the first forecast"""
    hit_rate: float | None
    """hits among all faults: hits / (hits + missed)"""
    right_when_warned: float | None
    """hits among all warnings looked at: hits / (hits + false alarms)"""
    false_per_month: float | None
    lead_days: float | None
    """median"""
    stated: float
    """promised coverage of the band of days"""
    covered: float | None
    covered_n: int
    """failures it was judged on"""

    @property
    def has_record(self) -> bool:
        return self.cases >= FEWEST_CASES


class ToldOf(Struct, frozen=True):
    """One anomaly or suspicion, and what a person said of it."""

    detector: str
    """`drift`, `sensor: stuck`"""
    asset: str
    found_ms: int
    verdict: str = ""
    """real | false; empty while nobody has said"""


class VerdictRow(Struct, frozen=True):
    """How the finding of what is unusual fared, of one class of assets or one detector; rates are
    None below `FEWEST_CASES` judged ones.
    """

    group: str
    """class | detector"""
    name: str
    told: int
    real: int
    false: int
    missed: int | None
    """failures of which nothing had been told; of a detector alone that cannot be said"""
    months: float
    """since the first one"""
    hit_rate: float | None
    """real / (real + missed)"""
    right_when_told: float | None
    """real / (real + false)"""
    false_per_month: float | None
    lead_days: float | None
    """median, of real ones that a fault followed"""
    lead_n: int
    """how many these are"""

    @property
    def judged(self) -> int:
        return self.real + self.false

    @property
    def has_record(self) -> bool:
        return self.judged >= FEWEST_CASES


# ------------------------------------------------------------------ in words
def said(window: Judged) -> str:
    """A judged window in words."""
    one = window.figure
    ours = "none" if one.ours is None else f"{one.ours:.3g}"
    naive = "none" if one.naive is None else f"{one.naive:.3g}"
    return f"{one.name} {ours} against {naive}, n = {one.n}"


def card_lines(record: ModelRecord) -> list[tuple[str, str]]:
    """The card in words, line by line, for people."""
    card = record.card
    lines = [
        ("model", f"{card.title} ({record.key}, {card.method})"),
        ("state", record.state.value + _but(record)),
        ("learned from", card.basis),
        ("training window", f"{_minute(card.from_ms)} to {_minute(card.to_ms)} UTC"),
        ("units and rows", f"{card.units:,} units, {card.rows:,} rows"),
        ("kept apart", card.split),
        ("thresholds from", card.thresholds),
        ("seeds", ", ".join(str(s) for s in card.seeds)),
    ]
    lines += [(one.name, figure_words(one)) for one in card.figures]
    lines.append(("naive rule", card.naive))
    if card.stated is not None and card.covered is not None:
        width = "" if card.width is None else f", {card.width:.3g} {card.width_unit} wide"
        lines.append(
            (
                "coverage",
                f"{card.covered:.0%} of stated {card.stated:.0%}, n = {card.covered_n}{width}",
            )
        )
    if card.with_age is not None:
        lines.append(("age in service", "among its inputs" if card.with_age else "not an input"))
    lines += [
        ("needs", ", ".join(s.replace("_", " ") for s in card.signals)),
        ("inputs now", record.drift.words if record.drift else "not compared yet"),
        ("judged", said(record.judged[-1]) if record.judged else "no window has passed yet"),
        ("trained", f"{_minute(card.made_ms)} by {card.owner}, {card.seconds:.1f} s"),
        ("changed", f"{_minute(record.changed_ms)} by {record.changed_by}: {record.reason}"),
        ("hash", card.hash),
    ]
    return [(name, text) for name, text in lines if text]


def _but(record: ModelRecord) -> str:
    if record.frozen:
        return f"; frozen: {record.frozen}"
    return f"; {TOO_YOUNG}: {record.young}" if record.young else ""


def _minute(ms: int) -> str:
    return iso(ms)[:16].replace("T", " ")


def figure_words(one: Figure) -> str:
    """A figure with its naive rule, its n, and what it is without age."""
    ours = "none" if one.ours is None else f"{one.ours:.3g}"
    naive = "none" if one.naive is None else f"{one.naive:.3g}"
    text = f"{ours}, naive {naive}{f' {one.unit}' if one.unit else ''}, n = {one.n}"
    if one.spread is not None:
        text += f", spread over seeds {one.spread:.2g}"
    if one.without_age is not None:
        text += f", without age {one.without_age:.3g}"
    return text


def record_words(row: ScoreRow) -> str:
    """The track record of a class in one sentence; `no record yet` below twenty cases."""
    if not row.has_record:
        return f"no record yet: {row.cases} of {FEWEST_CASES} closed cases"
    parts = []
    if row.hit_rate is not None:
        parts.append(f"warned before {row.hit_rate:.0%} of {row.hits + row.missed} faults")
    if row.false_per_month is not None:
        parts.append(f"{row.false_per_month:.2g} false alarms a month")
    if row.lead_days is not None:
        parts.append(f"{row.lead_days:.2g} days ahead (median)")
    if row.covered is not None:
        parts.append(
            f"days held {row.covered:.0%} of stated {row.stated:.0%} (n = {row.covered_n})"
        )
    return ", ".join(parts)
