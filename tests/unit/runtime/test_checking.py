"""A project is checked, mended and brought back to what the file said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fixtures.faulty_city import City, faulty, repeated

from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.findings import CheckResult
from lamplighter.runtime import check_report
from lamplighter.runtime.checking import check_project
from lamplighter.runtime.import_alone import import_into
from lamplighter.spatial.checking.check import check_file
from lamplighter.store import Store

EXPECTED = {
    "flipped": {"303", "307", "ground-faces-up"},
    "inside-out": {"405", "roof-faces-down", "ground-faces-up"},
    "open": {"302"},
    "bent": {"203"},
    "double-point": {"102"},
    "double-face": {"303", "duplicate-face"},
    "orphan": {"missing-parent"},
}


def quiet(text: str) -> None:
    del text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "town"
    Store.create(folder, name="town", clock=SystemClock())
    import_into(folder, [faulty(tmp_path / "faulty.city.json")], say=quiet)
    return folder


def by_object(result: CheckResult) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in result.findings:
        if not finding.fixed:
            found.setdefault(finding.object, set()).add(finding.code)
    return found


def check(project: Path, **wanted: object) -> CheckResult:
    return check_project(project, wire.RunCheck(**wanted), quiet)  # type: ignore[arg-type]


def triangles(project: Path) -> int:
    store = Store.open(project, write=False, clock=SystemClock())
    try:
        return sum(t.triangles for layer in store.layers() for t in layer.finest)
    finally:
        store.close()


def test_each_fault_is_found_at_its_object_and_place(project: Path) -> None:
    result = check(project)
    assert by_object(result) == EXPECTED
    bent = next(f for f in result.findings if f.code == "203")
    assert bent.place is not None and bent.lon is not None and 3 < bent.lon < 8
    assert (bent.surface, bent.severity, bent.fixable) == (1, "error", True)


def test_a_fix_mends_the_city_and_undo_brings_the_finding_back(
    project: Path, tmp_path: Path
) -> None:
    drawn = triangles(project)
    fixed = check(project, fix=True)
    assert by_object(fixed) == {}
    assert {f.object for f in fixed.findings if f.fixed} == set(EXPECTED)
    mended = triangles(project)
    assert mended != drawn
    again = wire.ImportFiles((), again=True)
    import_into(project, [tmp_path / "faulty.city.json"], say=quiet, ask=again)
    assert triangles(project) == mended
    undone = check(project, undo=True)
    assert by_object(undone) == EXPECTED
    assert triangles(project) == drawn


def test_a_fix_of_one_code_leaves_the_others(project: Path) -> None:
    result = check(project, fix=True, codes=("302",))
    assert by_object(result) == {k: v for k, v in EXPECTED.items() if k != "open"}
    assert result.repairs == 1


def test_a_missing_coordinate_system_is_declared_and_taken_back(
    project: Path, tmp_path: Path
) -> None:
    city = City()
    city.building("lost")
    for vertex in city.vertices:
        vertex[0] += 100_000_000
    import_into(project, [city.write(tmp_path / "lost.city.json", crs=False)], say=quiet)
    assert by_object(check(project))[""] == {"missing-crs"}
    fixed = check(project, fix=True, codes=("missing-crs",))
    assert "missing-crs" not in by_object(fixed).get("", set())
    assert by_object(check(project, undo=True))[""] == {"missing-crs"}


def test_objects_with_one_id_get_ids_of_their_own_and_lose_them_again(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    Store.create(folder, name="town", clock=SystemClock())
    import_into(folder, [repeated(tmp_path / "twins.city.jsonl")], say=quiet)
    fixed = check(folder, fix=True)
    assert by_object(fixed) == {}
    assert names(folder) == {"twin", "twin~2"}
    assert by_object(check(folder, undo=True)) == {"twin": {"duplicate-id"}}
    assert names(folder) == {"twin"}


def names(project: Path) -> set[str]:
    store = Store.open(project, write=False, clock=SystemClock())
    try:
        return {a.id for a in store.assets()}
    finally:
        store.close()


def test_a_sensor_in_the_air_is_put_on_the_ground_and_back(project: Path, tmp_path: Path) -> None:
    table = tmp_path / "sensors.csv"
    table.write_text("id,type,lon,lat,height_m\nS-1,Sensor,4.3682,51.9980,400\n")
    import_into(project, [table], say=quiet)
    check(project, fix=True, codes=("sensor-in-the-air",))
    assert height(project, "S-1") == 0.0
    assert "S-1" in by_object(check(project, undo=True))
    assert height(project, "S-1") == 400.0


def height(project: Path, asset: str) -> float | None:
    store = Store.open(project, write=False, clock=SystemClock())
    try:
        return next(a.z for a in store.assets() if a.id == asset)
    finally:
        store.close()


def test_reports_stand_alone(tmp_path: Path) -> None:
    findings = check_file(faulty(tmp_path / "faulty.city.json"))
    result = CheckResult(findings, files=1)
    page, document = tmp_path / "report.html", tmp_path / "report.json"
    check_report.write(page, "town", result)
    check_report.write(document, "town", result)
    text = page.read_text(encoding="utf-8")
    assert "SHELL_NOT_CLOSED" in text and "http" not in text
    known = json.loads(document.read_text(encoding="utf-8"))
    keys = {"code", "severity", "object", "message", "fixable", "fixed"}
    assert known["findings"] and all(keys <= set(f) for f in known["findings"])
    assert known["errors"] == sum(f.severity == "error" for f in result.findings)
