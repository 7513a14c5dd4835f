"""When the city is read anew for datastreams that were not there before."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from lamplighter.domain.observation import Committed, PointColumns
from lamplighter.runtime.new_names import NewNames


def _stored(stream: int) -> Committed:
    one = np.zeros(1, np.int32)
    points = PointColumns(
        np.array([stream], np.int32), np.ones(1, np.int64), np.ones(1), np.zeros(1, np.uint8),
        one, one,
    )  # fmt: skip
    return Committed(1, 1, points, (), (), ())


def test_names_that_another_console_brings_are_read_though_a_feeds_batch_came_first() -> None:
    read: list[int] = []
    streams = [SimpleNamespace(id=0)]
    core = SimpleNamespace(
        city=SimpleNamespace(streams=streams), city_changed=lambda: read.append(len(streams))
    )
    names = NewNames(core, lambda: 0, lambda: None)  # type: ignore[arg-type]
    names.heard()
    names.stored(_stored(0))  # of a feed: it was on its way when the new name was heard
    read.clear()
    names.taken_in(_stored(1))
    assert read == [1]
    streams.append(SimpleNamespace(id=1))
    names.taken_in(_stored(1))
    assert read == [1], "what is known is not read again"
