"""The machine is measured once and remembered as long as it stays the same."""

from __future__ import annotations

from pathlib import Path

from lamplighter.scene import machine


def test_a_machine_is_measured_once(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "cache" / "machine.json"
    found = machine.known_machine(file)
    assert found.ktriangle_ms > 0 and found.mpixel_ms > 0 and found.fixed_ms >= 0
    monkeypatch.setattr(machine, "measure", lambda *_: 1 / 0)
    assert machine.known_machine(file) == found


def test_another_machine_or_a_damaged_file_is_measured_anew(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "machine.json"
    file.write_text("{")
    other = machine.Machine("other", 1.0, 2.0, 3.0)
    monkeypatch.setattr(machine, "measure", lambda *_: other)
    assert machine.known_machine(file) == other
    monkeypatch.setattr(machine, "measure", lambda key, _: machine.Machine(key, 4.0, 5.0, 6.0))
    assert machine.known_machine(file).fixed_ms == 4.0
    assert other.triangles_within(40.0, 1e6) == 18_000.0
