"""Any file gives a report; archives, folders, caches, cancelling and whole imports."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import zipfile
from pathlib import Path

import pytest
from tests.fixtures import cities
from tests.kit.import_paths import import_paths

from lamplighter.domain.city import Frame
from lamplighter.spatial import archives
from lamplighter.spatial.reader import choose_frame, expand, read_file
from lamplighter.spatial.task import ImportOrder, import_files, take


def error_of(path: Path) -> str:
    report = read_file(path, project_frame=None, tiles_folder=path.parent / "tiles").report
    assert report.error is not None and "\n" not in report.error
    assert report.objects == {} and report.placed == 0
    return report.error


def test_what_is_no_file_or_unknown_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"\x01\x02\x03")
    assert error_of(tmp_path / "missing.json").endswith("[I-507]")
    assert error_of(tmp_path).endswith("[I-507]")
    assert error_of(tmp_path / "a.xyz").endswith("[I-504]")


def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gml")
    assert error_of(tmp_path / "pipe.gml").endswith("[I-507]")


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_an_unreadable_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(cities.cityjson_text())
    path.chmod(0)
    assert error_of(path).endswith("[I-507]")


def test_control_characters_of_a_file_never_reach_the_message(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"type": "x\\u001b[31m\\n\\ny"}')
    assert "\x1b" not in error_of(path)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zipped_city_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "c.zip", {"f/a.json": cities.cityjson_text().encode(), "x.jpg": b"1"})
    found = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    assert found.report.placed == 1 and found.assets[0].source_file == "c.zip"


def test_several_tiles_in_one_archive_become_one_import(tmp_path: Path) -> None:
    second = cities.cityjson_text().replace("B1", "B2")
    path = zipped(
        tmp_path / "c.zip", {"a.json": cities.cityjson_text().encode(), "b.json": second.encode()}
    )
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles").report
    assert (report.objects, report.triangles, report.placed) == ({"Building": 2}, 24, 2)


def test_a_gzipped_city_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.json.gz"
    path.write_bytes(gzip.compress(cities.cityjson_text().encode()))
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles").report
    assert report.placed == 1


def test_names_in_an_archive_never_become_paths(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    evil = {"../../evil.json": cities.cityjson_text().encode(), "/abs.json": b"{}"}
    path = zipped(folder / "c.zip", evil)
    report = read_file(path, project_frame=None, tiles_folder=folder / "tiles").report
    assert report.placed == 1
    written = {p.name for p in tmp_path.rglob("*.json")}
    assert written == set()


def test_a_bomb_is_stopped_by_what_comes_out_of_it(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"a.json": b" " * 60_000_000})
    assert "I-502" in error_of(path)
    packed = tmp_path / "bomb.json.gz"
    packed.write_bytes(gzip.compress(b" " * 60_000_000))
    assert "I-502" in error_of(packed)


def test_a_header_that_lies_about_its_size_does_not_help(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"a.json": b" " * 60_000_000})
    raw = path.read_bytes()
    size = (60_000_000).to_bytes(4, "little")
    path.write_bytes(raw.replace(size, (10).to_bytes(4, "little")))
    assert error_of(path)[-7:] in ("[I-502]", "[I-503]")


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    path = zipped(tmp_path / "many.zip", {f"{n}.json": b"{}" for n in range(6)})
    assert "I-502" in error_of(path)


def test_archives_inside_archives_are_refused(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.json", cities.cityjson_text())
    path = zipped(tmp_path / "outer.zip", {"inner.json": inner.getvalue()})
    assert "I-502" in error_of(path)


def test_the_same_content_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text(cities.cityjson_text())
    first = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    with monkeypatch.context() as patched:
        patched.setattr("lamplighter.spatial.reader.recognise", lambda *_: 1 / 0)
        again = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    assert again.assets == first.assets and again.tiles == first.tiles
    assert again.report.error is None
    (tmp_path / "tiles" / first.tiles[0]).unlink()
    anew = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    assert (tmp_path / "tiles" / anew.tiles[0]).is_file()
    moved = Frame(28992, 90000.0, 435000.0)
    other = read_file(path, project_frame=moved, tiles_folder=tmp_path / "tiles")
    assert other.tiles != first.tiles
    assert other.assets[0].x == pytest.approx(1010)


def test_a_damaged_cache_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(cities.cityjson_text())
    first = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    for kept in (tmp_path / "tiles").glob("*.import"):
        kept.write_bytes(b"\xc1damaged")
    again = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    assert again.assets == first.assets


def test_cancelling_stops_with_a_message(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(cities.cityjson_text())
    report = read_file(
        path, project_frame=None, tiles_folder=tmp_path / "tiles", cancelled=lambda: True
    ).report
    assert report.error is not None and report.error.endswith("[I-508]")


def test_folders_are_expanded_and_companions_passed_over(tmp_path: Path) -> None:
    for name in ("b/z.gml", "b/a.json", "t.jpg", "README.md", "x.weird", ".hidden.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = [p.relative_to(tmp_path).as_posix() for p in expand([tmp_path])]
    assert found == ["x.weird", "b/a.json", "b/z.gml"]
    assert expand([tmp_path / "t.jpg"]) == [tmp_path / "t.jpg"], "what is named is reported"


def test_neighbours_place_a_file_without_a_system_whatever_the_order(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(cities.cityjson_text(crs=None).replace("B1", "N1"))
    (tmp_path / "b.json").write_text(cities.cityjson_text())
    (tmp_path / "bad.json").write_text("{")
    found, frame = import_paths([tmp_path], project_frame=None, tiles_folder=tmp_path / ".tiles")
    assert frame == Frame(28992, 91010.0, 435705.0)
    assert [item.report.placed for item in found] == [1, 1, 0]
    assert "no coordinate system in the file" in found[0].report.crs_evidence
    assert found[2].report.error is not None
    assert choose_frame(found[2:]) is None


def test_an_object_without_a_place_never_replaces_one_that_has_one(tmp_path: Path) -> None:
    empty = cities.cityjson()
    del empty["CityObjects"]["B1"]["geometry"]
    (tmp_path / "a.json").write_text(cities.cityjson_text())
    (tmp_path / "b.json").write_text(json.dumps(empty))
    found, _ = import_paths([tmp_path], project_frame=None, tiles_folder=tmp_path / ".tiles")
    assert [len(item.assets) for item in found] == [1, 0]
    assert any("placed by another file" in warning for warning in found[1].report.warnings)


def test_the_task_answers_with_a_file_that_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(cities.cityjson_text())
    seen: list[tuple[int, int, str]] = []
    answer = import_files(
        ImportOrder((str(path),), str(tmp_path / "tiles")), lambda *step: seen.append(step)
    )
    assert answer.frame == Frame(28992, 91010.0, 435705.0)
    found = take(answer)
    assert found[0].report.placed == 1
    assert not list((tmp_path / "tiles").glob("*.result"))
    assert seen and all(0 <= done <= total for done, total, _ in seen)


def test_random_damage_never_escapes_as_an_exception(tmp_path: Path) -> None:
    dice = random.Random(7)
    sources = {
        "a.json": cities.cityjson_text().encode(),
        "s.jsonl": cities.sequence().encode(),
        "g.gml": cities.citygml().encode(),
        "t.csv": b"id,type,lon,lat\nA,Sensor,4.4,51.9\n",
    }
    for number in range(240):
        name = dice.choice(sorted(sources))
        content = bytearray(sources[name])
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(content))
            if dice.random() < 0.5:
                content[place] = dice.randrange(256)
            else:
                del content[place : min(place + dice.randint(1, 30), len(content) - 1)]
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(bytes(content))
        report = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles").report
        assert report.error is None or "reader failed" not in report.error, report.error
        path.unlink()


def test_one_stray_corner_does_not_move_the_city(tmp_path: Path) -> None:
    document = cities.cityjson("1.0")
    document["vertices"].append([0.0, 0.0, 0.0])
    document["vertices"].append([1e300, 1.0, 0.0])
    stray = {"type": "MultiSurface", "lod": "2", "boundaries": [[[0, 1, 8]], [[0, 1, 9]]]}
    document["CityObjects"]["STRAY"] = {"type": "Building", "geometry": [stray]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    found = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    assert abs(found.suggested_origin[0] - 91010) <= 1
    assert (found.report.placed, found.report.triangles) == (1, 12)
    assert [u.id for u in found.report.unplaced] == ["STRAY"]
    assert any("2 faces have corners" in warning for warning in found.report.warnings)


def test_numbers_beyond_64_bits_are_kept_as_text(tmp_path: Path) -> None:
    document = cities.cityjson()
    document["CityObjects"]["B1"]["attributes"] = {"counter": 2**70}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    found = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    assert found.assets[0].attributes["counter"] == str(2**70)
