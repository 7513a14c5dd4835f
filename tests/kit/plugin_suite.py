"""The contract as tests: what every plugin must keep, whoever wrote it.

A plugin's author subclasses `PluginContract` in a test module and gives the folder:

    class TestMyPlugin(PluginContract):
        folder = Path(__file__).parents[1]
"""

from __future__ import annotations

import ast
import math
import subprocess
import sys
from pathlib import Path

import pytest

from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.importing import ImportedNetwork
from lamplighter.plugin_api import Importer, Model, Plugin, Simulator, load_folder, load_module
from lamplighter.plugin_api.folder import CODE_FILES, DATA_FILES, promise_faults
from lamplighter.plugin_host import PluginHost, PluginState, bound_rules, described


def one_stream_of_each(plugin: Plugin) -> tuple[list[Asset], list[Datastream]]:
    """An asset of each type, and on it a datastream of every kind that fits it (or of all)."""
    domain = plugin.manifest.domain
    assets = [Asset(f"{t.id}-1", t.id, t.name, domain) for t in plugin.catalogue.asset_type]
    kinds = plugin.catalogue.kinds()
    streams = []
    for kind in kinds.values():
        for owner in kind.asset_types or [t.id for t in plugin.catalogue.asset_type]:
            stream = Datastream(
                len(streams), "test", f"{owner}-1.{kind.id}", kind=kind.id, asset=f"{owner}-1"
            )
            streams.append(described(stream, kinds))
    return assets, streams


class PluginContract:
    """Collected only through its subclasses."""

    folder: Path

    @pytest.fixture
    def plugin(self) -> Plugin:
        return load_folder(self.folder)

    def bound(self, plugin: Plugin) -> list[AlarmRule]:
        return bound_rules([plugin], *one_stream_of_each(plugin))

    def test_the_folder_has_every_file_and_nothing_else(self) -> None:
        known = {"plugin.toml", "signature.json", "tests", *DATA_FILES, *CODE_FILES}
        found = {p.name for p in self.folder.iterdir() if not p.name.startswith((".", "__"))}
        assert found - known == set()
        assert found >= {"plugin.toml", "tests", *DATA_FILES}

    def test_the_folder_is_named_like_the_plugin(self, plugin: Plugin) -> None:
        assert plugin.id == self.folder.name

    def test_it_loads_and_keeps_its_promises(self, plugin: Plugin) -> None:
        assert plugin.manifest.fits
        assert promise_faults(plugin) == []

    def test_reading_it_runs_none_of_its_code(self) -> None:
        code = (
            "import sys; from pathlib import Path; from lamplighter.plugin_host import PluginHost\n"
            "h = PluginHost([Path(sys.argv[1])], trusted_by_path=[Path(sys.argv[1])]); h.check()\n"
            "print([m for m in sys.modules if m.startswith('lamplighter_plugins')])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(self.folder.parent)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "[]"

    def test_it_has_no_package_file_and_no_window_code(self) -> None:
        assert not (self.folder / "__init__.py").exists()
        windows = ("PySide6", "PyQt", "qtpy", "pyqtgraph", "vtk", "pyvista")
        for file in self.folder.glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not [n for n in names if n.startswith(windows)]

    def test_every_number_has_a_unit_or_is_a_pure_ratio(self, plugin: Plugin) -> None:
        bare = [k.id for k in plugin.catalogue.kind if not k.unit and not k.states]
        assert [k for k in bare if "kurtosis" not in k and "ratio" not in k] == []

    def test_limits_lie_inside_the_plausible_range(self, plugin: Plugin) -> None:
        for kind in plugin.catalogue.kind:
            low = -math.inf if kind.plausible_low is None else kind.plausible_low
            high = math.inf if kind.plausible_high is None else kind.plausible_high
            assert low < high
            for name in ("low_low", "low", "high", "high_high"):
                limit = getattr(kind.limits, name)
                assert limit is None or low < limit < high, (kind.id, name)

    def test_every_rule_tells_the_operator_what_to_do(self, plugin: Plugin) -> None:
        for rule in plugin.rules.rule:
            assert rule.guidance and rule.cause and rule.consequence, rule.id
            assert rule.cause.endswith(".") and rule.consequence.endswith("."), rule.id
            assert not rule.text.endswith("."), rule.id
            assert rule.respond_within_s <= {1: 900, 2: 14_400}.get(rule.priority, 86_400), rule.id

    def test_critical_rules_are_the_exception(self, plugin: Plugin) -> None:
        priorities = [r.priority for r in plugin.rules.rule]
        assert priorities.count(1) <= max(1, len(priorities) // 5)

    def test_a_numeric_rule_has_a_deadband_or_looks_at_a_state(self, plugin: Plugin) -> None:
        for rule in plugin.rules.rule:
            if rule.condition in {Condition.ABOVE, Condition.BELOW}:
                assert rule.deadband > 0, rule.id

    def test_rules_can_be_bound_to_a_city_that_has_all_kinds(self, plugin: Plugin) -> None:
        bound = self.bound(plugin)
        keys = [(r.id, r.asset) for r in bound]
        assert len(set(keys)) == len(keys)
        assert all(r.owner == plugin.id and r.id.startswith(plugin.id + ".") for r in bound)
        states = {r.id for r in bound if r.condition is Condition.EQUALS}
        expected = {
            f"{plugin.id}.{r.id}" for r in plugin.rules.rule if r.condition is Condition.EQUALS
        }
        assert states == expected

    def test_it_binds_nothing_to_a_city_of_other_kinds(self, plugin: Plugin) -> None:
        stream = Datastream(0, "test", "x", unit="furlong", kind="something_else", asset="A")
        assert bound_rules([plugin], [Asset("A", "Thing", "A", "other")], [stream]) == []

    def test_decoders_name_different_datastreams(self, plugin: Plugin) -> None:
        for decoder in plugin.decoders.decoder:
            names = [p.name for p in decoder.point]
            assert len(set(names)) == len(names), decoder.id

    def test_its_views_use_what_it_defines(self, plugin: Plugin) -> None:
        assert plugin.views.layer and plugin.views.panel
        shown = {t for layer in plugin.views.layer for t in layer.asset_types}
        assert shown <= {t.id for t in plugin.catalogue.asset_type}

    def test_it_reaches_at_least_the_operational_tier(self, plugin: Plugin) -> None:
        assert plugin.quality.tier in {"Operational", "Trusted"}

    def test_a_checkout_trusts_it_by_its_path_and_nobody_else_does(self) -> None:
        parent = self.folder.parent
        here = PluginHost([parent], trusted_by_path=[parent]).get(self.folder.name)
        elsewhere = PluginHost([parent]).get(self.folder.name)
        assert here is not None and here.state is PluginState.ENABLED
        assert elsewhere is not None and elsewhere.state is PluginState.REFUSED
        assert elsewhere.fault is not None and elsewhere.fault.code == "P-602"

    def test_its_python_files_offer_what_the_contract_says(self, plugin: Plugin) -> None:
        simulator, importer = plugin.code("simulator"), plugin.code("importer")
        model = plugin.code("model")
        if simulator is None and importer is None and model is None:
            pytest.skip("data only: this plugin has no code")
        if simulator is not None:
            module = load_module(plugin.id, simulator, plugin.manifest.engines)
            assert isinstance(module, Simulator)
        if model is not None:
            assert isinstance(load_module(plugin.id, model, plugin.manifest.engines), Model)
        if importer is not None:
            module = load_module(plugin.id, importer, plugin.manifest.engines)
            assert isinstance(module, Importer)
            assert all(e.startswith(".") and e == e.lower() for e in module.EXTENSIONS)
            assert module.read.__annotations__["return"] in {ImportedNetwork, "ImportedNetwork"}
