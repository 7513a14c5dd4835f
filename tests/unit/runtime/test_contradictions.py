"""Two departments' records of one asset are joined, and what they say differently is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.domain.city import Asset
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.layers import Layer
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.project import create, list_assets
from lamplighter.store import Store, WriteAccess


def test_assets_are_listed_with_what_their_sources_say_differently(tmp_path: Path) -> None:
    create(tmp_path / "town")
    store = Store.open(tmp_path / "town", write=True, clock=SystemClock())
    works = Asset("P-1", "Pump", "Pump 1", "water", attributes={"power_kw": 11}, layer="works")
    roads = Asset("P-1", "Pump", "Pump 1", "water", attributes={"power_kw": 15}, layer="roads")

    def put(access: WriteAccess) -> None:
        access.put_layer(Layer("works", "Water works", "table"))
        access.put_layer(Layer("roads", "Roads", "table"))
        access.put_assets([roads, Asset("P-2", "Pump", "Pump 2", "water")])
        access.put_said(works)
        access.put_said(roads)

    store.writer.call(put).result(20)
    store.close()
    found = {a["id"]: a["contradictions"] for a in list_assets(tmp_path / "town")}
    assert found == {
        "P-1": [{"what": "power_kw", "said": [["Water works", "11"], ["Roads", "15"]]}],
        "P-2": [],
    }
    with pytest.raises(LamplighterError) as refused:
        list_assets(tmp_path / "town", type="Pmup")
    assert refused.value.problem.code == "U-809"
