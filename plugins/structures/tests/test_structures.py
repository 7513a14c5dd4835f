"""What the bridge engineer relies on."""

from __future__ import annotations

from pathlib import Path

from lamplighter.plugin_api import load_folder

PLUGIN = load_folder(Path(__file__).parents[1])
RULES = {r.id: r for r in PLUGIN.rules.rule}


def test_it_is_data_alone() -> None:
    assert not list(PLUGIN.folder.glob("*.py"))


def test_strain_beyond_design_is_critical_and_latched() -> None:
    rule = RULES["strain-dangerous"]
    assert (rule.priority, rule.latching) == (1, True)


def test_tilt_is_watched_to_both_sides() -> None:
    tilt = {r.condition for r in RULES.values() if r.kind == "tilt"}
    assert tilt == {"above", "below"}


def test_the_first_advice_is_to_compare_with_the_other_sensors() -> None:
    for rule in RULES.values():
        assert rule.guidance[0].startswith("Compare"), rule.id
