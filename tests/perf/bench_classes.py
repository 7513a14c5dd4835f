"""The learned failure risk of a class, and the risk from ages alone, on public data.

Turbofans are one class of assets, a cycle is a day: half of the units teach, the others are spoken
of at moments of their past. The components of a hundred machines have ages and failures alone: from
half a year on, every thirty days, what others' lives said until then is held against what came.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as in the limited workers

import numpy as np
import numpy.typing as npt
from tests.kit.testdata import prognostics_data
from tests.perf.row import Row, row

from lamplighter.analytics import fleet
from lamplighter.analytics.life import ages, fleet_file, table_file
from lamplighter.analytics.maintenance import TrainRequest, train
from lamplighter.analytics.scoring import ScoreRequest, score
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.task import silent
from lamplighter.runtime.age_watch import lives_of
from lamplighter.runtime.fleet_past import class_streams

Floats = npt.NDArray[np.float64]
DAY_MS = 86_400_000
END_MS = 20_000 * DAY_MS
HORIZON = 30.0
CUTS = 6
"""moments at which each unit is spoken of"""
FIRST_DAY = 180.0
EVERY = 30.0
FOLDS = 5


def rows() -> list[Row]:
    return [*turbofans(), *components()]


def _plain(name: str, figure: float, unit: str, against: str = "") -> Row:
    return {"name": name, "figure": round(float(figure), 3), "unit": unit, "against": against,
            "ratio": None}  # fmt: skip


def _precision(came: Floats, said: Floats) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(came, said))


# ---------------------------------------------------------------------------- a class with values
def turbofans() -> list[Row]:
    found: list[Row] = []
    for name in ("FD001", "FD003"):
        lives = fleet_file.read(prognostics_data("cmapss", f"train_{name}.txt.gz"))
        units = len(lives.unit)
        teach = np.arange(units) % 2 == 0
        with tempfile.TemporaryDirectory() as folder:
            history = _history(lives, np.flatnonzero(teach), lives.length[teach])
            report = train(TrainRequest(history, folder), silent)
            rng = np.random.default_rng(1)
            test = np.flatnonzero(~teach)
            said, came, age, inside, width, silent_ = [], [], [], [], [], 0
            for _ in range(CUTS):
                left = rng.integers(1, 120, test.size)
                seen = np.maximum(lives.length[test] - left, 10)
                left = lives.length[test] - seen
                told = _told(_history(lives, test, seen, ended=False), report.files, folder)
                for unit, gone, days in zip(test.tolist(), seen.tolist(), left.tolist(),
                                            strict=True):  # fmt: skip
                    one = told[f"E-{unit}"]
                    if one.probability_30d is None:
                        silent_ += 1
                        continue
                    said.append(one.probability_30d)
                    came.append(float(days < HORIZON))
                    age.append(float(gone))
                    if days < HORIZON and one.days_low is not None and one.days_high is not None:
                        inside.append(one.days_low <= days <= one.days_high)
                        width.append(one.days_high - one.days_low)
        if not said:
            found.append(_plain(f"Turbofans {name} as a class: frozen", 0.0, "forecasts"))
            continue
        chance, truth = np.array(said), np.array(came)
        naive = float(((report.naive_probability - truth) ** 2).mean())
        title = f"Turbofans {name} as a class, {test.size} units not seen"
        found += [
            row(f"{title}: Brier score", float(((chance - truth) ** 2).mean()), "",
                "the class's rate", naive),
            row("... average precision, fails within 30 cycles", _precision(truth, chance), "",
                "the age", _precision(truth, np.array(age)), more_is_better=True),
            _plain("... 90 % band of the days left covers", float(np.mean(inside)),
                   f"of {len(inside)} failures", f"the card states {report.coverage_90:.2f}"),
            _plain("... its mean width", float(np.mean(width)), "cycles"),
            _plain("... forecasts without a number", silent_, f"of {CUTS * test.size}"),
            _plain("... learning", report.seconds, "s"),
        ]  # fmt: skip
    return found


def _history(
    lives: fleet_file.Lives, units: npt.NDArray[np.int64], seen: npt.NDArray[np.int64],
    *, ended: bool = True,
) -> fleet.FleetHistory:  # fmt: skip
    """The first `seen` cycles of these units with the values a class follows. Those that have ended
    began together; the others are all seen until now."""
    kinds = [f"sensor_{n + 1:02}" for n in range(lives.sensors.shape[1])]
    streams = [
        Datastream(k * len(units) + n, "s", f"{unit}.{kind}", "", kind, f"E-{unit}")
        for n, unit in enumerate(units.tolist()) for k, kind in enumerate(kinds)
    ]  # fmt: skip
    orders = [WorkOrder(f"F-{u}", f"E-{u}", "Failed", "done", finding="failed: core",
                        closed_ms=END_MS) for u in units.tolist()]  # fmt: skip
    followed = class_streams(streams, lambda _: "Engine", orders)["Engine"]
    chosen = sorted({kind for _, kind in followed.values()})
    asset, time_ms, values, over = [], [], [], []
    longest = int(seen.max())
    for place, (unit, cycles) in enumerate(zip(units.tolist(), seen.tolist(), strict=True)):
        begin = int(lives.begin[unit])
        first = END_MS - (longest if ended else cycles) * DAY_MS
        asset.append(np.full(cycles, place))
        time_ms.append(first + np.arange(cycles, dtype=np.int64) * DAY_MS)
        over.append(first + cycles * DAY_MS)
        mine = lives.sensors[begin : begin + cycles]
        values.append(mine[:, [kinds.index(k) for k in chosen]])
    count = len(units) if ended else 0
    return fleet.FleetHistory(
        tuple(f"E-{u}" for u in units.tolist()), tuple(chosen), np.concatenate(asset),
        np.concatenate(time_ms), np.concatenate(values), np.arange(count),
        np.array(over[:count], np.int64), np.ones(count, np.bool_), mode="engine",
    )  # fmt: skip


def _told(history: fleet.FleetHistory, files: dict[str, str], folder: str) -> dict:  # type: ignore[type-arg]
    request = ScoreRequest(folder, files, history, END_MS, END_MS)
    return {p.asset: p for p in score(request, silent)}


# ------------------------------------------------------------------------------ ages and no values
def _days(column: tuple[str, ...]) -> Floats:
    when = np.array([np.datetime64(t.replace(" ", "T")) for t in column])
    found: Floats = when.astype("datetime64[ms]").astype(np.int64) / DAY_MS
    return found


def _records() -> tuple[list[Asset], list[WorkOrder]]:
    """The machines' components, and their failures and replacements as closed orders."""
    tables = {
        name: table_file.read(prognostics_data("azure_pdm", f"PdM_{name}.csv.gz")).columns
        for name in ("maint", "failures")
    }
    orders = []
    for name, column, finding in (("failures", "failure", "failed: worn"), ("maint", "comp", "")):
        table = tables[name]
        for n, (machine, part, day) in enumerate(
            zip(table["machineID"], table[column], _days(table["datetime"]), strict=True)
        ):
            orders.append(WorkOrder(f"{name}-{n}", f"{machine}.{part}", "Replace the part", "done",
                                    finding=finding, closed_ms=round(day * DAY_MS)))  # fmt: skip
    names = sorted({o.asset for o in orders})
    return [Asset(n, n.partition(".")[2], n, "") for n in names], orders


def components() -> list[Row]:
    assets, orders = _records()
    fell = sorted(o.closed_ms / DAY_MS for o in orders if o.finding)
    first, end = fell[0] + FIRST_DAY, max(o.closed_ms for o in orders) / DAY_MS
    looks: list[tuple[float, float, float, float, float]] = []
    spoke = classes = 0
    for now in np.arange(first, end - HORIZON, EVERY):
        known = [o for o in orders if o.closed_ms <= now * DAY_MS]
        for lives in lives_of(assets, known, round(now * DAY_MS)):
            classes += 1
            ours, theirs = ages.judged(lives)
            spoke += ours < theirs
            looks += _fold(lives, orders, now)
    chance, plain, age, came, watched = np.array(looks).T
    stated = float((-np.log1p(-np.minimum(chance, 0.999)) * watched).sum())
    known_ = (came > 0) | (watched >= 1.0)  # a part renewed before tells nothing
    truth = came[known_]
    title = f"Components with ages alone, {len(truth):,} looks at {len(assets)} parts"
    return [
        row(f"{title}: Brier score", float(((chance[known_] - truth) ** 2).mean()), "",
            "the component's rate", float(((plain[known_] - truth) ** 2).mean())),
        row("... average precision, fails within 30 days", _precision(truth, chance[known_]), "",
            "age over the mean interval", _precision(truth, age[known_]), more_is_better=True),
        _plain("... failures stated for the days watched", stated, "",
               f"came: {came.sum():.0f} in {len(came):,} looks"),
        _plain("... classes that would speak", spoke, f"of {classes}",
               "the others are frozen: age tells no more than the rate"),
    ]  # fmt: skip


def _fold(
    lives: ages.Lives, orders: list[WorkOrder], now: float
) -> list[tuple[float, float, float, float, float]]:
    """(chance, plain rate, age over the mean interval, failed, share of the thirty days in which
    it was watched) of each running part, from the lives of other machines alone."""
    machine = np.array([int(bytes(n).decode().partition(".")[0]) for n in lives.names])[lives.asset]
    after: dict[str, list[tuple[float, bool]]] = {}
    for order in orders:
        day = order.closed_ms / DAY_MS
        if now < day <= now + HORIZON:
            after.setdefault(order.asset, []).append((day, bool(order.finding)))
    found = []
    for fold in range(FOLDS):
        out = machine % FOLDS == fold
        others = ages.Lasting(lives.entry[~out], lives.end[~out], lives.failed[~out])
        for r in np.flatnonzero(out & lives.running).tolist():
            day, failed = min(after.get(lives.name(r), [(now + HORIZON, False)]),
                              key=lambda one: (one[0], not one[1]))  # fmt: skip
            mine, watched = float(lives.end[r]), (day - now) / HORIZON
            rate = others.total / max(others.served, 1.0)
            chance = float(others.chance(np.array([min(mine, others.oldest)]))[0])
            found.append((chance, others.naive(), mine * rate, float(failed), watched))
    return found


if __name__ == "__main__":
    for each in rows():
        print(each)
    print(Path(__file__).name)
