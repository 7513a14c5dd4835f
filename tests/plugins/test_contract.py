"""The one contract suite over every plugin of the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kit.plugin_suite import PluginContract

PLUGINS = Path(__file__).parents[2] / "plugins"
FOLDERS = sorted(p for p in PLUGINS.iterdir() if (p / "plugin.toml").is_file())


def test_the_five_domains_are_there() -> None:
    names = {p.name for p in FOLDERS}
    assert names >= {"water", "power", "mobility", "environment", "structures"}


def test_two_domains_are_data_alone() -> None:
    for name in ("environment", "structures"):
        assert list((PLUGINS / name).glob("*.py")) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
class TestContract(PluginContract):
    @pytest.fixture(autouse=True)
    def _use(self, folder: Path) -> None:
        self.folder = folder
