"""What the health office relies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.plugin_api import load_folder

PLUGIN = load_folder(Path(__file__).parents[1])


def test_it_is_data_alone_and_asks_for_no_rights() -> None:
    assert not list(PLUGIN.folder.glob("*.py"))
    rights = PLUGIN.manifest.rights
    assert not (rights.commands or rights.network or rights.files or rights.personal_data)


@pytest.mark.parametrize(
    ("kind", "limit"), [("no2", 200.0), ("ozone", 240.0), ("noise", 85.0), ("pm10", 120.0)]
)
def test_upper_limits_are_as_agreed(kind: str, limit: float) -> None:
    assert PLUGIN.catalogue.kinds()[kind].limits.high_high == limit


def test_one_station_alone_never_raises_a_critical_alarm() -> None:
    assert min(r.priority for r in PLUGIN.rules.rule) > 1
