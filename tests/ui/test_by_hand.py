"""Values set by hand in the window: asked for with a reason, marked M, never live inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from lamplighter.domain import wire
from lamplighter.domain.by_hand import HandMark
from lamplighter.domain.city import Datastream
from lamplighter.domain.newest_block import blank
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.ui.by_hand import HandPanel, OriginalWindow, mark_words
from lamplighter.ui.desk import Desk
from lamplighter.ui.value_model import of_datastream
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession


class _Session(FakeSession):
    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.SetByHand() | wire.EndByHand():
                return wire.Ok("3 bar")
            case wire.GetOriginal(key=key):
                return wire.Original(key, "a/b", "feed-1", 1, 7, '{"v":1}')
        return super()._reply(request)


@pytest.fixture
def session(desk: Desk) -> _Session:
    made = _Session(directly, buildings=3)
    desk.connect_session(made)
    return made


@pytest.fixture
def panel(qtbot: object, desk: Desk, session: _Session) -> Iterator[HandPanel]:
    made = HandPanel(desk)
    made.show_stream(desk.city.of_asset["P-01"][0])
    made.show()
    yield made
    for window in (made.form, made.original):
        if window is not None:
            window.close()
    made.close()
    made.deleteLater()


def test_a_value_is_set_with_reason_and_end(
    panel: HandPanel, session: _Session, desk: Desk
) -> None:
    panel.set_value.click()
    form = panel.form
    assert form is not None and not form.primary.isEnabled()
    form.value.setCurrentText("3,5")
    form.reason.setText("sensor broken")
    form.primary.click()
    asked = next(r for r in session.asked if isinstance(r, wire.SetByHand))
    assert (asked.kind, asked.value, asked.reason) == ("value", "3.5", "sensor broken")
    ahead = asked.until_ms - desk.clock.wall_ms()
    assert 7_100_000 < ahead <= 7_200_000


def test_what_stands_is_told_and_can_be_ended(panel: HandPanel, session: _Session) -> None:
    stream = panel._stream
    assert stream is not None
    mark = HandMark(stream.key, "value", "ada", "sensor broken", 1, 2**41, 3.0, "3 bar")
    session.emit(wire.ByHand((mark, replace(mark, key="other/x"))))
    assert "Set by hand to 3 bar by ada" in panel.words.text()
    assert "Not measured" in mark_words(mark)
    assert "counts in no figure" in mark_words(replace(mark, kind="maintenance"))
    panel.end.click()
    ended = [r for r in session.asked if isinstance(r, wire.EndByHand)]
    assert [(e.key, e.kind) for e in ended] == [(stream.key, "value")]
    session.emit(wire.ByHand(()))
    assert not panel.words.isVisible()


def test_the_original_message_opens_as_text(panel: HandPanel) -> None:
    panel.raw.click()
    assert panel.original is not None
    assert panel.original.body.toPlainText() == '{\n  "v": 1\n}'


def test_a_value_set_by_hand_wears_an_m_and_does_not_grow_stale() -> None:
    values = blank(1)
    values.time_ms[0], values.value[0] = 1_000, 3.0
    values.quality[0] = Quality.UNCERTAIN | QualityMark.HAND_SET
    shown = of_datastream(Datastream(0, "gw", "P-1", "bar"), values, 9_000_000)
    assert shown.live and shown.text_with_unit.endswith("M") and "bar" in shown.text_with_unit
    assert "set by hand" in shown.describe()
    values.quality[0] = Quality.GOOD
    assert of_datastream(Datastream(0, "gw", "P-1", "bar"), values, 9_000_000).stale


def test_marked_values_are_no_live_inputs(desk: Desk) -> None:
    values, now = desk.live_values, desk.clock.wall_ms()
    assert values is not None
    rows = {0: QualityMark.HAND_SET, 1: QualityMark.IN_MAINTENANCE}
    quality = values.quality.copy()
    for row, mark in rows.items():
        quality[row] = mark
    marked = type(values)(
        values.batch, now, np.full_like(values.time_ms, now), values.value, values.expected,
        values.spread, values.trust, quality,
    )  # fmt: skip
    assert desk.stale_of(marked, now)[:2].all()
    assert not desk.stale_of(marked, now)[2]


def test_a_cameras_picture_is_shown_instead_of_text(
    qtbot: object, tmp_path: Path, desk: Desk
) -> None:
    image = QImage(80, 60, QImage.Format.Format_RGB32)
    image.fill(0x336699)
    good, bad = tmp_path / "a.png", tmp_path / "b.jpg"
    image.save(str(good))
    bad.write_bytes(b"\xff\xd8\xff")
    parent = QWidget()
    for file in (good, bad):
        made = OriginalWindow(wire.Original("g/picture/age", "", "", 1, 7, "", str(file)), parent)
        assert not made.body.isVisibleTo(made) and made.picture.isVisibleTo(made)
        assert made.picture.pixmap().isNull() == (file is bad)
        made.close()
    parent.deleteLater()
