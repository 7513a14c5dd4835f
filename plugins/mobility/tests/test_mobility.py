"""What traffic controllers rely on."""

from __future__ import annotations

from pathlib import Path

from lamplighter.plugin_api import load_folder

PLUGIN = load_folder(Path(__file__).parents[1])
RULES = {r.id: r for r in PLUGIN.rules.rule}


def test_a_dark_signal_is_a_consequence_and_never_critical() -> None:
    dark = RULES["signal-dark"]
    assert dark.priority > 1 and not dark.is_cause


def test_a_signal_can_be_operating_or_dark() -> None:
    assert {"operating", "dark"} <= set(PLUGIN.catalogue.kinds()["signal_state"].states)


def test_occupancy_sent_as_a_share_becomes_percent() -> None:
    points = {p.name: p for d in PLUGIN.decoders.decoder for p in d.point}
    assert (points["occupancy"].scale, points["occupancy"].unit) == (100.0, "%")
