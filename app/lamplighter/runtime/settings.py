"""Settings in layers: built in < machine policy < user < environment; a policy locks its keys."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Final

from platformdirs import site_config_path, user_config_path

from lamplighter.domain.problems import fault

DEFAULTS: Final[dict[str, Any]] = {
    "expected.every_hours": 24,
    "models.trusted_keys": [],
    "plugins.disabled": [],
    "plugins.trusted_keys": [],
    "plugins.allow_unsigned": [],
    "view.detail": "auto",
    "window.theme": "dark",
    "window.font_scale": 100,
    "workers": "local",
}


def policy_file() -> Path:
    """The administrator's file; what it sets is locked."""
    return Path(site_config_path("lamplighter")) / "policy.toml"


def user_file() -> Path:
    """This user's file, written by the program."""
    return Path(user_config_path("lamplighter")) / "settings.json"


def variable(key: str) -> str:
    """Environment variable of a key: `window.theme` is LAMPLIGHTER_WINDOW_THEME."""
    return "LAMPLIGHTER_" + key.upper().replace(".", "_")


def user_settings() -> dict[str, Any]:
    """All values in force."""
    return {key: explain(key)["value"] for key in DEFAULTS}


def explain(key: str) -> dict[str, Any]:
    """`value`, `source` and `locked` of one setting. Raises LamplighterError (U-801)."""
    if key not in DEFAULTS:
        known = ", ".join(sorted(DEFAULTS))
        raise fault("U-801", what=f"there is no setting {key} (there are {known})", name="config")
    policy = _flat(_toml(policy_file()))
    if key in policy:
        return {"value": policy[key], "source": str(policy_file()), "locked": True}
    if variable(key) in os.environ:
        return {
            "value": _parse(os.environ[variable(key)]),
            "source": variable(key),
            "locked": False,
        }
    user = _json(user_file())
    if key in user:
        return {"value": user[key], "source": str(user_file()), "locked": False}
    return {"value": DEFAULTS[key], "source": "built in", "locked": False}


def write_user_setting(key: str, value: Any) -> None:
    """Keep a value for this user. Raises LamplighterError (U-804) for a locked key."""
    if explain(key)["locked"]:
        raise fault("U-804", name=f"Setting {key}", what=f"it is locked by {policy_file()}")
    file = user_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    settings = {**_json(file), key: value}
    part = file.with_suffix(".part")
    part.write_text(json.dumps(settings, indent=1, sort_keys=True), encoding="utf-8")
    part.replace(file)


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
