"""States can be told apart by everybody, and every pair of tokens keeps its contrast."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from lamplighter.ui import tokens
from tests.kit.colour import SIGHT, chroma_share, difference, lab, of_hex
from tests.ui.test_theme import contrast

STATES = ("critical", "high", "medium", "low", "normal")
GROUNDS = ("window", "panel", "raised", "inset", "hover", "selected")


def test_the_distance_is_the_published_one() -> None:
    one, two = np.array([50.0, 2.6772, -79.7751]), np.array([50.0, 0.0, -82.7485])
    assert difference(one, two) == pytest.approx(2.0425, abs=1e-4)
    far = np.array([22.7233, 20.0904, -46.6940]), np.array([23.0331, 14.9730, -42.5619])
    assert difference(*far) == pytest.approx(2.0373, abs=1e-4)


@pytest.mark.parametrize(("name", "sight"), list(product(tokens.THEMES, SIGHT)))
def test_states_differ_for_every_kind_of_sight(name: str, sight: str) -> None:
    colours = tokens.load().themes[name]["state"]
    seen = {s: lab(of_hex(str(colours[s])), sight) for s in STATES}
    for one, two in combinations(STATES, 2):
        found = difference(seen[one], seen[two])
        assert found >= 14.95, f"{one} and {two}: {found:.1f}"


@pytest.mark.parametrize("name", tokens.THEMES)
def test_every_pair_of_tokens_keeps_its_contrast(name: str) -> None:
    colours = tokens.load().themes[name]
    words, marks = (7.0, 7.0) if name == "sunlight" else (4.5, 3.0)
    grounds = [g for g in GROUNDS if not (name == "sunlight" and g == "selected")]
    lines = [("line", "strong"), ("state", "hollow"), ("action", "focus")]
    if name == "dark":
        lines += [("state", s) for s in ("critical", "high", "medium", "low")]
    else:
        lines.append(("line", "outlineState"))
    for ground in grounds:
        under = str(colours["bg"][ground])
        for text in ("primary", "secondary", "muted"):
            found = contrast(str(colours["text"][text]), under)
            assert found >= words, f"text.{text} on bg.{ground}: {found:.2f}"
        for group, key in lines:
            found = contrast(str(colours[group][key]), under)
            assert found >= marks, f"{group}.{key} on bg.{ground}: {found:.2f}"


@pytest.mark.parametrize("name", tokens.THEMES)
def test_words_on_modes_and_charts_are_legible(name: str) -> None:
    colours = tokens.load().themes[name]
    for mode in ("replay", "scenario"):
        words = contrast(str(colours["mode"]["onMode"]), str(colours["mode"][mode]))
        assert words >= 4.5, mode
    assert contrast(str(colours["mode"]["onDrill"]), str(colours["mode"]["drill"])) >= 4.5
    plot = str(colours["chart"]["plot"])
    for trace in ("trace1", "trace2", "trace3", "trace4", "limit", "axis"):
        found = contrast(str(colours["chart"][trace]), plot)
        assert found >= 3.0, f"{trace}: {found:.2f}"


@pytest.mark.parametrize("name", tokens.THEMES)
def test_only_states_and_modes_have_a_hue(name: str) -> None:
    for group, values in tokens.load().themes[name].items():
        if group in ("state", "mode", "chart"):
            continue
        for key, value in values.items():
            if isinstance(value, str):
                assert chroma_share(of_hex(value), 12.0) == 0.0, f"{group}.{key} {value}"
