"""How long it takes to say where a city is measured: 5,000 sensors, 200 districts.

The ground is worked out once for each reading of the city, the counts whenever another set of
sensors is live. The peer does the same count and the same distances with GeoPandas' way of working:
shapely's index for districts and scipy's tree for the nearest live sensor of each subject.
"""

from __future__ import annotations

import time

import numpy as np
from tests.perf.row import Row, row

from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.coverage import LIVE, STALE, Ground, ground, judged

SENSORS, SIDE, HOMES, KINDS, ROUNDS = 5_000, 12_000.0, 20_000, 40, 9
ACROSS, DOWN = 20, 10


def rows() -> list[Row]:
    assets, streams = _city()
    base = ground(assets, streams)
    rng = np.random.default_rng(3)
    takes, peers = [], []
    for _ in range(ROUNDS):
        state = np.where(rng.random(SENSORS) < 0.7, LIVE, STALE).astype(np.int8)
        begun = time.perf_counter()
        found = judged(base, state)
        takes.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        near = _by_tree(base, assets, streams, state)
        peers.append(time.perf_counter() - begun)
        np.testing.assert_allclose(np.nan_to_num(found.near), np.nan_to_num(near), atol=1e-9)
    ours, theirs = 1000 * float(np.median(takes)), 1000 * float(np.median(peers))
    return [row("coverage of 200 districts anew", ours, "ms", "scipy's tree per subject", theirs)]


def _city() -> tuple[dict[str, Asset], list[Datastream]]:
    rng = np.random.default_rng(7)
    found = []
    wide, tall = SIDE / ACROSS, SIDE / DOWN
    for c in range(ACROSS):
        for r in range(DOWN):
            x, y = c * wide, r * tall
            turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
            ring = [(x + wide * (0.5 + 0.5 * np.cos(t)), y + tall * (0.5 + 0.5 * np.sin(t)), 0.0)
                    for t in turn]  # fmt: skip
            name = f"D{c}-{r}"
            found.append(Asset(name, "District", name, "city", path=(*ring, ring[0])))
    homes = rng.uniform(0, SIDE, (HOMES, 2)).tolist()
    found += [Asset(f"H{n}", "Building", "", "buildings", x=x, y=y, people=3)
              for n, (x, y) in enumerate(homes)]  # fmt: skip
    sites = rng.uniform(0, SIDE, (SENSORS, 2)).tolist()
    found += [Asset(f"S{n}", "Post", "", f"domain {n % 5}", x=x, y=y)
              for n, (x, y) in enumerate(sites)]  # fmt: skip
    streams = [Datastream(n, "gw", f"{n}", kind=f"kind {n % KINDS}", asset=f"S{n}")
               for n in range(SENSORS)]  # fmt: skip
    return {a.id: a for a in found}, streams


def _by_tree(
    base: Ground, assets: dict[str, Asset], streams: list[Datastream], state: np.ndarray
) -> np.ndarray:
    """Share of people near a live sensor by district and subject, a tree for each subject."""
    from scipy.spatial import cKDTree

    at = np.array([(assets[s.asset].x, assets[s.asset].y) for s in streams])
    areas = len(base.districts.names)
    heads = np.bincount(base.pool_district, base.weight, areas)
    near = np.full((areas, len(base.subjects)), np.nan)
    for number, subject in enumerate(base.subjects):
        mine = [s.id for s in streams if state[s.id] == LIVE
                and (not subject.kind or s.kind == subject.kind)
                and (not subject.domain or assets[s.asset].domain == subject.domain)]  # fmt: skip
        far, _ = cKDTree(at[mine]).query(base.pool_middle)
        met = np.bincount(base.pool_district, base.weight * (far <= base.rule.within_m), areas)
        np.divide(met, heads, out=near[:, number], where=heads > 0)
    return near
