"""Imports into a real store: what comes in, what a second import does, what taking back leaves."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
from tests.fixtures import cities

from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.import_alone import import_into
from lamplighter.runtime.importing import Importer, ImportResult
from lamplighter.runtime.layers import list_layers, remove_layer
from lamplighter.runtime.plugins import load_plugins
from lamplighter.runtime.project import create, opened
from lamplighter.runtime.resources import own_command
from lamplighter.runtime.tile_cache import ensure_tiles
from lamplighter.workers import WorkerPool

PUMPS = "id,type,lon,lat,vendor\nP-1,Pump,4.4,51.9,A\nP-2,Pump,4.401,51.9,A\n"
LINKS = "source,kind,target\nP-1,feeds,P-2\n"
STREAMS = "source,datastream,asset,kind\ngw,p1,P-1,pressure\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    create(tmp_path / "town")
    return tmp_path / "town"


def bring(project: Path, *paths: Path, **wishes: object) -> ImportResult:
    ask = wire.ImportFiles(tuple(map(str, paths)), **wishes)  # type: ignore[arg-type]
    with opened(project, write=True) as store:
        pool = WorkerPool(own_command(), store.folder / "cache", SystemClock(), keep_warm=False)
        try:
            return Importer(store, load_plugins(), pool).run(ask, lambda *step: None)
        finally:
            pool.stop()


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_comes_in_models_first_and_the_second_time_nothing_is_read(
    tmp_path: Path, project: Path
) -> None:
    data = tmp_path / "data"
    write(data, "a-pumps.csv", PUMPS)
    write(data, "z-town.city.json", cities.cityjson_text())
    write(data, "LICENSE", "MIT License\n\nCopyright (c) the town\n")
    write(data, ".hidden", "x")
    write(data, "broken.json", "{")
    first = bring(project, data)
    names = [Path(r.file).name for r in first.reports]
    assert names == ["broken.json", "z-town.city.json", "a-pumps.csv"]
    assert [bool(r.error) for r in first.reports] == [True, False, False]
    assert {Path(p.file).name for p in first.passed_over} == {"LICENSE", ".hidden"}
    assert {(r.licence, r.terms_from) for r in first.reports[1:]} == {("MIT", "LICENSE")}
    second = bring(project, data)
    assert [r.already for r in second.reports] == [False, True, True]
    assert second.reports[2].placed == 2, "the row still tells what is in"
    assert "already in" in second.reports[2].warnings[-1]


def test_a_mesh_of_the_same_object_adds_to_the_model_and_never_replaces_it(
    tmp_path: Path, project: Path
) -> None:
    model = write(tmp_path, "town.city.json", cities.cityjson_text())
    name = next(iter(json.loads(model.read_text())["CityObjects"]))
    x, y, z = cities.CORNER
    corners = f"v {x} {y} {z}\nv {x + 9} {y} {z}\nv {x} {y + 9} {z + 1}\n"
    mesh = write(tmp_path, "scan.obj", f"{corners}o {name}\nf 1 2 3\n")
    bring(project, model)
    with opened(project) as store:
        before = next(a for a in store.assets() if a.id == name)
    bring(project, mesh)
    with opened(project) as store:
        after = next(a for a in store.assets() if a.id == name)
        assert {one.kind for one in store.layers()} == {"model", "mesh"}
    assert (after.type, after.source_file, after.x) == (before.type, "town.city.json", before.x)


def test_taking_a_layer_back_leaves_nothing_of_it(tmp_path: Path, project: Path) -> None:
    files = [
        write(tmp_path, "pumps.csv", PUMPS),
        write(tmp_path, "links.csv", LINKS),
        write(tmp_path, "streams.csv", STREAMS),
    ]
    bring(project, *files)
    preview = remove_layer(project, "pumps", preview=True)
    assert (preview["assets"], preview["bindings"], preview["done"]) == (2, 1, False)
    with opened(project) as store:
        assert len(store.assets()) == 2
    assert remove_layer(project, "links", preview=False)["edges"] == 1
    assert remove_layer(project, "pumps", preview=False)["done"]
    with opened(project) as store:
        assert store.assets() == []
        assert store.edges() == []
        assert [d.asset for d in store.datastreams()] == [""]
        assert any("removed: 2 assets" in w for r in store.imports() for w in r.warnings)
    assert [one["id"] for one in list_layers(project)] == ["streams"]
    bring(project, files[0])
    with opened(project) as store:
        assert [d.asset for d in store.datastreams()] == ["P-1"], "bound again when it is back"


def test_tiles_and_copies_of_a_layer_that_was_taken_back_leave_the_disk(
    tmp_path: Path, project: Path
) -> None:
    bring(project, write(tmp_path, "town.city.json", cities.cityjson_text()))
    assert list((project / "cache" / "tiles").glob("*.npz"))
    assert list((project / "media" / "sources").iterdir())
    remove_layer(project, "town.city", preview=False)
    assert not list((project / "cache" / "tiles").iterdir())
    assert not list((project / "media" / "sources").iterdir())
    with opened(project) as store:
        assert store.tiles() == []


def test_an_asset_two_files_describe_falls_back_to_what_the_other_said(
    tmp_path: Path, project: Path
) -> None:
    bring(project, write(tmp_path, "pumps.csv", PUMPS))
    register = "id,type,name,vendor,station\nP-1,Pump,North 1,B,North\n"
    bring(project, write(tmp_path, "register.csv", register))
    with opened(project) as store:
        both = {a.id: a for a in store.assets()}["P-1"]
    assert (both.name, both.attributes["vendor"], both.x is not None) == ("North 1", "B", True)
    counted = remove_layer(project, "register", preview=False)
    assert (counted["assets"], counted["kept_assets"]) == (0, 1)
    with opened(project) as store:
        alone = {a.id: a for a in store.assets()}["P-1"]
        assert store.said() == []
    assert (alone.name, alone.attributes, alone.layer) == ("P-1", {"vendor": "A"}, "pumps")


def test_a_newer_version_of_a_file_keeps_ids_and_lists_what_is_different(
    tmp_path: Path, project: Path
) -> None:
    path = write(tmp_path, "pumps.csv", PUMPS)
    bring(project, path)
    path.write_text("id,type,lon,lat,vendor\nP-1,Pump,4.4,51.9,B\nP-3,Pump,4.402,51.9,A\n")
    found = bring(project, path).reports[0].difference
    assert found is not None
    assert (found.added_ids, found.removed_ids) == (["P-3"], ["P-2"])
    assert (found.changed, found.moved, found.attributes) == (1, 0, {"vendor": 1})
    with opened(project) as store:
        assert {a.id for a in store.assets()} == {"P-1", "P-3"}
        assert len(store.layers()) == 1


def test_a_file_from_elsewhere_can_replace_a_layer(tmp_path: Path, project: Path) -> None:
    bring(project, write(tmp_path, "pumps.csv", PUMPS))
    newer = write(tmp_path, "2027/pumps-2027.csv", PUMPS.replace("4.401", "4.405"))
    found = bring(project, newer, replace="pumps").reports[0].difference
    assert found is not None and found.moved == 1
    assert [(x["id"], x["source_file"]) for x in list_layers(project)] == [("pumps", str(newer))]
    with pytest.raises(LamplighterError, match="there is no layer"):
        bring(project, newer, replace="nothing")


def test_two_files_of_one_name_stay_apart(tmp_path: Path, project: Path) -> None:
    write(tmp_path / "d", "north/pumps.csv", PUMPS)
    write(tmp_path / "d", "south/pumps.csv", PUMPS.replace("P-", "S-"))
    bring(project, tmp_path / "d")
    assert [one["id"] for one in list_layers(project)] == ["pumps", "pumps-2"]
    remove_layer(project, "pumps-2", preview=False)
    with opened(project) as store:
        assert {a.id for a in store.assets()} == {"P-1", "P-2"}


def test_a_preview_tells_what_would_come_and_keeps_nothing(tmp_path: Path, project: Path) -> None:
    town = write(tmp_path, "town.city.json", cities.cityjson_text())
    found = bring(project, town, preview=True)
    assert found.reports[0].placed == 1
    with opened(project) as store:
        assert (store.assets(), store.layers(), store.frame()) == ([], [], None)


def test_cancelling_keeps_what_was_taken_and_says_what_was_not_read(
    tmp_path: Path, project: Path
) -> None:
    for number in range(6):
        text = cities.cityjson_text().replace("B1", f"B{number}")
        write(tmp_path / "d", f"{number}.city.json", text + " " * 4_000_000)
    with opened(project, write=True) as store:
        pool = WorkerPool(own_command(), store.folder / "cache", SystemClock(), keep_warm=False)
        importer = Importer(store, load_plugins(), pool)
        once = threading.Event()

        def progress(done: int, total: int, text: str) -> None:
            if done >= 2000 and not once.is_set():
                once.set()
                importer.cancel()

        try:
            result = importer.run(wire.ImportFiles((str(tmp_path / "d"),)), progress)
        finally:
            pool.stop()
        kept = len(store.layers())
    assert result.cancelled
    assert result.unread == 6 - len(result.reports) > 0
    assert kept == len(result.reports)
    again = import_into(project, [tmp_path / "d"], say=lambda text: None)
    assert (again["already"], again["unread"], again["cancelled"]) == (kept, 0, False)
    assert json.dumps(again["files"])
    assert again["peak_rss_mb"] > 100


def test_the_drawing_cache_is_made_anew_from_the_kept_originals(
    tmp_path: Path, project: Path
) -> None:
    town = write(tmp_path, "town.city.json", cities.cityjson_text())
    bring(project, town)
    town.unlink()
    folder = project / "cache" / "tiles"
    before = {path.name: path.read_bytes() for path in folder.glob("*.npz")}
    shutil.rmtree(folder)
    said: list[str] = []
    ensure_tiles(project, said.append)
    assert {path.name: path.read_bytes() for path in folder.glob("*.npz")} == before
    assert said == ["the drawing cache is made anew for 1 layers"]
    shutil.rmtree(folder)
    shutil.rmtree(project / "media" / "sources")
    ensure_tiles(project, said.append)
    assert said[-1] == "town.city: its original is not kept; import it again"
