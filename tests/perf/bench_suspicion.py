"""What comparing sensors costs: learning, and looking at the newest samples, per datastream.

The peer is the plain way: one ridge of scikit-learn per datastream, fitted on the same rows, asked
for the same predictions. It finds neither repeats nor standstills nor exchanged sensors.
"""

from __future__ import annotations

import time

import numpy as np
from tests.kit.sensor_network import STEP_MS, network
from tests.perf.row import Row, row

from lamplighter.analytics.suspicion.repeated import RepeatWatch
from lamplighter.analytics.suspicion.training import Learning, Looking, learn, look
from lamplighter.domain.task import silent

TOWNS = 12
SAMPLES = 2_000
RECENT = 200
LOOKS = 5
POINTS = 20_000


def town() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(times, values, group) of several small networks side by side."""
    parts = [network(SAMPLES, seed, pressures=9)[0] for seed in range(TOWNS)]
    values = np.hstack(parts)
    group = np.repeat(np.arange(TOWNS), parts[0].shape[1])
    return np.arange(SAMPLES, dtype=np.int64) * STEP_MS, values, group


def rows() -> list[Row]:
    """Learning and looking, in milliseconds of one core a datastream."""
    time_ms, values, group = town()
    count = values.shape[1]
    ids = np.arange(count, dtype=np.int64)
    begun = time.process_time()
    models = learn(Learning(ids, time_ms, values, group), silent)
    learning = 1000 * (time.process_time() - begun) / count
    begun = time.process_time()
    names = tuple(str(i) for i in range(count))
    for _ in range(LOOKS):
        look(Looking(models.items, ids, time_ms[-RECENT:], values[-RECENT:], names, 3, 2.0), silent)
    looking = 1000 * (time.process_time() - begun) / count / LOOKS
    fitted, asked = _plain(values, group)
    return [
        row("compare sensors: learn", learning, "ms a datastream", "ridge of scikit-learn",
            1000 * fitted / count),
        row("compare sensors: look once a minute", looking, "ms a datastream",
            "ridge of scikit-learn", 1000 * asked / count),
        _repeats(),
    ]  # fmt: skip


def _plain(values: np.ndarray, group: np.ndarray) -> tuple[float, float]:
    """Seconds to fit, and to predict the last rows, one model a datastream."""
    from sklearn.linear_model import Ridge

    before = np.vstack([values[:1], values[:-1]])
    fit = ask = 0.0
    for column in range(values.shape[1]):
        others = np.flatnonzero(group == group[column])
        others = others[others != column]
        seen = np.hstack([values[:, others], before[:, others]])
        begun = time.process_time()
        made = Ridge().fit(seen, values[:, column])
        fit += time.process_time() - begun
        begun = time.process_time()
        made.predict(seen[-RECENT:])
        ask += time.process_time() - begun
    return fit, ask


def _repeats() -> Row:
    """Points a second of the watch for repeats, against one dictionary of tuples a datastream."""
    random = np.random.default_rng(2)
    ids = np.arange(500, dtype=np.int32)
    values = random.normal(0.0, 1.0, (POINTS // 500, 500))
    watch = RepeatWatch()
    begun = time.process_time()
    for batch in values:
        watch.take(ids, batch)
    ours = POINTS / (time.process_time() - begun)
    seen: list[dict[tuple[float, ...], int]] = [{} for _ in ids]
    last: list[list[float]] = [[] for _ in ids]
    begun = time.process_time()
    for at, batch in enumerate(values.tolist()):
        for number, value in enumerate(batch):
            last[number] = [*last[number][-5:], value]
            seen[number].setdefault(tuple(last[number]), at)
    plain = POINTS / (time.process_time() - begun)
    return row("watch for repeats", ours, "points/s", "dictionaries of tuples", plain,
               more_is_better=True)  # fmt: skip
