"""What a statement of the layers panel means for one layer."""

from __future__ import annotations

from lamplighter.domain.layers import Layer, LayerView

MODEL = Layer("town", "town", "model")
MESH = Layer("scan", "scan", "mesh")
PIPES = Layer("net", "net", "network")


def test_a_hidden_layer_is_not_shown() -> None:
    view = LayerView(hidden=frozenset({"town"}))
    assert not view.shows(MODEL)
    assert view.shows(MESH)


def test_reality_chooses_between_model_and_mesh_and_leaves_the_rest() -> None:
    assert [LayerView(reality="mesh").shows(x) for x in (MODEL, MESH, PIPES)] == [
        False,
        True,
        True,
    ]
    assert [LayerView(reality="model").shows(x) for x in (MODEL, MESH, PIPES)] == [
        True,
        False,
        True,
    ]


def test_isolating_one_layer_makes_ghosts_of_the_others() -> None:
    view = LayerView(isolated="net")
    assert view.is_ghost(MODEL)
    assert not view.is_ghost(PIPES)
