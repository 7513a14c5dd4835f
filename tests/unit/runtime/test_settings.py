"""Where a setting comes from: built in, policy, user, environment; a policy locks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime import settings


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, function in (("site", "site_config_path"), ("user", "user_config_path")):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.setattr(settings, function, lambda _, folder=folder: folder)
    for key in settings.DEFAULTS:
        monkeypatch.delenv(settings.variable(key), raising=False)
    return tmp_path


def test_the_built_in_value_stands_until_somebody_says_otherwise() -> None:
    assert settings.explain("window.theme") == {
        "value": "dark", "source": "built in", "locked": False,
    }  # fmt: skip


def test_the_user_and_above_him_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write_user_setting("window.theme", "light")
    assert settings.explain("window.theme")["value"] == "light"
    monkeypatch.setenv("LAMPLIGHTER_WINDOW_THEME", "sunlight")
    found = settings.explain("window.theme")
    assert (found["value"], found["source"]) == ("sunlight", "LAMPLIGHTER_WINDOW_THEME")
    monkeypatch.setenv("LAMPLIGHTER_WINDOW_FONT_SCALE", "125")
    assert settings.explain("window.font_scale")["value"] == 125


def test_a_policy_is_above_all_and_locks(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folders / "site" / "policy.toml").write_text("[plugins]\nallow_unsigned = []\n")
    monkeypatch.setenv("LAMPLIGHTER_PLUGINS_ALLOW_UNSIGNED", '["x"]')
    found = settings.explain("plugins.allow_unsigned")
    assert (found["value"], found["locked"]) == ([], True)
    with pytest.raises(LamplighterError, match="locked"):
        settings.write_user_setting("plugins.allow_unsigned", ["x"])


def test_an_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(LamplighterError, match=r"window\.theme"):
        settings.explain("window.colour")


def test_a_damaged_user_file_is_no_obstacle(folders: Path) -> None:
    (folders / "user" / "settings.json").write_text("{broken")
    assert settings.explain("window.theme")["value"] == "dark"
    settings.write_user_setting("window.theme", "light")
    assert settings.user_settings()["window.theme"] == "light"
