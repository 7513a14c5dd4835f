"""A view file opens identically in another copy of the project, and is refused where it cannot."""

from __future__ import annotations

import msgspec
import pytest

from lamplighter.domain.city import Frame
from lamplighter.domain.layers import Layer, LayerView
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.views import Eye, SavedView, fitted, read_view, write_view

FRAME = Frame(28992, 92_000.0, 437_000.0)
LAYERS = (
    Layer("l-1", "blocks", "model", content_hash="aa"),
    Layer("l-2", "mesh", "mesh", content_hash="bb"),
)
VIEW = SavedView(
    Eye((10.0, 20.0, 3.0), 250.0, 12.5, 44.0),
    name="Quay at noon",
    notes="crane in the way",
    mode="replay",
    at_ms=1_700_000_000_000,
    as_known=False,
    layers=LayerView(hidden=frozenset({"l-2"}), lod={"l-1": 1.0}, reality="model"),
    selection=("P-14",),
    tint="water pressure",
    section=(0.0, 0.0, 0.0, 10.0, 10.0, 5.0),
    sun_ms=1_700_000_000_000,
)


def file_of(view: SavedView = VIEW, frame: Frame | None = FRAME) -> bytes:
    return write_view(view, project="Harbour", program="0.1.0", frame=frame, layers=LAYERS)


def opened(data: bytes, **changed: object):
    here: dict = {
        "frame": FRAME, "layers": {i.id: i for i in LAYERS}, "assets": {"P-14": 1}, "first_ms": 1,
    }  # fmt: skip
    return fitted(read_view(data, "a"), "a", **{**here, **changed})


def refused(data: bytes, **changed: object) -> str:
    with pytest.raises(LamplighterError) as caught:
        opened(data, **changed)
    assert caught.value.problem.code == "U-821"
    return caught.value.problem.text


def test_a_view_comes_back_exactly() -> None:
    found = opened(file_of())
    assert found.view == VIEW and found.missing == ()


def test_another_origin_of_the_same_city_moves_camera_and_section() -> None:
    found = opened(file_of(), frame=Frame(28992, 91_990.0, 437_005.0, 1.0)).view
    assert found.eye.focus == (20.0, 15.0, 2.0)
    assert found.section == (10.0, -5.0, -1.0, 20.0, 5.0, 4.0)


def test_layers_are_known_by_their_content_not_by_their_id() -> None:
    other = {"x": msgspec.structs.replace(LAYERS[1], id="x"),
             "y": msgspec.structs.replace(LAYERS[0], id="y")}  # fmt: skip
    found = opened(file_of(), layers=other)
    assert found.view.layers.hidden == {"x"} and found.view.layers.lod == {"y": 1.0}


def test_what_is_not_here_is_named_and_the_rest_is_shown() -> None:
    found = opened(file_of(), assets={}, layers={"l-1": LAYERS[0]})
    assert found.missing == ("layer mesh", "asset P-14")
    assert found.view.selection == () and found.view.layers.hidden == frozenset()
    late = opened(file_of(), first_ms=1_800_000_000_000)
    assert late.view.mode == "live" and "record" in late.missing[0]


def test_another_city_is_refused_with_the_reason() -> None:
    assert "EPSG:3879" in refused(file_of(), frame=Frame(3879, 92_000.0, 437_000.0))
    assert "another place" in refused(file_of(), frame=Frame(28992, 900_000.0, 0.0))
    assert "another place" in refused(file_of(), frame=None)
    strange = {"z": Layer("z", "other", "model", content_hash="zz")}
    assert "none of its 2 layers" in refused(file_of(), layers=strange)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff\xfe",
        b"[1,2]",
        b'{"lamplighter_view": "one"}',
        b"[" * 100_000,
        b"x" * 2_000_000,
        file_of().replace(b'"mode": "replay"', b'"mode": "dance"'),
        file_of().replace(b'"distance": 250.0', b'"distance": -1'),
        file_of().replace(b'"distance": 250.0', b'"distance": 1e300'),
        file_of()[:200],
    ],
)
def test_what_is_no_view_is_refused_in_one_line(data: bytes) -> None:
    assert "\n" not in refused(data)


def test_a_newer_format_says_so() -> None:
    newer = file_of().replace(b'"lamplighter_view": 1', b'"lamplighter_view": 2')
    assert "another Lamplighter" in refused(newer)


def test_a_section_inside_out_is_refused() -> None:
    bad = msgspec.structs.replace(VIEW, section=(9.0, 0.0, 0.0, 1.0, 1.0, 1.0))
    assert "inside out" in refused(file_of(bad))
