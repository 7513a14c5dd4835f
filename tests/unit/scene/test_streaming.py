"""Fine near, coarse far, within the budget, and never an empty cell."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.domain.layers import Layer, LayerView, TileInfo
from lamplighter.scene import streaming
from lamplighter.scene.streaming import Levels, cells_of

EYE = np.array([250.0, 250.0, 150.0])


def layer(side: int = 10, name: str = "L", kind: str = "model") -> Layer:
    """A square city of cells with three pictures each: 9,000, 5,000 and 600 triangles."""
    tiles = []
    for x in range(side):
        for y in range(side):
            low, high = (x * 500.0, y * 500.0, 0.0), (x * 500.0 + 500, y * 500.0 + 500, 20.0)
            for rank, (count, error) in enumerate(((9000, 0.0), (5000, 4.0), (600, 18.0))):
                tiles.append(
                    TileInfo(f"{name}{x}_{y}_{rank}", kind, 2.0 if not rank else 0.0, rank, (x, y),
                             low, high, count, count, rank > 0, error)
                )  # fmt: skip
    return Layer(name, name, kind, tiles=tuple(tiles))


@pytest.fixture
def levels() -> Levels:
    made = Levels()
    made.set_cells(cells_of([layer()], LayerView()))
    return made


def cost(levels: Levels) -> float:
    return float(levels._cost[np.arange(len(levels.cells)), levels.target].sum())


def test_at_rest_everything_that_could_be_told_apart_is_fine(levels: Levels) -> None:
    target = levels.aim(EYE, 800)
    away = levels.distances(EYE)
    pixel = away * 2 * np.tan(np.radians(16)) / 800
    assert (target[pixel < 4.0 / 0.8] == 0).all() and (target[pixel < 18 / 0.8] < 2).all()
    assert set(levels.aim(EYE * 60, 100).tolist()) == {2}


def test_a_moving_eye_keeps_to_its_budget_and_loses_the_far_cells_first(levels: Levels) -> None:
    for budget in (600_000.0, 200_000.0, 90_000.0):
        target = levels.aim(EYE, 800, budget=budget)
        assert cost(levels) <= budget
        away = levels.distances(EYE)
        assert away[target == 0].max(initial=0) <= away[target == 2].min(initial=np.inf) + 1
    assert levels.aim(EYE, 800, budget=1.0).tolist() == [2] * 100  # never nothing at all


def test_memory_is_a_limit_even_at_rest(levels: Levels, monkeypatch) -> None:
    monkeypatch.setattr(streaming, "MOST_RESIDENT", 300_000)
    target = levels.aim(EYE, 8000)
    assert cost(levels) <= 300_000 and target[0] == 0


def test_a_cell_shows_what_is_loaded_until_the_wanted_picture_is_there(levels: Levels) -> None:
    levels.aim(EYE, 800)
    assert not levels.covered(set())
    levels.settle({"L0_0_2"})
    assert levels.shows("L0_0_2") and not levels.shows("L0_0_0")
    assert levels.settle({"L0_0_2", "L0_0_0"}) == {"L0_0_2", "L0_0_0"}
    assert levels.shows("L0_0_0") and not levels.shows("L0_0_2")
    assert levels.shows("no tile of any layer")


def test_coarse_pictures_are_loaded_first_then_the_near_ones(levels: Levels) -> None:
    levels.aim(EYE, 800)
    wanted = levels.wanted(EYE)
    assert all(name.endswith("_2") for name in wanted[:100]) and wanted[100] == "L0_0_0"
    assert levels.covered(wanted[:100]) and len(set(wanted)) == len(wanted)


def test_what_is_far_leaves_when_memory_is_short(levels: Levels, monkeypatch) -> None:
    loaded = {t.name for t in layer().tiles}
    levels.aim(EYE, 800)
    assert levels.surplus(loaded, EYE) == []
    monkeypatch.setattr(streaming, "MOST_RESIDENT", 500_000)
    levels.aim(EYE, 800)
    levels.settle(loaded)
    gone = levels.surplus(loaded, EYE)
    assert gone and not set(gone) & set(levels.wanted(EYE))
    assert gone[0].startswith("L9_9")


def test_a_level_the_user_chose_is_the_finest_and_hidden_layers_have_no_cells() -> None:
    tiles = (
        TileInfo("a", "model", 2.2, 0, (0, 0), (0, 0, 0), (1, 1, 1), 900, 900),
        TileInfo("b", "model", 1.2, 1, (0, 0), (0, 0, 0), (1, 1, 1), 90, 90, error=4.0),
        TileInfo("c", "model", 0.0, 2, (0, 0), (0, 0, 0), (1, 1, 1), 9, 9, True, 18.0),
        TileInfo("d", "model", 1.0, 0, (1, 0), (0, 0, 0), (1, 1, 1), 9, 9),
    )
    one = Layer("L", "L", "model", tiles=tiles)
    cells = cells_of([one], LayerView(lod={"L": 1.2}))
    assert [[lv.tiles for lv in c.levels[c.first :]] for c in cells] == [[("b",), ("c",)], [("d",)]]
    levels = Levels()
    levels.set_cells(cells)
    assert levels.aim(np.zeros(3), 800).tolist() == [1, 0]
    levels.settle({"a", "d"})
    assert levels.shows("a")  # until the chosen one is loaded
    assert levels.settle({"a", "b", "d"}) == {"a", "b"}
    assert cells_of([one], LayerView(hidden=frozenset({"L"}))) == []
    assert cells_of([one], LayerView(reality="mesh")) == []
    assert len(cells_of([one], LayerView(), {"a"})[0].levels) == 1
