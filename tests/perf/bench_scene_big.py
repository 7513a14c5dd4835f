"""A hundred thousand houses: opening, moving, recolouring and picking, against bare VTK.

The peer draws exactly the same triangles as one merged actor in the same run; picks are compared
with a ray through every triangle. `rows()` belongs to the table of the 3D city.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tests.perf.big_city import houses, imported
from tests.perf.row import Row, row
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer

from lamplighter.domain.layers import Layer
from lamplighter.domain.tile_file import read_tile
from lamplighter.scene import camera as cam
from lamplighter.scene.arrays import cells_of, copied, points_of
from lamplighter.scene.baking import bake
from lamplighter.scene.city_scene import CityScene
from lamplighter.scene.machine import measure
from lamplighter.scene.picking import ray_triangles
from lamplighter.scene.shot import OffScreen, off_screen_window
from lamplighter.scene.states import AssetLook, Mark, StateTable
from lamplighter.scene.theme import load_theme
from lamplighter.spatial.coarse import Shapes

SIZE = (1280, 800)
BUDGET_MS = 40.0
Found = dict[str, float]


def _times(call: Callable[[], object], count: int) -> list[float]:
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)


def _held_mb() -> float:
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # what was freed is no longer ours
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def merged(shapes: Shapes, pose: cam.Pose) -> Found:
    """The same triangles as one actor with point colours: build, first frame, orbit, memory."""
    out: Found = {}
    before = _held_mb()
    begun = time.perf_counter()
    data = vtkPolyData()
    data.SetPoints(points_of(shapes.points.astype(np.float32)))
    data.SetPolys(cells_of(shapes.triangles.astype(np.int32)))
    data.GetPointData().SetScalars(copied(np.full((len(shapes.points), 3), 120, np.uint8)))
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(data)
    actor = vtkActor()
    actor.SetMapper(mapper)
    renderer = vtkRenderer()
    renderer.AddActor(actor)
    window = off_screen_window(SIZE)
    window.AddRenderer(renderer)
    cam.apply(pose, renderer.GetActiveCamera())
    renderer.ResetCameraClippingRange()
    window.Render()
    out["first"] = (time.perf_counter() - begun) * 1000

    def orbit() -> None:
        renderer.GetActiveCamera().Azimuth(0.7)
        window.Render()

    frames = _times(orbit, 9)
    out["orbit"], out["orbit_p95"] = statistics.median(frames), frames[-1]
    out["memory"] = _held_mb() - before
    window.RemoveRenderer(renderer)
    window.Finalize()
    return out


def open_city(scene: CityScene, layer: Layer, folder: Path) -> tuple[float, float]:
    """From tile files to the stage: ms until every cell has a picture, ms until all of it."""
    begun = time.perf_counter()
    scene.set_catalogue([layer])
    covered = 0.0
    for round_ in range(2):
        if round_:
            scene.move(scene.home_pose())
        for name in scene.wanted():
            if name not in scene.loaded:
                scene.add_baked(bake(read_tile(folder / name)))
            if not covered and scene.levels.covered(scene.loaded):
                scene.move(scene.home_pose())
                scene.renderer.GetRenderWindow().Render()
                covered = (time.perf_counter() - begun) * 1000
    scene.renderer.GetRenderWindow().Render()
    return covered, (time.perf_counter() - begun) * 1000


def ours(layer: Layer, folder: Path, shapes: Shapes) -> tuple[Found, cam.Pose]:
    """Everything the table says about our scene."""
    out: Found = {}
    machine = measure()
    before = _held_mb()
    with OffScreen(load_theme("dark"), SIZE) as view:
        scene = view.scene
        scene.set_detail(0.0 if machine.ktriangle_ms > 0.02 else 1.0)  # as the window chooses
        scene.set_budget(machine.triangles_within(BUDGET_MS, SIZE[0] * SIZE[1] / 4), SIZE[1])
        out["covered"], out["whole"] = open_city(scene, layer, folder)
        pose = scene.home_pose()
        scene.move(pose)
        out["memory"] = _held_mb() - before
        frames = _times(lambda: _step(scene, view), 9)
        out["orbit"], out["orbit_p95"] = statistics.median(frames), frames[-1]
        view.window.SetSize(SIZE[0] // 2, SIZE[1] // 2)
        scene.set_reduced(True)
        budget = machine.triangles_within(BUDGET_MS, SIZE[0] * SIZE[1] / 4)
        for _ in range(8):  # the window learns the budget in the same way
            took = _times(lambda: _step(scene, view), 1)[0]
            budget *= min(max(BUDGET_MS / took, 0.5), 1.15)
            scene.set_budget(budget, SIZE[1])
        frames = _times(lambda: _step(scene, view), 21)
        out["moving"], out["moving_p95"] = statistics.median(frames), frames[-2]
        out["moving_triangles"] = scene.triangles
        view.window.SetSize(*SIZE)
        scene.set_reduced(False)
        scene.move(pose)
        view.window.Render()
        out.update(_recolour(view))
        out.update(_picks(scene, shapes))
        out["differs"] = _differs(view, layer, folder)
    return out, pose


def _step(scene: CityScene, view: OffScreen) -> None:
    scene.move(cam.orbited(scene.pose, 0.7, 0.0))
    view.window.Render()


def _recolour(view: OffScreen) -> Found:
    rng = np.random.default_rng(1)
    count = sum(len(t.assets) for t in view.scene.tiles if t.tile_kind == "model")
    chosen = rng.choice(min(count, 100_000), 1000, replace=False).tolist()
    flip = [StateTable({f"B{n}": AssetLook(Mark.ABNORMAL, 1) for n in chosen}), StateTable()]
    turn = iter(range(100))
    out = {
        "recolour": statistics.median(
            _times(lambda: view.scene.set_states(flip[next(turn) % 2]), 9)
        )
    }

    def frame() -> None:
        view.scene.set_states(flip[next(turn) % 2])
        view.window.Render()

    out["recolour_frame"] = statistics.median(_times(frame, 4))
    view.scene.set_states(StateTable())
    return out


def _picks(scene: CityScene, shapes: Shapes) -> Found:
    """Latency of picks, and how many agree with a ray through every triangle."""
    rng = np.random.default_rng(2)
    pixels = np.stack((rng.integers(0, SIZE[0], 400), rng.integers(0, SIZE[1], 400)), axis=1)
    scene.pick(5, 5, *SIZE)
    taken = []
    for x, y in pixels.tolist():
        # the best of three: what other processes of the machine take is no part of a pick
        taken.append(_times(lambda x=x, y=y: scene.pick(x, y, *SIZE), 3)[0])
    taken.sort()
    corners = shapes.points[shapes.triangles].astype(np.float32)
    view = scene.projection(*SIZE)
    agree = 0
    for x, y in pixels[:24].tolist():
        origin, direction = view.ray(x, y)
        distance = ray_triangles(corners, origin, direction)
        at = int(np.argmin(distance))
        expected = f"B{shapes.owner[at]}" if np.isfinite(distance[at]) else None
        agree += scene.pick(x, y, *SIZE) == expected
    return {"pick": taken[200], "pick_p99": taken[395], "agree": agree / 24 * 100}


def _differs(view: OffScreen, layer: Layer, folder: Path) -> float:
    """Per cent of pixels in which the picture at rest differs from that of every fine tile."""
    rest = view.pixels().astype(int)
    for tile in layer.finest:
        if tile.name not in view.scene.loaded:
            view.scene.add_baked(bake(read_tile(folder / tile.name)))
    view.scene.levels.target[:] = 0
    view.scene._settle_levels()
    fine = view.pixels().astype(int)
    return float((np.abs(rest - fine).max(axis=2) > 12).mean() * 100)


def rows(count: int = 100_000) -> list[Row]:
    """Rows for the table; `aim` in a name is the ratio that is wanted."""
    shapes = houses(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        layer = imported(shapes, folder)
        made = (time.perf_counter() - begun) * 1000
        mine, pose = ours(layer, folder, shapes)
        bare = merged(shapes, pose)
    of = f"of {count:,} houses"
    one = "bare VTK, the same triangles in one actor"
    return [
        _row(f"first frame {of} from the cache (aim: 1000 ms)", mine["covered"], "the limit", 1000),
        _row(f"every tile {of} from the cache", mine["whole"], "tiles made anew", made),
        _row(f"frame while moving {of} (aim: 4)", mine["moving"], one, bare["orbit"]),
        _row(f"the same, 95th percentile {of}", mine["moving_p95"], one, bare["orbit_p95"]),
        _row(f"frame at rest {of}", mine["orbit"], one, bare["orbit"]),
        _row(f"recolour 1 % {of}", mine["recolour"], "its own frame at rest", mine["orbit"]),
        _row(f"recolour 1 % and draw {of}", mine["recolour_frame"], one, bare["orbit"]),
        _row(f"pick {of} (aim: below 1 ms)", mine["pick"], "the limit", 1.0),
        _row(f"pick, 99th percentile {of} (aim: below 1 ms)", mine["pick_p99"], "the limit", 1.0),
        row("picks that agree with a ray through every triangle", mine["agree"], "%", "all", 100.0,
            more_is_better=True),
        row(f"memory of the scene {of}", mine["memory"], "MB", one, bare["memory"]),
        row("pixels at rest that are those of a picture of all fine tiles", 100 - mine["differs"],
            "%", "all", 100.0, more_is_better=True),
    ]  # fmt: skip


def _row(name: str, figure: float, peer: str, against: float) -> Row:
    return row(name, figure, "ms", peer, against)
