"""The data beside the packaged program: signed plugins, the key they are trusted by, no more."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from lamplighter.field import broker
from lamplighter.runtime.plugins import plugin_rows
from lamplighter.runtime.resources import TRUSTED_KEYS, program_keys

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`resources/` and `plugins/` as they go into the program; the program looks there."""
    spec = importlib.util.spec_from_file_location("build_stage", ROOT / "packaging/stage.py")
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "WORK", tmp_path / "work")
    module.stage(tmp_path / "stage")
    monkeypatch.setenv("LAMPLIGHTER_RESOURCES", str(tmp_path / "stage" / "resources"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "stage"


def test_staged_plugins_are_signed_and_enabled(staged: Path) -> None:
    rows = plugin_rows()
    assert {"water", "power", "mobility"} <= {r["id"] for r in rows}
    assert all(r["signed"] and r["state"] == "enabled" for r in rows)


def test_a_plugin_changed_after_the_build_is_refused_alone(staged: Path) -> None:
    with (staged / "plugins" / "water" / "rules.toml").open("a") as file:
        file.write("\n")
    states = {r["id"]: r["state"] for r in plugin_rows()}
    assert states.pop("water") == "refused"
    assert set(states.values()) == {"enabled"}


def test_an_unsigned_folder_put_beside_them_is_refused(staged: Path) -> None:
    (staged / "plugins" / "water" / "signature.json").unlink()
    states = {r["id"]: r["state"] for r in plugin_rows()}
    assert states["water"] == "refused"


def test_the_private_key_does_not_travel(staged: Path) -> None:
    secret = (staged.parent / "work" / "plugin.key").read_bytes()
    assert len(secret) == 32
    assert all(secret not in f.read_bytes() for f in staged.rglob("*") if f.is_file())
    assert (staged.parent / "work" / "plugin.key").stat().st_mode & 0o077 == 0


def test_tests_and_results_stay_behind(staged: Path) -> None:
    names = {p.name for p in staged.rglob("*")}
    assert not {"tests", "results", "__pycache__"} & names
    assert "tokens.json" in names and "district.toml" in names


def test_a_checkout_brings_no_key_of_its_own() -> None:
    assert not (ROOT / "resources" / TRUSTED_KEYS).exists()
    assert program_keys() == []


def test_the_systems_broker_does_not_get_the_programs_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/program/_internal")
    assert broker._system_environment()["LD_LIBRARY_PATH"] == "/program/_internal"
    monkeypatch.setattr("sys.frozen", True, raising=False)
    assert "LD_LIBRARY_PATH" not in broker._system_environment()
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/opt/lib")
    assert broker._system_environment()["LD_LIBRARY_PATH"] == "/opt/lib"
