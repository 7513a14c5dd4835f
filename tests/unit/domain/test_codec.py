"""Arrays cross between processes however many there are of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec import Struct

from lamplighter.domain.codec import MAX_FRAME_BYTES, Codec


class Many(Struct, frozen=True):
    columns: tuple[np.ndarray, ...]


def test_many_small_arrays_do_not_fill_a_message(tmp_path: Path) -> None:
    sent = Many(tuple(np.arange(2_000) + k for k in range(300)))
    data = Codec(tmp_path).encode(sent)

    assert len(data) < MAX_FRAME_BYTES
    back = Codec(tmp_path).decode(data, Many)
    assert all(np.array_equal(a, b) for a, b in zip(sent.columns, back.columns, strict=True))
    assert list(tmp_path.iterdir()) == []


def test_each_message_has_its_room_anew(tmp_path: Path) -> None:
    codec = Codec(tmp_path)
    for _ in range(5):
        codec.encode(Many(tuple(np.zeros(20_000) for _ in range(3))))

    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_arrays_stay_in_the_message() -> None:
    sent = Many(tuple(np.arange(2_000) for _ in range(100)))
    data = Codec().encode(sent)

    assert len(data) > MAX_FRAME_BYTES
    assert len(Codec().decode(data, Many).columns) == 100


def test_where_no_file_can_be_written_a_large_array_crosses_in_the_message(tmp_path: Path) -> None:
    sent = Many((np.arange(100_000),))
    data = Codec(tmp_path / "full").encode(sent)

    assert np.array_equal(Codec(tmp_path).decode(data, Many).columns[0], sent.columns[0])
