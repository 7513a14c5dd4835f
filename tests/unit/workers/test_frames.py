"""Frames are checked from the outside in: length, shape, type."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamplighter.domain.problems import Problem
from lamplighter.workers.frames import (
    Begin,
    Done,
    Failed,
    FrameError,
    FromWorker,
    Progress,
    Ready,
    one_line,
    pack,
    read_begin,
    read_from_worker,
)


@pytest.mark.parametrize(
    "frame",
    [
        Ready("analytics"),
        Progress(3, 1, 0, "reading"),
        Done(3, b"\x01\x02"),
        Failed(3, "no", Problem("P-606", "text")),
        Failed(3, "no"),
    ],
)
def test_every_answer_comes_back_as_it_was_sent(frame: FromWorker) -> None:
    stream = io.BytesIO(pack(frame) * 2)

    assert read_from_worker(stream) == frame
    assert read_from_worker(stream) == frame
    assert read_from_worker(stream) is None


def test_an_order_comes_back_as_it_was_sent() -> None:
    order = Begin(7, "lamplighter.spatial.read:run", b"x", ("/a", "/b"), 512, 30)

    assert read_begin(io.BytesIO(pack(order))) == order


def test_a_frame_over_a_megabyte_is_not_sent() -> None:
    with pytest.raises(FrameError, match="may cross"):
        pack(Done(1, bytes(1_000_001)))


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x00",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x09short",
        b"\x00\x00\x00\x01\xc1",
        b"\x00\x00\x00\x01\x80",
    ],
)
def test_broken_frames_are_refused(raw: bytes) -> None:
    with pytest.raises(FrameError):
        read_from_worker(io.BytesIO(raw))


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(raw: bytes) -> None:
    for read in (read_from_worker, read_begin):
        with contextlib.suppress(FrameError):
            read(io.BytesIO(raw))


@given(st.text())
def test_one_line_is_one_printable_line(text: str) -> None:
    line = one_line(text)

    assert line.isprintable()
    assert len(line) <= 200
